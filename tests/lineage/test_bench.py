"""The measurement of traces, small: its own checks are what is tried here, and that little is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.cli.bench import lineage as bench
from portal.config import Config
from portal.db import Database
from portal.tables import Base


@pytest.mark.sqlite
@pytest.mark.parametrize(("kind", "most"), [("random", 0.14), ("growing", 0.001)])
def test_small_versions_are_traced_rightly_in_few_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, most: float
) -> None:
    """60,000 of the 65,536 ids of a range: a random one takes a bit for each id of the range."""
    for name, few in (("WRITTEN_DOWN", 1000), ("ORDER", 1000), ("ROUNDS", 2)):
        monkeypatch.setattr(bench, name, few)
    database = Database(Config(data=tmp_path))
    Base.metadata.create_all(database.engine)
    result = bench.measure(database, kind, 60_000, 3)
    database.close()
    assert result["bytes_per_image_and_version"] < most
    assert result["trace_1_cpu_s"] < 1


def test_a_wrong_trace_is_noticed() -> None:
    drawn = [bench.np.packbits(mask) for mask in bench.draw("contiguous", 1000, 2)]
    with pytest.raises(bench.WrongAnswer, match="names other datasets"):
        bench._check([], drawn, 5)

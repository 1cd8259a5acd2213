"""A crew of real processes with the real networks, its worker killed half way."""

from __future__ import annotations

import json
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from portal.cli.bench.scan import command
from portal.config import Config
from portal.db import Database
from portal.errors import Unavailable
from portal.images import to_jpeg
from portal.stores.seeing import Look
from tests.fakes import DrawnFaceEncoder, draw_photograph, drawn_jpeg
from workers import encoder, looking


@pytest.fixture
def crew(config: Config, database: Database, monkeypatch: pytest.MonkeyPatch) -> looking.Crew:
    monkeypatch.setattr(looking, "SPREAD_AFTER", 1)
    object.__setattr__(config, "scan_processes", 2)
    return looking.Crew(config, [encoder.load_encoder()])


@pytest.mark.photographs
def test_processes_of_a_crew_see_what_the_worker_sees(crew: looking.Crew, photographs: Path) -> None:
    batch = [(bytes(32), (photographs / "obama2.jpg").read_bytes()), (bytes(32), b"nothing")]
    with crew:
        first = crew.look(batch[:1]).result(60)
        assert not crew._pool
        second = crew.look(batch).result(60)
        assert crew._pool
    (here,), (there, unreadable) = first, second
    assert isinstance(here, Look)
    assert here == there
    assert len(here.templates[0]) == len(here.boxes) == 1
    assert unreadable[0] == "not-an-image"


def look_on(crew: looking.Crew) -> None:
    while True:
        wait([crew.look([(bytes(32), drawn_jpeg())])], timeout=60)


def test_a_process_that_is_ended_is_told_and_ends_nothing_else(crew: looking.Crew) -> None:
    with crew:
        crew.look([(bytes(32), drawn_jpeg())] * 2).result(60)
        assert crew._pool is not None
        next(iter(crew._pool._processes.values())).kill()
        with pytest.raises(Unavailable, match="was ended"):
            look_on(crew)


def test_a_scan_is_measured_from_its_first_photograph_to_an_unchanged_store(tmp_path: Path) -> None:
    report = tmp_path / "scan.json"
    done = CliRunner().invoke(command, ["--images", "160", "--folder", str(tmp_path), "--json", str(report)])
    assert done.exit_code == 0, done.exception
    seen = json.loads(report.read_text())
    assert seen["images"] == seen["first_encoded"] == seen["first_faceless"] == 160
    assert 80 <= seen["first_seen_when_killed"] < 160
    assert seen["second_seconds"] < seen["first_seconds"]


def test_boxes_of_a_large_photograph_are_in_its_own_pixels() -> None:
    engine = DrawnFaceEncoder()
    pixels = draw_photograph(3, 9, size=(4000, 3000))
    looker = looking.Looker([engine])
    (look,) = looker.look([(bytes(32), to_jpeg(pixels, quality=90))])
    looker.close()
    assert isinstance(look, Look)
    assert (look.width, look.height, len(look.boxes)) == (4000, 3000, 2)
    for box, exact in zip(look.boxes, engine.find(pixels), strict=True):
        assert np.abs(np.subtract(box, exact)).max() <= 8

"""`efface calibrate --folder --labels`: a threshold from photographs that are not held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from portal.cli import calibrate, efface
from portal.db import Database
from portal.errors import BadInput
from portal.matching import thresholds
from portal.tables import Calibration, Encoder
from tests.matching.test_calibration import faces


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder whose faces are made up: encoding real ones is tried elsewhere."""
    vectors, people = faces(people=60, each=4, apart=0.04)
    vectors[5] = np.nan
    folder = tmp_path / "photographs"
    folder.mkdir()
    lines = ["path,person,sex"]
    for number, person in enumerate(people):
        (folder / f"{number}.jpg").write_bytes(b"x")
        lines.append(f"{number}.jpg,{person},{'f' if int(person[1:]) % 2 else 'm'}")
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(lines))
    arrays = {"ours": vectors, "fallback": np.zeros(len(vectors), bool)}
    said: dict[str, Any] = {"name": "made-up", "version": "1"}
    monkeypatch.setattr(calibrate, "templates_of", lambda *_: (said, arrays))
    return folder, labels


@pytest.mark.migrated
def test_a_labelled_folder_makes_the_threshold_of_its_encoder(
    database: Database, labelled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    folder, labels = labelled
    asked = ["calibrate", "--folder", str(folder), "--labels", str(labels), "--candidates", "2"]
    shown = CliRunner().invoke(efface, asked)
    assert shown.exit_code == 0, shown.exception
    assert "fused" in shown.output
    assert "sex=f" in shown.output
    assert "strangers a search in 239 faces" in shown.output
    with database.reading() as session:
        encoder = session.scalars(select(Encoder)).one()
        kept = session.scalars(select(Calibration)).one()
        assert (encoder.name, kept.encoder_id) == ("made-up", encoder.id)
        assert thresholds.thresholds_now(session, encoder, 239).face == min(0.6, kept.threshold or 0)


@pytest.mark.migrated
@pytest.mark.parametrize("options", [("--folder",), ("--labels",), ("--folder", "--labels", "--store")])
def test_options_that_do_not_fit_together_are_refused(
    database: Database, labelled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    given = {"--folder": str(labelled[0]), "--labels": str(labelled[1]), "--store": "okc"}
    arguments = [part for option in options for part in (option, given[option])]
    refused = CliRunner().invoke(efface, ["calibrate", *arguments])
    assert isinstance(refused.exception, BadInput)
    assert "together" in refused.exception.sentence

"""A person sends a selfie. In the end their photographs are gone, nobody else's, and anybody can check it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from portal.cli.demo.running import installation
from portal.cli.demo.stage import set_stage
from portal.cli.demo.story import Story


@pytest.mark.photographs
def test_from_a_selfie_to_a_confirmation_that_anybody_can_check(photographs: Path, tmp_path: Path) -> None:
    stage = set_stage(photographs, tmp_path)
    said: list[str] = []
    with installation(tmp_path / "data", EFFACE_COOLING_HOURS="0") as house:
        story = Story(house, stage, tmp_path, said.append, lambda _look: None)
        report = story.run().as_json()
    assert report["ok"], (report["wrong"], said[-5:])
    counts = report["counts"]
    assert counts["erased"] == counts["confirmed"] == len(stage.true_keys)
    assert (counts["others_touched"], counts["missed"]) == (0, 0)
    assert counts["stopped_at_gate"] == len(stage.comes_back)
    assert counts["rejected"] == 1, "the picture that the person's account posted of somebody else"
    assert counts["unreadable"] == 1
    leaks(tmp_path, stage.selfie.read_bytes())


def leaks(folder: Path, selfie: bytes) -> None:
    """What was handed out or written to disk holds no template and not the selfie."""
    data = json.loads(zipfile.ZipFile(folder / "copy.zip").read("data.json"))
    assert "template" in json.dumps(data), "templates are described"
    longest = max((len(row) for row in walk(data) if isinstance(row, list)), default=0)
    assert longest < 100, "a list of 128 numbers would be a template"
    for path in (folder / "data").rglob("*"):
        if path.is_file():
            assert selfie[2000:3000] not in path.read_bytes(), path


def walk(value: object) -> list[object]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(each for one in inner for each in walk(one))]

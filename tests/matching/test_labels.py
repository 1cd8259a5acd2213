"""A labels file that is wrong is refused, naming what is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from portal.cli.bench import find
from portal.errors import BadInput
from portal.matching.labels import read_labels
from tests.matching.test_calibration import faces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    (folder / "in").mkdir(parents=True)
    for name in ("a.jpg", "in/b.jpg"):
        (folder / name).write_bytes(b"x")
    return folder


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    return file


def test_people_accounts_and_groups_are_read(folder: Path, tmp_path: Path) -> None:
    one, two = read_labels(folder, written(tmp_path, "path,person,account,sex\na.jpg,Anna,a1,f\nin/b.jpg,Ben,,\n"))
    assert (one.path.name, one.person, one.account, one.attributes) == ("a.jpg", "Anna", "a1", {"sex": "f"})
    assert (two.person, two.account, two.attributes) == ("Ben", None, {})
    (only,) = read_labels(folder, written(tmp_path, "key,account\na.jpg,anna\n"))
    assert (only.person, only.account) == ("anna", "anna")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column called path or key"),
        ("path,who\na.jpg,Anna\n", "no column called person"),
        ("path,person\n", "name no photograph"),
        ("path,person\na.jpg,\n", "Line 2"),
        (
            "path,person\na.jpg,Anna\ngone.jpg,Anna\nlost.jpg,Ben\n",
            "2 photographs that are not in .*gone.jpg, lost.jpg",
        ),
        ("path,person\n../labels.csv,Anna\n", "Line 2 of the labels leads out"),
        ('path,person\n"a.jpg,Anna\n', "cannot be read|Line"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_labels(folder, written(tmp_path, text))


def test_a_binary_file_is_no_labels(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(BadInput, match="cannot be read"):
        read_labels(folder, tmp_path / "labels.csv")


def test_fewer_are_missed_at_the_same_number_of_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measuring itself, on made-up people as hard to tell apart as real ones in a large gallery."""
    vectors, people = faces(people=24, each=8, spread=0.032, apart=0.027)
    theirs, _ = faces(people=24, each=8, spread=0.034, apart=0.027)
    labels = tmp_path / "labels.csv"
    labels.write_text("path,person\n" + "".join(f"{n}.jpg,{who}\n" for n, who in enumerate(people)))
    for number in range(len(people)):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    arrays = {"ours": vectors, "peer": theirs, "fallback": np.zeros(len(vectors), bool)}
    arrays["peer"][7] = np.nan
    monkeypatch.setattr(find, "templates_of", lambda *_, **__: ({}, arrays))
    report = tmp_path / "find.json"
    arguments = ["--photos", str(tmp_path), "--labels", str(labels), "--trials", "2", "--json", str(report)]
    done = CliRunner().invoke(find.command, arguments)
    assert done.exit_code == 0, done.exception
    seen = json.loads(report.read_text())
    assert (seen["gallery"], seen["people"], seen["photographs_sought"]) == (168, 24, 336)
    assert seen["missed_ours"] < seen["missed_alone"] <= seen["missed_peer"]
    assert seen["ratio"] == seen["missed_ours"] / seen["missed_peer"] <= 0.6

"""`efface gate`: one answer for people, one for programs, three for shells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal import images
from portal.cli.gate import command
from portal.db import Database
from portal.suppression import suppress
from tests.fakes import draw_photograph, drawn_jpeg
from tests.suppression.rows import an_erasure, an_image

pytestmark = pytest.mark.migrated


@pytest.fixture
def gate(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command, in an installation where photograph 1 was erased."""
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    with database.writing() as session:
        suppress(session, an_erasure(session).id, an_image(session, seed=1))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    (inbox / "deep er").mkdir(parents=True)
    (inbox / "new.jpg").write_bytes(drawn_jpeg(4, seed=4))
    (inbox / "notes.txt").write_text("not a picture")
    return inbox


def erased(quality: int = 50) -> bytes:
    return images.to_jpeg(draw_photograph(1, seed=1), quality=quality)


def test_nothing_stopped(gate: Callable[..., Result], folder: Path) -> None:
    result = gate(folder)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Files checked: 2. Stopped: 0." in result.stderr
    assert "notes.txt" in result.stderr


def test_an_erased_photograph_is_stopped_wherever_it_lies(gate: Callable[..., Result], folder: Path) -> None:
    back = folder / "deep er" / "häß.png"
    back.write_bytes(erased())
    result = gate(folder)
    assert (result.exit_code, result.stdout) == (1, f"{back}\n")


def test_json(gate: Callable[..., Result], folder: Path) -> None:
    (folder / "back.jpg").write_bytes(erased())
    result = gate("--json", folder, folder / "new.jpg")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "checked": 4,
        "stopped": [str(folder / "back.jpg")],
        "no_picture": [str(folder / "notes.txt")],
        "unreadable": [],
    }


def test_what_cannot_be_read_is_not_let_through(gate: Callable[..., Result], folder: Path) -> None:
    (folder / "broken-link.jpg").symlink_to(folder / "nowhere.jpg")
    result = gate(folder, folder / "missing.jpg")
    assert result.exit_code == 2
    assert "missing.jpg: there is no such file" in result.stderr
    assert "broken-link.jpg" in result.stderr
    assert gate("--json", folder / "missing.jpg").exit_code == 2


def test_exact_bytes_of_no_picture_are_compared(gate: Callable[..., Result], folder: Path, database: Database) -> None:
    with database.writing() as session:
        image = an_image(session, seed=9)
        image.digest, image.near_digest = hashlib.sha256(b"raw camera bytes").digest(), None
        suppress(session, an_erasure(session).id, image)
    (folder / "raw.cr2").write_bytes(b"raw camera bytes")
    result = gate(folder)
    assert (result.exit_code, result.stdout) == (1, f"{folder / 'raw.cr2'}\n")


def test_without_an_installation_nothing_is_said_to_be_stopped(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(tmp_path / "empty"))
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 2
    assert "There is no installation in" in result.stderr
    assert not (tmp_path / "empty").exists(), "a slip in the name leaves nothing behind"


def test_a_database_that_is_none_does_not_look_like_a_stopped_file(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "efface.sqlite").write_text("no database")
    monkeypatch.setenv("EFFACE_DATA", str(tmp_path))
    result = CliRunner().invoke(command, [str(folder)])
    assert result.exit_code == 2
    assert "The database does not answer: file is not a database." in result.stderr

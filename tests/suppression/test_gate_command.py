"""`efface gate`: one answer for people, one for programs, three for shells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal import images
from portal.cli import gate as gate_module
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
        "held": [],
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


def test_each_file_is_answered_as_soon_as_it_is_known(gate: Callable[..., Result], folder: Path) -> None:
    back = folder / "back.webp"
    back.write_bytes(erased(80))
    result = gate("--lines", folder, folder / "not-there.jpg")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 2
    assert [(Path(one["path"]).name, one["stopped"], one["picture"]) for one in answers] == [
        ("back.webp", True, True),
        ("new.jpg", False, True),
        ("notes.txt", False, False),
        ("not-there.jpg", None, True),
    ]
    assert "no such file" in answers[-1]["problem"]


def test_names_come_from_standard_input(
    gate: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "back.jpg").write_bytes(erased())
    names = f"{folder / 'new.jpg'}\n\n{folder / 'back.jpg'}\n"
    result = CliRunner().invoke(command, ["-"], input=names)
    assert (result.exit_code, result.stdout) == (1, f"{folder / 'back.jpg'}\n")
    assert "Files checked: 2." in result.stderr


def test_what_is_erased_while_it_runs_counts(
    gate: Callable[..., Result], folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        (folder / f"{number}.jpg").write_bytes(drawn_jpeg(4, seed=4))
    monkeypatch.setattr(gate_module, "RENEW_AFTER", 1)
    monkeypatch.setattr(gate_module.os, "cpu_count", lambda: 1)
    real = gate_module._read

    def erase_meanwhile(openers: object, path: Path) -> object:
        if path.name == "5.jpg":
            with database.writing() as session:
                suppress(session, an_erasure(session).id, an_image(session, seed=4))
        return real(openers, path)  # type: ignore[arg-type]

    monkeypatch.setattr(gate_module, "_read", erase_meanwhile)
    result = gate("--lines", folder)
    stopped = [json.loads(line)["stopped"] for line in result.stdout.splitlines()]
    assert stopped[0] is False
    assert stopped[7] is True


def test_who_opted_out_is_kept_out_of_datasets_alone(
    gate: Callable[..., Result], folder: Path, database: Database
) -> None:
    with database.writing() as session:
        suppress(session, an_erasure(session).id, an_image(session, seed=4), "datasets")
    assert gate(folder).exit_code == 0
    assert gate("--for-datasets", folder).stdout == f"{folder / 'new.jpg'}\n"

"""A table whose rows name files in a folder, in a real SQLite file beside real files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from portal.cli import store as store_commands
from portal.errors import BadInput, Conflict, NotFound, ObjectUnreadable, StoreUnavailable
from portal.stores import sql_files
from portal.stores.sql_files import SqlFiles
from tests.stores.contract import File, Put, TableContract, Take, digest


@pytest.fixture
def file(tmp_path: Path) -> File:
    file = File(tmp_path / "pictures.sqlite")
    file.run("CREATE TABLE pictures (name TEXT PRIMARY KEY, place TEXT, owner TEXT, picture BLOB)")
    file.run("CREATE TABLE strict (id INTEGER PRIMARY KEY, place TEXT NOT NULL)")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def raw(file: File, folder: Path) -> dict[str, Any]:
    return {
        "url": f"sqlite:///{file.path}", "table": "pictures", "key": "name", "path": "place", "folder": str(folder)
    }  # fmt: skip


def made(settings: dict[str, Any], may_erase: bool = True, mark: str | None = None) -> SqlFiles:
    return SqlFiles("rows", SqlFiles.clean(settings), may_erase, mark)


def place_of(key: str) -> str:
    return f"2014/{hashlib.sha256(key.encode()).hexdigest()[:12]}.jpg"


@pytest.fixture
def put(file: File, folder: Path) -> Put:
    def put(key: str, data: bytes) -> None:
        path = folder / place_of(key)
        path.parent.mkdir(exist_ok=True)
        draft = folder / ".draft"
        draft.write_bytes(data)
        draft.rename(path)
        file.run("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, NULL)", key, place_of(key), "ann")

    return put


class TestContract(TableContract):
    KIND = "sql-files"

    @pytest.fixture
    def take(self, file: File, folder: Path) -> Take:
        def take(key: str) -> None:
            (folder / place_of(key)).unlink()
            file.run("DELETE FROM pictures WHERE name = ?", key)

        return take


@pytest.mark.parametrize(("way", "left"), [("empty", [(None, "ann")]), ("row", [])])
def test_file_and_row_go_as_was_set(
    raw: dict[str, Any], file: File, folder: Path, put: Put, way: str, left: list[Any]
) -> None:
    put("a.jpg", b"a")
    put("b.jpg", b"b")
    store = made({**raw, "erase": way})
    assert store.erase_copy("a.jpg", digest(b"a")) == "deleted"
    assert not (folder / place_of("a.jpg")).exists()
    assert file.run("SELECT place, owner FROM pictures WHERE name = 'a.jpg'") == left
    assert [found.key for found in store.list()] == ["b.jpg"]


@pytest.mark.parametrize("path", ["../secret.jpg", "2014/../../secret.jpg", "/etc/hostname", "link.jpg"])
def test_a_row_that_names_a_file_elsewhere_is_told_and_never_opened(
    raw: dict[str, Any], file: File, folder: Path, path: str
) -> None:
    secret = folder.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    (folder / "link.jpg").symlink_to(secret)
    file.run("INSERT INTO pictures VALUES ('a.jpg', ?, 'ann', NULL)", path)
    store = made(raw)
    assert [found.key for found in store.list()] == ["a.jpg"]
    with pytest.raises((ObjectUnreadable, NotFound)):
        store.open("a.jpg")
    with pytest.raises((ObjectUnreadable, Conflict)):
        store.erase_copy("a.jpg", digest(b"secret"))
    assert secret.read_bytes() == b"secret"
    assert store.probe_copy("a.jpg") == "present"


def test_a_full_path_into_the_folder_counts(raw: dict[str, Any], file: File, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"a")
    file.run("INSERT INTO pictures VALUES ('a', ?, 'ann', NULL)", str(folder / "a.jpg"))
    assert made(raw).open("a") == b"a"


def test_a_row_without_its_file_is_no_object_and_can_still_be_cleared(
    raw: dict[str, Any], file: File, folder: Path, put: Put
) -> None:
    """A run that was killed between the file and the row is simply carried out again."""
    put("a.jpg", b"a")
    (folder / place_of("a.jpg")).unlink()
    store = made(raw)
    assert list(store.list()) == []
    assert store.probe_copy("a.jpg") == "present"
    assert store.erase_copy("a.jpg", digest(b"a")) == "deleted"
    assert store.probe_copy("a.jpg") == "absent"
    assert store.check().readable


def test_a_row_whose_file_is_still_seen_is_kept(
    raw: dict[str, Any], file: File, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.jpg", b"a")
    monkeypatch.setattr(sql_files._Files, "erase_copy", lambda *_: "deleted")
    store = made(raw)
    with pytest.raises(Conflict):
        store.erase_copy("a.jpg", digest(b"a"))
    assert store.probe_copy("a.jpg") == "present"


def test_another_folder_in_its_place_is_noticed(raw: dict[str, Any], folder: Path, put: Put) -> None:
    put("a.jpg", b"a")
    known = made(raw, mark=made(raw).check().mark)
    assert known.open("a.jpg") == b"a"
    folder.rename(folder.with_name("disk"))
    folder.mkdir()
    for call in (lambda: list(known.list()), lambda: known.erase_copy("a.jpg", digest(b"a"))):
        with pytest.raises(StoreUnavailable, match="not mounted"):
            call()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": ""}, "which column has the path"),
        ({"folder": ""}, "which folder"),
        ({"path": "picture"}, "must be a text"),
        ({"path": "name"}, "must be a text"),
        ({"path": "none"}, "no column called 'none'"),
        ({"image": "picture"}, "no setting called 'image'"),
        ({"table": "strict", "key": "id"}, "may not be empty"),
    ],
)
def test_settings_that_cannot_be_are_refused(raw: dict[str, Any], changes: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        made({**raw, **changes})


def test_the_command_knows_its_settings() -> None:
    asked = {"sql_files": "sqlite:////p", "table": "t", "key": "k", "path": "p", "files": Path("/f"), "folder": None}
    kind, settings = store_commands._kind_of(asked)
    assert (kind, settings) == (
        "sql-files",
        {"url": "sqlite:////p", "table": "t", "key": "k", "path": "p", "folder": "/f"},
    )

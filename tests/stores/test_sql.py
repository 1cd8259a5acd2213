"""A table as a store, in a real SQLite file."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound, StoreUnavailable
from portal.stores import adding
from portal.stores.sql import Sql
from tests.stores.contract import File, Put, TableContract, Take, digest


@pytest.fixture
def file(tmp_path: Path) -> File:
    file = File(tmp_path / "pictures.sqlite")
    file.run('CREATE TABLE "my pictures" (name TEXT PRIMARY KEY, picture BLOB, owner TEXT)')
    file.run("CREATE TABLE numbered (id INTEGER PRIMARY KEY, picture BLOB NOT NULL, wrong TEXT, twice TEXT)")
    return file


@pytest.fixture
def raw(file: File) -> dict[str, Any]:
    return {"url": f"sqlite:///{file.path}", "table": "my pictures", "key": "name", "image": "picture"}


def made(settings: dict[str, Any], may_erase: bool = True, mark: str | None = None) -> Sql:
    return Sql("rows", Sql.clean(settings), may_erase, mark)


class TestContract(TableContract):
    KIND = "sql"

    @pytest.fixture
    def put(self, file: File) -> Put:
        def put(key: str, data: bytes) -> None:
            file.run('INSERT OR REPLACE INTO "my pictures" VALUES (?, ?, ?)', key, data, "ann")

        return put

    @pytest.fixture
    def take(self, file: File) -> Take:
        return lambda key: file.run('DELETE FROM "my pictures" WHERE name = ?', key) and None


def test_a_picture_is_emptied_and_the_rest_of_its_row_stays(raw: dict[str, Any], file: File) -> None:
    file.run('INSERT INTO "my pictures" VALUES (?, ?, ?)', "a", b"secret picture" * 500, "ann")
    file.run("PRAGMA journal_mode = WAL")
    assert made(raw).erase_copy("a", digest(b"secret picture" * 500)) == "deleted"
    assert file.run('SELECT * FROM "my pictures"') == [("a", None, "ann")]
    for path in file.path.parent.glob("pictures.sqlite*"):
        assert b"secret picture" not in path.read_bytes()


def test_keys_that_are_numbers_and_whole_rows(raw: dict[str, Any], file: File) -> None:
    raw |= {"table": "numbered", "key": "id", "erase": "row"}
    for number in (1, 2, 10, -3):
        file.run("INSERT INTO numbered VALUES (?, ?, '', '')", number, b"%d" % number)
    connector = made(raw)
    assert [found.key for found in connector.list()] == ["-3", "1", "10", "2"]
    assert [found.key for found in connector.list(after="1")] == ["10", "2"]
    assert connector.open("10") == b"10"
    for wrong in ("01", "1.0", "x", "-", "\u0661", "9" * 40, "--3"):
        with pytest.raises(NotFound):
            connector.open(wrong)
    assert connector.erase_copy("10", digest(b"10")) == "deleted"
    assert file.run("SELECT id FROM numbered ORDER BY id") == [(-3,), (1,), (2,)]


def test_a_long_table_is_listed_page_by_page(raw: dict[str, Any], file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.stores.sql.KEYS_A_PAGE", 7)
    monkeypatch.setattr("portal.stores.sql.PICTURES_A_PAGE", 3)
    for number in range(25):
        file.run('INSERT INTO "my pictures" VALUES (?, ?, ?)', f"{number}", b"x", "")
    file.run('INSERT INTO "my pictures" VALUES (?, ?, ?)', "/erased/5", b"x", "")
    connector = made(raw)
    assert [found.key for found in connector.list()] == sorted(f"{number}" for number in range(25))
    assert connector.count() == 25


def test_a_picture_that_is_swapped_while_it_is_read_is_kept(
    raw: dict[str, Any], file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.run('INSERT INTO "my pictures" VALUES (?, ?, ?)', "a", b"approved", "")
    connector = made(raw)
    real = connector._bytes_of

    def swap(*arguments: Any) -> bytes | None:
        data = real(*arguments)
        file.run('UPDATE "my pictures" SET picture = ?', b"another")
        return data

    monkeypatch.setattr(connector, "_bytes_of", swap)
    with pytest.raises(Conflict):
        connector.erase_copy("a", digest(b"approved"))
    assert connector.open("a") == b"another"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('ALTER TABLE "my pictures" RENAME COLUMN picture TO photo', "no such column"),
        ('ALTER TABLE "my pictures" RENAME TO photographs', "no such table"),
    ],
)
def test_a_table_of_another_form_by_now_is_named_and_left_alone(
    raw: dict[str, Any], file: File, change: str, said: str
) -> None:
    store = made(raw)
    file.run('INSERT INTO "my pictures" VALUES (?, ?, NULL)', "a.jpg", b"a")
    file.run(change)
    for call in (
        lambda: list(store.list()),
        lambda: store.open("a.jpg"),
        lambda: store.probe_copy("a.jpg"),
        lambda: store.erase_copy("a.jpg", digest(b"a")),
    ):
        with pytest.raises(StoreUnavailable, match=said):
            call()


def test_another_file_in_the_same_place_is_not_taken_for_the_store(raw: dict[str, Any], file: File) -> None:
    known = made(raw, mark=made(raw).check().mark)
    assert known.count() == 0
    shutil.copy(file.path, file.path.with_name("copy"))
    file.path.rename(file.path.with_name("old"))
    file.path.with_name("copy").rename(file.path)
    with pytest.raises(StoreUnavailable, match="not the one that was added"):
        known.count()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": ""}, "where the database is"),
        ({"url": "nonsense"}, "not the URL"),
        ({"url": "mysql://host/x"}, "not in mysql"),
        ({"url": "postgresql://ann:secret@host/x"}, "Leave the password out"),
        ({"url": "sqlite:///relative.sqlite"}, "full path"),
        ({"url": "sqlite:////does/not/exist"}, "no database file"),
        ({"table": "none"}, "no table called 'none'"),
        ({"table": ""}, "which table"),
        ({"key": "none"}, "no column called 'none'"),
        ({"key": "owner"}, "Two rows could have the same owner"),
        ({"image": "owner"}, "does not hold pictures"),
        ({"key": "picture"}, "texts or whole numbers"),
        ({"erase": "burn"}, "not 'burn'"),
        ({"folder": "/srv"}, "no setting called 'folder'"),
        ({"table": "numbered", "key": "id"}, "whole rows must be deleted"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(raw: dict[str, Any], wrong: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        Sql.clean({**raw, **wrong})
    assert "secret" not in caught.value.sentence


def test_a_file_that_is_no_database_says_so(raw: dict[str, Any], file: File) -> None:
    file.path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Sql.clean(raw)


def test_one_table_is_one_store(database: Database, raw: dict[str, Any]) -> None:
    with database.writing() as session:
        adding.add_store(session, "rows", "sql", raw, may_erase=True)
        with pytest.raises(Conflict, match="in the store rows already"):
            adding.add_store(session, "again", "sql", raw, may_erase=True)


@pytest.mark.sqlite
def test_the_portals_own_database_is_no_store(database: Database, config: Config) -> None:
    with closing(sqlite3.connect(config.data / "efface.sqlite")) as own:
        own.execute("CREATE TABLE pictures (name TEXT PRIMARY KEY, picture BLOB)")
    settings = {"url": config.database, "table": "pictures", "key": "name", "image": "picture"}
    with database.writing() as session, pytest.raises(BadInput, match="own database"):
        adding.add_store(session, "own", "sql", settings, may_erase=True)


def test_a_table_in_postgresql(config: Config, database: Database) -> None:
    """The same table in the server that the tests were given; that it is the tests' own does not matter here."""
    if database.engine.dialect.name != "postgresql":
        pytest.skip("needs EFFACE_TEST_DATABASE_URL")
    names = ["b", "a", "B", "Ä", "\U0001f600", "e\N{COMBINING ACUTE ACCENT}", "a/b", "10", "9"]
    with database.engine.begin() as connection:
        connection.exec_driver_sql('CREATE TABLE "My Pictures" (name varchar(50) PRIMARY KEY, picture bytea)')
        for name in names:
            row = {"name": name, "data": name.encode()}
            connection.execute(text('INSERT INTO "My Pictures" VALUES (:name, :data)'), row)
    settings: dict[str, Any] = {
        "url": config.database,
        "table": "My Pictures",
        "key": "name",
        "image": "picture",
        "erase": "empty",
    }
    settings["whole_numbers"] = False
    mark = Sql("rows", settings, may_erase=True).check().mark
    connector = Sql("rows", settings, may_erase=True, mark=mark)
    assert [found.key for found in connector.list()] == sorted(names)
    assert [found.key for found in connector.list(after="a")] == [name for name in sorted(names) if name > "a"]
    assert connector.erase_copy("Ä", digest("Ä".encode())) == "deleted"
    assert (connector.probe_copy("Ä"), connector.probe_copy("a")) == ("absent", "present")
    assert connector.count() == len(names) - 1
    locked = Sql("rows", settings, may_erase=False)
    assert locked.open("a") == b"a"
    assert not locked.check().erasable
    with pytest.raises(StoreUnavailable, match="not the one that was added"):
        Sql("rows", settings, may_erase=True, mark="0-0").count()

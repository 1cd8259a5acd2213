"""`efface store` and `efface scan`, as a person types them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

import workers
from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, BadManifest, Conflict, NotFound, Unavailable
from portal.lineage import records
from portal.tables import Scan, Store
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from tests.lineage.test_records import DAY
from tests.stores.contract import File
from tests.stores.test_scanning import revive
from tests.stores.test_tar import packed

Run = Callable[..., Result]


pytestmark = pytest.mark.migrated


@pytest.fixture
def run(config: Config, database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    monkeypatch.setenv("EFFACE_REDIS_URL", config.redis_url)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(efface, [str(argument) for argument in arguments])


def newest(database: Database) -> str:
    with database.reading() as session:
        return session.scalars(select(Scan.id).order_by(Scan.started_at.desc()).limit(1)).one()


def test_add_test_and_list(run: Run, database: Database, folder: Path) -> None:
    (folder / "a\x1b[31m.jpg").write_bytes(b"a")
    with database.writing() as session:
        records.add_source(session, "OkC", "A dating site", DAY, "t", "c", consented="yes", consent_scope="all")
    added = run("store", "add", "okc", "--folder", folder, "--may-erase", "--source", "OkC")
    assert added.exit_code == 0, added.output
    assert "erase  yes" in added.output
    assert "\x1b" not in added.output
    assert json.loads(run("store", "test", "okc", "--json").output)["erasable"] is True
    (row,) = json.loads(run("store", "list", "--json").output)
    assert (row["name"], row["may_erase"], row["images"]) == ("okc", True, 0)
    assert "okc  folder  0 photographs  may erase" in run("store", "list").output
    assert isinstance(run("store", "add", "okc", "--folder", folder).exception, Conflict)
    with database.reading() as session:
        assert session.scalars(select(Store)).one().source_id is not None


def test_a_folder_of_tar_files_is_added_by_its_own_word(run: Run, folder: Path) -> None:
    (folder / "s.tar").write_bytes(packed(("a.jpg", b"a")))
    added = run("store", "add", "web", "--tar", folder)
    assert added.exit_code == 0, added.output
    assert "For example: s.tar/a.jpg" in added.output
    for wrong in ((), ("--tar", folder, "--folder", folder)):
        refused = run("store", "add", "other", *wrong).exception
        assert isinstance(refused, BadInput)
        assert "--folder or --tar" in refused.sentence


def test_a_table_is_added_by_its_url_and_columns(run: Run, tmp_path: Path) -> None:
    file = File(tmp_path / "p.sqlite")
    file.run("CREATE TABLE profile (id INTEGER PRIMARY KEY, photo BLOB)")
    file.run("INSERT INTO profile VALUES (7, ?)", drawn_jpeg(1))
    words = ("--sql", f"sqlite:///{file.path}", "--table", "profile", "--key", "id", "--image", "photo")
    added = run("store", "add", "profiles", *words, "--erase", "row", "--may-erase")
    assert added.exit_code == 0, added.output
    assert "erase  yes" in added.output
    assert "For example: 7" in added.output
    (row,) = json.loads(run("store", "list", "--json").output)
    assert (row["kind"], row["settings"]["erase"]) == ("sql", "row")
    refused = run("store", "add", "other", *words[:4]).exception
    assert isinstance(refused, BadInput)
    assert "which column has the key" in refused.sentence


def test_a_store_that_may_not_erase_is_no_failure(run: Run, folder: Path) -> None:
    assert "erase  not allowed" in run("store", "add", "okc", "--folder", folder).output
    assert run("store", "test", "okc").exit_code == 0


def test_without_stores_the_list_teaches(run: Run) -> None:
    assert "efface store add" in run("store", "list").output
    assert isinstance(run("store", "test", "okc").exception, NotFound)


def test_manifest(run: Run, okc: Store, tmp_path: Path) -> None:
    good, bad = tmp_path / "m.csv", tmp_path / "bad.csv"
    good.write_text("key,account\na.jpg,anna\n")
    bad.write_text("key,account\na.jpg,anna\na.jpg,ben\n")
    result = run("store", "manifest", "okc", good)
    assert "1 lines: 1 new, 0 changed." in result.output
    assert "no photograph yet" in result.output
    assert json.loads(run("store", "manifest", "okc", good, "--json").output)["changed"] == 0
    refused = run("store", "manifest", "okc", bad)
    assert isinstance(refused.exception, BadManifest)
    assert "Line 3" in refused.exception.sentence


def test_start_watch_and_errors(
    run: Run,
    database: Database,
    okc: Store,
    folder: Path,
    encoder: DrawnFaceEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.cli.scan.POLL_SECONDS", 0.05)
    (folder / "a.jpg").write_bytes(drawn_jpeg(3))
    (folder / "=b.jpg").write_bytes(b"x")
    started = threading.Event()
    real = __import__("portal.cli.scan", fromlist=["_watch"])._watch

    def watch(*arguments: object, **more: object) -> None:
        started.set()
        real(*arguments, **more)

    monkeypatch.setattr("portal.cli.scan._watch", watch)

    def worker() -> None:
        assert started.wait(20)
        workers.carry_out(database, "scanning", newest(database))

    thread = threading.Thread(target=worker)
    thread.start()
    result = run("scan", "start", "okc", "--watch", "--json")
    thread.join()
    facts = json.loads(result.stdout.splitlines()[-1])
    assert (facts["state"], facts["fraction"], facts["seen"], facts["faces"]) == ("done", 1.0, 2, 1)
    assert facts["errors"] == {"not-an-image": 1}
    assert "okc: done, 2 of 2 photographs" in run("scan", "status").output
    assert "=b.jpg  not-an-image" in run("scan", "errors", "okc").output
    assert run("scan", "errors", "okc", "--csv").output.splitlines()[1].startswith("'=b.jpg,not-an-image")
    assert json.loads(run("scan", "errors", "okc", "--json").output)[0]["kind"] == "not-an-image"
    assert run("scan", "start", "okc", "--retry").exit_code == 0
    workers.carry_out(database, "scanning", newest(database))
    again = json.loads(run("scan", "status", "okc", "--json").output)
    assert (again["state"], again["seen"], again["errors"]) == ("done", 1, {"not-an-image": 1})


def test_pause_resume_cancel(run: Run, database: Database, okc: Store) -> None:
    assert "has not been scanned yet" in run("scan", "status", "okc").output
    assert isinstance(run("scan", "pause", "okc").exception, NotFound)
    assert run("scan", "start", "okc").exit_code == 0
    for wish, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert run("scan", wish, "okc").exit_code == 0
        assert json.loads(run("scan", "status", "okc", "--json").output)["state"] == state
    assert isinstance(run("scan", "cancel", "okc").exception, Conflict)


def test_watching_ends_when_the_scan_waits_for_a_person(
    run: Run, database: Database, okc: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away comes back and is waited for; what fails again and again for another reason is not."""

    def broken() -> DrawnFaceEncoder:
        raise RuntimeError("the weights are gone")

    monkeypatch.setattr("workers.encoder.load_encoder", broken)
    run("scan", "start", "okc")
    for _ in range(8):
        workers.carry_out(database, "scanning", newest(database))
        revive(database, newest(database))
    stuck = run("scan", "status", "okc", "--watch")
    assert isinstance(stuck.exception, Unavailable)
    assert "efface scan resume okc" in stuck.exception.sentence

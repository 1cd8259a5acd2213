"""A store and what is known of it, laid side by side: all that differs is found, and nothing else."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

import workers
from portal import clock
from portal.cli.store import command
from portal.db import Database
from portal.stores import drift, folder
from portal.tables import Drift, DriftFinding, Entry, Erasure, ErasureItem, Face, Image, Scan, Store, Template
from tests.matching.making import make_account, make_case, make_face, make_image, make_store

VECTOR = np.zeros(8, np.float32)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    """200 files with their rows, each with a face and its template, as after a finished scan."""
    root = tmp_path / "photographs"
    with database.writing() as session:
        store = make_store(session, str(root))
        for at in range(200):
            key = f"{at % 7}/ä{at}.jpg"
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).write_bytes(b"-")
            make_face(session, make_image(session, store, key), VECTOR)
        session.add(Scan(store_id=store.id, state="done", started_at=clock.now(), finished_at=clock.now()))
        session.flush()
        drift.ensure(session)
        drift.ensure(session)
        return store


def patrol(database: Database, times: int = 20) -> None:
    """One round, in as many turns of the worker as it takes."""
    for _ in range(times):
        with database.writing() as session:
            row = session.scalars(select(Drift)).one()
            row.run_after = clock.now()
        assert workers.carry_out(database, "patrolling", row.id) == "worked"
        with database.reading() as session:
            if session.get_one(Drift, row.id).began_at is None:
                return


def counted(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return drift.counts(session)


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "PORTION", 31)


def test_on_a_clean_store_nothing_is_reported(database: Database, store: Store) -> None:
    patrol(database)
    assert set(counted(database).values()) == {0}
    with database.reading() as session:
        row = session.scalars(select(Drift)).one()
        assert (row.looked, row.work_state, row.cursor) == (400, "due", None)
        assert row.run_after is not None
        assert row.run_after > clock.now() + drift.EVERY * 0.9


def test_300_planted_differences_are_found_and_no_other(database: Database, store: Store) -> None:
    root = Path(store.settings["folder"])
    planted: dict[str, set[str]] = {}
    planted["file-without-row"] = {f"{at % 9}/new{at}.jpg" for at in range(100)}
    for key in planted["file-without-row"]:
        (root / key).parent.mkdir(exist_ok=True)
        (root / key).write_bytes(b"-")
    with database.writing() as session:
        images = list(session.scalars(select(Image).order_by(Image.id)))
        planted["row-without-file"] = {image.key for image in images[:100]}
        for key in planted["row-without-file"]:
            (root / key).unlink()
        gone = [make_image(session, store, f"gone{at}.jpg") for at in range(50)]
        planted["vector-without-row"] = {str(make_face(session, image, VECTOR).id) for image in gone}
        for image in gone:
            image.state = "gone"
        bare = {make_face(session, image).id for image in images[150:]}
        planted["row-without-vector"] = {str(face) for face in bare}
    patrol(database)
    with database.reading() as session:
        found: dict[str, set[str]] = {}
        for one in drift.findings(session):
            found.setdefault(one.kind, set()).add(one.what)
        lines = [entry.body for entry in session.scalars(select(Entry).where(Entry.kind == "drift-found"))]
    assert found == planted
    assert sum(len(what) for what in found.values()) == 300
    assert len(lines) == 1
    assert b".jpg" not in lines[0]
    patrol(database)
    assert sum(counted(database).values()) == 300, "found again, each is there once"


def test_what_agrees_again_is_no_finding_any_more(database: Database, store: Store) -> None:
    root = Path(store.settings["folder"])
    (root / "new.jpg").write_bytes(b"-")
    patrol(database)
    assert counted(database)["file-without-row"] == 1
    (root / "new.jpg").unlink()
    patrol(database)
    assert set(counted(database).values()) == {0}


def test_during_a_scan_and_right_after_it_nothing_is_compared(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(store.settings["folder"]) / "new.jpg").write_bytes(b"-")
    with database.writing() as session:
        scan = Scan(store_id=store.id, state="running", started_at=clock.now())
        session.add(scan)
        session.flush()
        scan_id = scan.id
    patrol(database, 2)
    assert set(counted(database).values()) == {0}
    with database.writing() as session:
        session.get_one(Scan, scan_id).state = "cancelled"
    real = folder.Folder.list

    def scanned_meanwhile(self, after=None):  # type: ignore[no-untyped-def]
        """A scan of a second begins and ends while the portion is listed."""
        yield from real(self, after)
        with database.writing() as session:
            now = clock.now()
            session.add(Scan(store_id=store.id, state="done", started_at=now, finished_at=now))

    with monkeypatch.context() as racing:
        racing.setattr(folder.Folder, "list", scanned_meanwhile)
        patrol(database, 2)
    assert set(counted(database).values()) == {0}
    patrol(database)
    assert counted(database)["file-without-row"] == 1


def test_a_photograph_that_is_being_erased_is_no_finding(database: Database, store: Store) -> None:
    with database.writing() as session:
        erasure = Erasure(
            case_id=make_case(session).id, kind="deletion", state="running", plan_digest="",
            asked_by=make_account(session, "asker"), planned_at=clock.now(),
        )  # fmt: skip
        session.add(erasure)
        session.flush()
        image = session.scalars(select(Image).where(Image.store_id == store.id)).first()
        assert image is not None
        (Path(store.settings["folder"]) / image.key).unlink()
        session.add(
            ErasureItem(
                erasure_id=erasure.id, position=90, kind="image", image_id=image.id, target="", leaf=b"", state="intent"
            )
        )
    patrol(database)
    assert set(counted(database).values()) == {0}


def test_a_store_that_is_away_reports_nothing(database: Database, store: Store) -> None:
    root = Path(store.settings["folder"])
    root.rename(root.with_name("away"))
    with database.writing() as session:
        row = session.scalars(select(Drift)).one()
        row.run_after = clock.now()
    assert workers.carry_out(database, "patrolling", row.id) == "failed"
    assert set(counted(database).values()) == {0}
    with database.reading() as session:
        assert session.scalars(select(DriftFinding)).all() == []
        assert session.scalars(select(Drift)).one().work_state == "due"


def test_a_killed_round_goes_on_where_it_was(database: Database, store: Store) -> None:
    with database.writing() as session:
        row = session.scalars(select(Drift)).one()
        connector = folder.Folder(store.name, store.settings, False)
        portion = drift.look(database, connector, store.id, None)
        drift.record(session, row, portion)
        assert row.cursor == portion.last
        session.execute(update(Template).values(sealed=b""))
        assert session.scalars(select(Face.id)).first()
    patrol(database)
    with database.reading() as session:
        assert session.scalars(select(Drift)).one().looked == 400


def test_the_command_names_each_difference_and_ends_with_1(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.cli.drift.opened", lambda: contextlib.nullcontext(database))
    assert CliRunner().invoke(command, ["drift"]).output == "No differences were found.\n"
    (Path(store.settings["folder"]) / "new.jpg").write_bytes(b"-")
    patrol(database)
    done = CliRunner().invoke(command, ["drift", store.name])
    assert (done.exit_code, done.output) == (1, f"{store.name}  file that no scan has seen: new.jpg\n")
    [row] = json.loads(CliRunner().invoke(command, ["drift", "--json"]).output)
    assert (row["kind"], row["what"]) == ("file-without-row", "new.jpg")

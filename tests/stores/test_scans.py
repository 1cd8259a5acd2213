"""Asking for scans and telling how far they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Database
from portal.errors import Conflict, NotFound
from portal.jobs import claim
from portal.stores import scans
from portal.tables import Scan, ScanError, Store


@pytest.fixture
def store(session: Session) -> Store:
    store = Store(name="okc", kind="folder", settings={"folder": "/x"}, created_at=clock.now())
    session.add(store)
    session.flush()
    return store


def test_one_scan_of_a_store_at_a_time(session: Session, store: Store) -> None:
    first = scans.start_scan(session, store, None)
    assert (first.state, first.work_state) == ("running", "due")
    with pytest.raises(Conflict, match="not finished"):
        scans.start_scan(session, store, None)
    scans.ask(session, first, "pause")
    with pytest.raises(Conflict, match="not finished"):
        scans.start_scan(session, store, None)
    scans.ask(session, first, "cancel")
    assert scans.open_scan(session, store) is None
    second = scans.start_scan(session, store, None)
    second.started_at = first.started_at + timedelta(seconds=1)
    assert scans.last_scan(session, store) is second


def test_a_scan_nobody_works_on_obeys_at_once(session: Session, store: Store) -> None:
    scan = scans.start_scan(session, store, None)
    scans.ask(session, scan, "pause")
    assert (scan.state, scan.work_state, scan.wish) == ("paused", "idle", None)
    scans.ask(session, scan, "resume")
    assert (scan.state, scan.work_state) == ("running", "due")
    scans.ask(session, scan, "cancel")
    assert (scan.state, scan.work_state) == ("cancelled", "done")
    for wish in ("pause", "cancel", "resume"):
        with pytest.raises(Conflict, match="over"):
            scans.ask(session, scan, wish)  # type: ignore[arg-type]


def test_a_scan_being_worked_on_is_asked_and_the_wish_can_be_taken_back(database: Database) -> None:
    with database.writing() as session:
        store = Store(name="okc", kind="folder", settings={"folder": "/x"}, created_at=clock.now())
        session.add(store)
        session.flush()
        scan_id = scans.start_scan(session, store, None).id
    assert claim(database, "scanning", scan_id) is not None
    with database.writing() as session:
        scan = session.get_one(Scan, scan_id)
        scans.ask(session, scan, "pause")
        assert (scan.state, scan.work_state, scan.wish) == ("running", "leased", "pause")
        scans.ask(session, scan, "resume")
        assert scan.wish is None


def test_progress_says_nothing_it_does_not_know(session: Session, store: Store) -> None:
    scan = scans.start_scan(session, store, None)
    progress = scans.progress(scan)
    assert (progress.fraction, progress.per_second, progress.seconds_left) == (None, None, None)


def test_progress_from_the_time_spent_working(session: Session, store: Store) -> None:
    scan = scans.start_scan(session, store, None)
    scan.expected, scan.seen, scan.new, scan.working_seconds = 1000, 250, 250, 50.0
    session.add(ScanError(scan_id=scan.id, key="a", kind="damaged", sentence="x"))
    session.add(ScanError(scan_id=scan.id, key="b", kind="damaged", sentence="x"))
    session.flush()
    progress = scans.progress(scan)
    assert (progress.fraction, progress.per_second, progress.seconds_left) == (0.25, 5.0, 150.0)
    assert progress.errors == {"damaged": 2}
    scan.seen = 1200  # The store has grown since it was counted.
    assert scans.progress(scan).fraction == 1.0
    assert scans.progress(scan).seconds_left == 0
    scan.state, scan.expected = "done", 0
    assert scans.progress(scan).fraction == 1.0


def test_a_store_without_scans(session: Session, store: Store) -> None:
    with pytest.raises(NotFound, match="not been scanned"):
        scans.need_scan(session, store)
    assert scans.last_scan(session, store) is None

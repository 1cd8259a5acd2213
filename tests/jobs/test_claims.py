"""The row is the truth, the queue only a bell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import workers
from portal import clock, jobs
from portal.db import Database
from portal.errors import LostLease, StoreUnavailable
from portal.tables import Mail


def a_mail(database: Database, mail_id: str = "m1") -> Mail:
    with database.writing() as session:
        mail = Mail(id=mail_id, sealed=b"", created_at=clock.now())
        session.add(mail)
        jobs.make_due(session, mail)
    return mail


def row(database: Database, mail_id: str = "m1") -> Mail:
    with database.reading() as session:
        return session.get_one(Mail, mail_id)


def test_a_queue_that_is_down_loses_nothing(database: Database) -> None:
    a_mail(database)
    assert row(database).work_state == "due"


def test_of_eight_who_claim_at_once_one_gets_the_row(database: Database) -> None:
    a_mail(database)
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda _: jobs.claim(database, "mailing", "m1"), range(8)))
    assert sum(lease is not None for lease in leases) == 1


def test_a_row_that_is_done_cannot_be_claimed_again(database: Database) -> None:
    a_mail(database)
    lease = jobs.claim(database, "mailing", "m1")
    assert lease is not None
    with database.writing() as session:
        lease.done(session)
    assert jobs.claim(database, "mailing", "m1") is None
    assert jobs.claim(database, "mailing", "never-was") is None


def test_what_is_due_later_is_not_claimed_now(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    a_mail(database)
    lease = jobs.claim(database, "mailing", "m1")
    assert lease is not None
    with database.writing() as session:
        lease.again(session, timedelta(hours=1))
    assert jobs.claim(database, "mailing", "m1") is None
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert jobs.claim(database, "mailing", "m1") is not None


def test_a_worker_that_slept_past_its_lease_cannot_record(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    a_mail(database)
    zombie = jobs.claim(database, "mailing", "m1")
    later = clock.now() + jobs.LEASE + timedelta(seconds=1)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    heir = jobs.claim(database, "mailing", "m1")
    assert zombie is not None
    assert heir is not None
    with pytest.raises(LostLease), database.writing() as session:
        zombie.done(session)
    assert zombie.lost.is_set()
    with database.writing() as session:
        heir.done(session)
    assert row(database).work_state == "done"


def test_failures_back_off_and_end_with_a_person(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    a_mail(database)
    now = clock.now()
    for attempt in range(1, jobs.POISON + 1):
        now += timedelta(days=1)
        monkeypatch.setattr("portal.clock.now", lambda now=now: now)
        lease = jobs.claim(database, "mailing", "m1")
        assert lease is not None, f"attempt {attempt} could not be claimed"
        with database.writing() as session:
            lease.failed(session, "The store is away.")
        waits = row(database).work_state
        assert waits == ("failed" if attempt == jobs.POISON else "due")
    assert row(database).problem == "The store is away."
    assert jobs.claim(database, "mailing", "m1") is None


def test_what_is_only_away_is_tried_for_as_long_as_it_takes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_mail(database)
    now = clock.now()
    for _attempt in range(3 * jobs.POISON):
        now += timedelta(days=1)
        monkeypatch.setattr("portal.clock.now", lambda now=now: now)
        lease = jobs.claim(database, "mailing", "m1")
        assert lease is not None
        with database.writing() as session:
            lease.failed(session, "The store is away.", passing=True)
    assert row(database).work_state == "due"


@pytest.mark.parametrize("problem", [ValueError("anna@example.com"), StoreUnavailable("No disk for anna@example.com.")])
def test_a_failure_is_logged_without_what_people_wrote(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    a_mail(database)

    def work(_lease: jobs.Lease) -> None:
        raise problem

    monkeypatch.setattr("workers.mailing.work", work)
    assert workers.carry_out(database, "mailing", "m1") == "failed"
    assert "anna" not in caplog.text
    assert ("Traceback" in caplog.text or "File" in caplog.text) is isinstance(problem, ValueError)


def test_the_lease_is_renewed_while_the_work_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RENEW_SECONDS", 0.01)
    a_mail(database)
    lease = jobs.claim(database, "mailing", "m1")
    assert lease is not None
    before = row(database).lease_until
    with jobs.renewed(lease):
        while row(database).lease_until == before:
            pass
    assert row(database).work_state == "leased"

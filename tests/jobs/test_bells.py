"""A real queue, a real worker process, and what somebody might put into the queue by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rq import Queue
from rq.job import Job
from sqlalchemy import select

from portal import clock, jobs
from portal.config import Config
from portal.db import Database
from portal.tables import Base, Mail
from tests.queue import running_queue


@pytest.fixture
def busy(config: Config) -> Iterator[Database]:
    """A database with a queue that is up."""
    with running_queue(config) as config:
        database = Database(config)
        Base.metadata.create_all(database.engine)
        yield database
        database.close()


def serve_once(database: Database) -> None:
    """A worker process answers everything that waits in the mailing queue, then ends."""
    from tests.jobs.burst import run_burst

    run_burst(database.config.data, "mailing")


def mails(database: Database, count: int) -> None:
    with database.writing() as session:
        for number in range(count):
            mail = Mail(id=f"m{number}", sealed=b"broken", created_at=clock.now())
            session.add(mail)
            jobs.make_due(session, mail)


def states(database: Database) -> list[tuple[str, int]]:
    with database.reading() as session:
        return [(mail.work_state, mail.attempts) for mail in session.scalars(select(Mail).order_by(Mail.id))]


def test_a_bell_rings_after_the_commit_and_the_worker_claims(busy: Database) -> None:
    mails(busy, 2)
    assert len(jobs.queue_for(busy, "mailing")) == 2
    serve_once(busy)
    # The mails cannot be unsealed, so each was claimed once, failed, and waits for its next turn.
    assert states(busy) == [("due", 1), ("due", 1)]


def test_a_rollback_rings_nothing(busy: Database) -> None:
    with busy.session(write=True) as session:
        mail = Mail(id="m", sealed=b"", created_at=clock.now())
        session.add(mail)
        jobs.make_due(session, mail)
        session.rollback()
    assert len(jobs.queue_for(busy, "mailing")) == 0


def test_the_sweep_rings_again_for_what_the_queue_forgot(busy: Database) -> None:
    mails(busy, 3)
    queue = jobs.queue_for(busy, "mailing")
    queue.connection.flushall()
    assert jobs.sweep(busy) == 3
    assert jobs.sweep(busy) == 0, "bells that hang already are not hung twice"
    serve_once(busy)
    assert states(busy) == [("due", 1)] * 3


def test_nothing_but_our_one_function_runs(busy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker meets all that somebody could have planted, one after the other, and goes on with the honest job."""
    flag, named = tmp_path / "executed", tmp_path / "named"
    monkeypatch.setenv("TEST_FLAG", str(named))
    queue = jobs.queue_for(busy, "mailing")
    for body, fields in poisons(jobs.signed_for(busy.config.data), flag):
        plant(queue, body, fields)
    mails(busy, 1)
    serve_once(busy)
    assert not flag.exists(), "something else than our function ran"
    assert not named.exists(), "another function of ours ran"
    assert states(busy) == [("due", 1)], "the worker went on with the honest job"


def poisons(signed: type[jobs.SignedJson], flag: Path) -> list[tuple[bytes, dict[str, str | bytes]]]:
    """Bodies of jobs, and the fields beside them: unsigned, other functions, callbacks, an instance, a cut mark."""
    shell, ours = f"touch {flag}", signed.dumps([jobs.ANSWER, None, ["m0"], {}])
    callbacks = dict.fromkeys(("success_callback_name", "failure_callback_name"), "tests.jobs.burst.touch")
    return [
        (json.dumps(["os.system", None, [shell], {}]).encode(), {}),
        (signed.dumps(["os.system", None, [shell], {}]), {}),
        (ours, dict(callbacks)),
        (signed.dumps(["system", "os", [shell], {}]), {}),
        (signed.dumps(["tests.jobs.burst.touch", None, [str(flag)], {}]), {}),
        (ours[:20], {}),
    ]


def plant(queue: Queue, body: bytes, fields: dict[str, str | bytes]) -> None:
    """What somebody with a hand in Redis could write."""
    job = Job.create(
        "tests.jobs.burst.touch", connection=queue.connection, serializer=queue.serializer, origin=queue.name
    )
    job.save()
    queue.connection.hset(job.key, mapping={"data": body, **fields})
    queue.push_job_id(job.id)

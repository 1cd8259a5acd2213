"""The bell and the claim.

Work is a row (`tables.Work`): due, leased, done or failed. After the commit a bell rings in Redis; a sweep rings
again for whatever is due. A worker claims the row with one conditional UPDATE, which hands it a lease and a fencing
token, and records its result only while that token is still the row's. So Redis may lose everything, a worker may be
killed at any instant, and two may be rung for the same row: the same end is reached, once.

Jobs carry one id and nothing else. RQ imports whatever function a job names, so job bodies are signed, and one
function alone is let through.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import redis
from rq import Queue
from rq.job import Job
from rq.utils import as_text
from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.config import read_config
from portal.db import Database, after_commit, config_of
from portal.errors import EffaceError, LostLease
from portal.keys import keys_in
from portal.tables import (
    Base,
    Challenge,
    Drift,
    Erasure,
    Mail,
    Notice,
    Order,
    Package,
    Probe,
    ProfileCheck,
    Recheck,
    Reencoding,
    Scan,
    Search,
)

log = logging.getLogger(__name__)

# Each kind of work has its own queue, its own table and its own worker module.
KINDS: dict[str, type[Any]] = {
    "scanning": Scan,
    "reencoding": Reencoding,
    "probing": Probe,
    "challenging": Challenge,
    "profiling": ProfileCheck,
    "searching": Search,
    "erasing": Erasure,
    "rechecking": Recheck,
    "patrolling": Drift,
    "ordering": Order,
    "packing": Package,
    "notifying": Notice,
    "mailing": Mail,
}
ANSWER = "workers.answer"

LEASE = timedelta(seconds=20)
RENEW_SECONDS = 5.0
BACK_OFF_MINUTES = (0.1, 1, 5, 25, 60, 180, 360)
POISON = 8


class Refused(EffaceError):
    """A job body in Redis that we did not write."""

    code = "job-refused"


class SignedJson:
    """RQ serializer: JSON behind an HMAC. A body that we did not write raises Refused before anything is looked up.

    RQ wants a class, and a spawned worker imports it by name: the key is then the one of the environment's
    installation. `signed_for` gives the class of another.
    """

    data: ClassVar[Path | None] = None

    @classmethod
    def key(cls) -> bytes:
        return keys_in(cls.data or read_config().data).derived("queue")

    @classmethod
    def dumps(cls, value: Any) -> bytes:
        body = json.dumps(value).encode()
        return hmac.digest(cls.key(), body, "sha256") + body

    @classmethod
    def loads(cls, data: bytes) -> Any:
        mark, body = data[:32], data[32:]
        if not hmac.compare_digest(mark, hmac.digest(cls.key(), body, "sha256")):
            raise Refused("A job in the queue was not written by this installation.")
        return json.loads(body)


def signed_for(data: Path) -> type[SignedJson]:
    return type("SignedJson", (SignedJson,), {"data": data, "__module__": SignedJson.__module__})


# Fields of a job in Redis that name functions or addresses outside the signed body.
UNSIGNED_FIELDS = {"success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks"}


class OnlyAnswer(Job):
    """An RQ job that can be nothing but `workers.answer(id)`: no other function, instance, callback or webhook."""

    def restore(self, raw_data: Any) -> None:
        # RQ imports a failure callback even after the job was refused, so these never get as far as the job.
        foreign = {field for field in raw_data if as_text(field) in UNSIGNED_FIELDS}
        self.tampered = any(raw_data[field] not in (b"", b"[]") for field in foreign)
        super().restore({field: value for field, value in raw_data.items() if field not in foreign})

    def perform(self) -> Any:
        if getattr(self, "tampered", False) or self.func_name != ANSWER or self.instance is not None or self.kwargs:
            raise Refused(f"The queue may only ask for {ANSWER}.")
        return super().perform()


def connect(url: str) -> redis.Redis:
    """A connection that gives up after two seconds, so that a page never waits for a dead queue."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=30)


def queue_for(database: Database, kind: str) -> Queue:
    config = database.config
    return Queue(kind, connection=connect(config.queue), serializer=signed_for(config.data), job_class=OnlyAnswer)


def kind_of(row: Any) -> str:
    return next(kind for kind, table in KINDS.items() if isinstance(row, table))


def make_due(session: Session, row: Any, delay: timedelta = timedelta(0)) -> None:
    """Say that `row` is to be carried out, and ring once this transaction has committed."""
    row.work_state = "due"
    row.run_after = clock.now() + delay
    row.attempts = 0
    row.problem = None
    session.flush()
    if not delay:
        ring(session, kind_of(row), row.id)


def ring(session: Session, kind: str, row_id: str) -> None:
    """Ring after commit. A queue that is down is no error: the sweep rings again."""
    config = config_of(session)
    serializer = signed_for(config.data)

    def push() -> None:
        try:
            with connect(config.queue) as connection:
                queue = Queue(kind, connection=connection, serializer=serializer, job_class=OnlyAnswer)
                _push(queue, row_id)
        except redis.RedisError as problem:
            log.warning("the queue is away (%s); the sweep will ring again", type(problem).__name__)

    after_commit(session, push)


def _push(queue: Queue, row_id: str) -> None:
    queue.enqueue_call(ANSWER, args=(row_id,), timeout=-1, result_ttl=0, failure_ttl=3600)


def sweep(database: Database) -> int:
    """Ring for all rows that are due, or whose lease ran out. Returns how many bells it rang."""
    rung = 0
    for kind, table in KINDS.items():
        with database.reading() as session:
            waiting = list(session.scalars(select(table.id).where(_claimable(table)).limit(200)))
        if not waiting:
            continue
        queue = queue_for(database, kind)
        if len(queue) >= len(waiting):
            continue  # The bells are hanging there already; the worker is busy.
        for row_id in waiting:
            _push(queue, row_id)
            rung += 1
    return rung


def _claimable(table: type[Any]) -> Any:
    now = clock.now()
    return or_(
        (table.work_state == "due") & (table.run_after <= now),
        (table.work_state == "leased") & (table.lease_until < now),
    )


@dataclass
class Lease:
    """The right to carry out one row, for as long as its fence is `fence`."""

    database: Database
    table: type[Any]
    row_id: str
    fence: int
    lost: threading.Event

    def hold(self, session: Session) -> None:
        """Take part in `session`'s transaction: from here on nobody else can claim the row. Raises LostLease."""
        self._touch(session, lease_until=clock.now() + LEASE)

    def done(self, session: Session) -> None:
        self._touch(session, work_state="done", lease_owner=None, lease_until=None, problem=None)

    def again(self, session: Session, delay: timedelta) -> None:
        """Give the row back, to be carried out after `delay`. Not counted as a failure."""
        self._touch(
            session,
            work_state="due",
            run_after=clock.now() + delay,
            lease_owner=None,
            lease_until=None,
            attempts=0,
        )

    def idle(self, session: Session) -> None:
        """Give the row back; it waits until a person makes it due again."""
        self._touch(session, work_state="idle", lease_owner=None, lease_until=None)

    def failed(self, session: Session, sentence: str, *, passing: bool = False) -> None:
        """Try again later, each time later; after the eighth time a person must look.

        `passing`: something is away that comes back, a disk or a mail server. Then it is tried for as long as it takes.
        """
        row = session.get(self.table, self.row_id, populate_existing=True)
        attempts = row.attempts if row is not None else POISON
        over = attempts >= POISON and not passing
        wait = BACK_OFF_MINUTES[min(attempts, len(BACK_OFF_MINUTES)) - 1]
        self._touch(
            session,
            work_state="failed" if over else "due",
            run_after=clock.now() + timedelta(minutes=wait),
            lease_owner=None,
            lease_until=None,
            problem=sentence[:500],
        )

    def _touch(self, session: Session, **values: Any) -> None:
        if _update(session, self.table, self.row_id, self.table.fence == self.fence, values) != 1:
            self.lost.set()
            raise LostLease(f"Another worker holds {self.table.__tablename__} {self.row_id} now.")


def claim(database: Database, kind: str, row_id: str) -> Lease | None:
    """The lease of a row that is due, or None when it is not: done, held by another, or not yet."""
    table = KINDS[kind]
    with database.writing() as session:
        row = session.get(table, row_id)
        if row is None:
            return None
        fence = row.fence + 1
        values = {
            "work_state": "leased",
            "fence": fence,
            "attempts": row.attempts + 1,
            "lease_owner": f"{socket.gethostname()}/{os.getpid()}",
            "lease_until": clock.now() + LEASE,
        }
        if _update(session, table, row_id, (table.fence == row.fence) & _claimable(table), values) != 1:
            return None
    return Lease(database, table, row_id, fence, threading.Event())


def _update(session: Session, table: type[Base], row_id: str, guard: Any, values: dict[str, Any]) -> int:
    statement = update(table).where(table.id == row_id, guard).values(**values)  # type: ignore[attr-defined]
    result = session.execute(statement.execution_options(synchronize_session="fetch"))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


@contextmanager
def renewed(lease: Lease) -> Iterator[Lease]:
    """Keep the lease while the work is going on. A lease once lost stays lost."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                with lease.database.writing() as session:
                    lease.hold(session)
            except LostLease:
                return
            except Exception as problem:  # A busy database is no reason to stop: the fence decides at the end.
                log.error("a lease could not be renewed: %s", type(problem).__name__)

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()

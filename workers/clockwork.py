"""The clockwork: rings again for what is due, reminds people, purges what has had its time, signs the log's head."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

import redis

from portal import audit
from portal.audit import asking
from portal.cases.housekeeping import upkeep
from portal.cases.housekeeping.purging import purge
from portal.db import Database
from portal.erasure import holds, rechecking, resuming
from portal.jobs import sweep
from portal.notices import chasing
from portal.orders import rechecking as looking
from portal.orders import recipients
from portal.stores import drift
from workers import log_unforeseen

log = logging.getLogger(__name__)

# With a lease of 20 s the work of a killed worker goes on within 25 s and what it takes to start; every ten seconds it
# was up to 31 (`python -m tests.experiments resume --full`).
SWEEP_SECONDS = 5.0
PURGE_EVERY = 12  # sweeps


def run(database: Database) -> None:
    """Tick until SIGTERM."""
    over = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    ticks = 0
    while not over.is_set():
        tick(database, with_purge=ticks % PURGE_EVERY == 0)
        ticks += 1
        over.wait(SWEEP_SECONDS)


def tick(database: Database, *, with_purge: bool) -> None:
    """One turn. What goes wrong is logged, and the next turn tries again: the clockwork never stops by itself."""
    try:
        sweep(database)
    except redis.RedisError as problem:
        log.warning("the queue is away: %s", type(problem).__name__)
    except Exception as problem:
        log_unforeseen("the sweep failed", problem)
    for what, do in (
        (
            ("upkeep", upkeep_of),
            ("holds", free),
            ("chase", chase),
            ("purge", purge_and_sign),
            ("check of the log", asking.check_if_asked),
        )
        if with_purge
        else ()
    ):
        try:
            do(database)
        except Exception as problem:
            log_unforeseen(f"the {what} failed", problem)


def upkeep_of(database: Database) -> None:
    """Days that move, reminders, ends in silence: nothing in it keeps anything from being purged."""
    with database.writing() as session:
        ended = upkeep.keep(session)["ended"]
    if ended:
        database.forget_deleted_bytes()


def chase(database: Database) -> None:
    """Recipients who are silent, those found later, and what was kept for them."""
    with database.writing() as session:
        purged = chasing.keep_up(session)["purged"]
        recipients.look_for_others(session)
        answered = recipients.take_up(session)
    if purged or answered:
        database.forget_deleted_bytes()


def free(database: Database) -> None:
    """Holds whose time is over, what is erased after all because nothing keeps it any more, what was kept to look."""
    with database.writing() as session:
        holds.keep(session)
        resuming.resume(session)
        rechecking.keep(session)
        looking.resume(session)
        looking.keep(session)
        drift.ensure(session)


def purge_and_sign(database: Database) -> None:
    with database.writing() as session:
        purged = purge(session)
        audit.publish(session)
    if any(purged.values()):
        database.forget_deleted_bytes()

"""`python -m tests.experiments.hurried QUEUE`: a worker as it is, with other clocks, whose every write is known.

The environment says which: EXPERIMENT_CLOCKS is `lease,renew,sweep` in seconds. Without it the product's own count.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event

from portal import jobs
from portal.db import Database
from workers import clockwork
from workers.__main__ import main

CLOCKS = "EXPERIMENT_CLOCKS"
# What an erasure writes. A trigger sees each row in the transaction that writes it, so that none is missed.
WATCHED = {
    "erasure_item": ("UPDATE",),
    "suppression": ("INSERT",),
    "image": ("UPDATE",),
    "face": ("DELETE",),
    "blob": ("DELETE",),
    "certificate": ("INSERT",),
    "mail": ("INSERT",),
    "case": ("UPDATE",),
}


def hurry(clocks: str) -> None:
    """Set how long a lease lasts, how often it is renewed, and how often the sweep comes."""
    lease, renew, sweep = (float(each) for each in clocks.split(","))
    jobs.LEASE, jobs.RENEW_SECONDS = timedelta(seconds=lease), renew
    clockwork.SWEEP_SECONDS = sweep


def say_who_writes() -> None:
    """Give each connection the function that the triggers ask: the number of the process."""

    @event.listens_for(Engine, "connect")
    def _know(connection: Any, _record: Any) -> None:
        connection.create_function("writer", 0, os.getpid)


def watch(database: Database) -> None:
    """Have every claim and every write of the one erasure in `database` noted, with the fence at that moment."""
    say_who_writes()
    noted = "INSERT INTO watched_write SELECT writer(), {what}, (SELECT fence FROM erasure)"
    statements = [
        "CREATE TABLE watched_claim (pid INTEGER, fence INTEGER)",
        "CREATE TABLE watched_write (pid INTEGER, what TEXT, fence INTEGER)",
        "CREATE TRIGGER watch_claims AFTER UPDATE OF fence ON erasure WHEN NEW.fence <> OLD.fence"
        " BEGIN INSERT INTO watched_claim VALUES (writer(), NEW.fence); END",
        "CREATE TRIGGER watch_items AFTER UPDATE OF state ON erasure_item WHEN NEW.state = 'applied'"
        " AND OLD.state <> 'applied' BEGIN " + noted.format(what="'item ' || NEW.id") + "; END",
    ]
    statements += [
        f'CREATE TRIGGER watch_{table}_{kind} AFTER {kind} ON "{table}" BEGIN {noted.format(what=repr(table))}; END'
        for table, kinds in WATCHED.items()
        for kind in kinds
    ]
    with database.engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def stale_writes(database: Database) -> int:
    """Writes of a process that had claimed the erasure, under a fence that was not the one it had got."""
    with database.reading() as session:
        return int(
            session.connection()
            .exec_driver_sql(
                "SELECT count(*) FROM watched_write AS one WHERE pid IN (SELECT pid FROM watched_claim)"
                " AND NOT EXISTS (SELECT 1 FROM watched_claim WHERE pid = one.pid AND fence = one.fence)"
            )
            .scalar_one()
        )


def writes_of(database: Database, pid: int) -> int:
    """How much a process has written so far."""
    with database.reading() as session:
        asked = session.connection().exec_driver_sql("SELECT count(*) FROM watched_write WHERE pid = ?", (pid,))
        return int(asked.scalar_one())


def done_twice(database: Database) -> int:
    """Items whose effect was recorded more than once."""
    with database.reading() as session:
        counted = "SELECT count(*) - count(DISTINCT what) FROM watched_write WHERE what LIKE 'item %'"
        return int(session.connection().exec_driver_sql(counted).scalar_one())


if __name__ == "__main__":
    if os.environ.get(CLOCKS):
        hurry(os.environ[CLOCKS])
    say_who_writes()
    main(sys.argv[1])

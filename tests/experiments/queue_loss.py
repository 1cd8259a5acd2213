"""The queue loses everything, again and again, while cases are carried out: all of them finish."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from portal.db import Database
from portal.jobs import connect
from portal.queue_server import is_ready
from portal.tables import Case, Erasure, Mail
from tests.experiments import erasing
from tests.experiments.erasing import is_over, wait_for
from tests.experiments.small_house import Running, running_house

# Seconds between two losses, at most. The product's own sweep comes every ten.
PAUSE = 4.0


def measure(cases: int, points: int, clocks: str = "", seed: int = 1) -> dict[str, Any]:
    """Approve `cases` deletions in `points` portions; at each point the queue is emptied, or its server killed."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        scene = erasing.build(Path(folder), erasing.Size(cases, cases=cases))
        database = scene.open()
        with running_house(scene.config, "erasing", "mailing", clocks=clocks) as house:
            losses = _lose(house, database, points, chance)
            wait_for(lambda: is_over(database) and _mailed(database) == cases, "the last case and its mail")
        counts: dict[str, Any] = erasing.reckon(scene)
        finished = _finished(database)
        mails = len(list((scene.config.data / "outbox").glob("*.eml")))
        database.close()
    ok = erasing.is_well(counts) and finished == mails == cases and losses["flushed"] + losses["killed"] == points
    counts |= losses | {"cases": cases, "mails": mails, "clocks": clocks or "the product's own"}
    return {"name": "queue-loss", "figure": finished, "target": cases, "ok": ok, "counts": counts}


def _lose(house: Running, database: Database, points: int, chance: random.Random) -> dict[str, int]:
    losses = {"flushed": 0, "killed": 0, "bells_lost": 0}
    with database.reading() as session:
        waiting = list(session.scalars(select(Erasure.id)))
    chance.shuffle(waiting)
    for point in range(points):
        for erasure_id in waiting[point::points]:
            with database.writing() as session:
                erasing.approve(session, session.get_one(Erasure, erasure_id))
        time.sleep(chance.uniform(0, PAUSE / 4))
        losses["bells_lost"] += _bells(house)
        if point % 2:
            flush(house)
            losses["flushed"] += 1
        else:
            losses["killed"] += kill(house) > 0
        time.sleep(chance.uniform(0, PAUSE))
    return losses


def flush(house: Running) -> None:
    """Empty the queue, once it is there."""
    wait_for(lambda: is_ready(house.config), "the queue")
    with connect(house.config.queue) as connection:
        connection.flushall()


def kill(house: Running) -> int:
    """Kill the queue's server. How many processes that were."""
    return house.kill("portal.queue_server", "valkey")


def _bells(house: Running) -> int:
    """How many bells hang in the queue; none while it is away."""
    if not is_ready(house.config):
        return 0
    with connect(house.config.queue) as connection:
        return sum(int(connection.llen(f"rq:queue:{kind}")) for kind in ("erasing", "mailing"))  # type: ignore[arg-type]


def _finished(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Case.state == "closed", Case.outcome == "fulfilled")) or 0


def _mailed(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Mail.work_state == "done")) or 0

"""An order whose worker is killed (`kill -9`) at random instants: nothing lost, left or doubled, and one statement.

The worker is a process of its own that runs the product's code. Its lease is over as soon as it is dead: the twenty
seconds until another takes over are the experiment `resume`.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

import workers
from portal import clock, schema
from portal.config import Config
from portal.db import Database
from portal.erasure.retraining import HALF
from portal.notices import answering
from portal.orders import making, recipients
from portal.tables import (
    Dataset,
    Disclosure,
    Entry,
    Feed,
    Image,
    Notice,
    Order,
    OrderCertificate,
    OrderChunk,
    Recipient,
    SuppressionChunk,
)
from tests.experiments import order as synthetic

# Seconds that a worker lives at the most. Some are killed before they have claimed anything.
LONGEST_LIFE = 0.6
GIVE_UP = 120.0


def measure(kills: int, images: int, seed: int = 1) -> dict[str, Any]:
    """Kill the worker `kills` times while it plans, erases, looks again and tells; then let it come to its end."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="efface-order-kill-") as folder:
        counts = _run(Path(folder), kills, images, chance)
    wanted = {"lost": 0, "left": 0, "doubled": 0, "certificates": 1}
    figure = {name: counts[name] for name in wanted}
    ok = figure == wanted and counts["killed_at_work"] > 0
    return {"name": "order-kill", "figure": figure, "target": wanted, "ok": ok, "counts": counts}


def _run(place: Path, kills: int, images: int, chance: random.Random) -> dict[str, Any]:
    config = Config(data=place / "data", cooling_hours=0, redis_url="unix:///nowhere.sock")
    database = Database(config)
    schema.upgrade(database)
    synthetic.fill(database, place, images)
    with database.writing() as session:
        recipient = Recipient(name="Buyer", contact="By post")
        session.add(recipient)
        session.flush()
        dataset = session.scalars(select(Dataset)).one()
        passed_on = Disclosure(
            recipient_id=recipient.id, dataset_id=dataset.id, disclosed_on=date(2015, 1, 1), basis="sale"
        )
        session.add(passed_on)
    order_id, people = synthetic.make_order(database)
    killed: Counter[str] = Counter()
    _drive(database, order_id, chance, kills // 4, killed, until="planned")
    with database.writing() as session:
        order = session.get_one(Order, order_id)
        for person in people:
            making.approve(session, order, person, order.plan_digest or "")
    _drive(database, order_id, chance, kills - killed.total(), killed, until="notifying")
    with database.writing() as session:
        answering.answer_by_hand(session, session.scalars(select(Notice)).one(), "erased", "By letter.", people[0])
        recipients.take_up(session)
    counts = {**_reckon(database, place, order_id, images), "kills": killed.total(), "kills_by_state": dict(killed)}
    counts["killed_at_work"] = killed.total() - killed["idle"]
    database.close()
    return counts


def _drive(
    database: Database, order_id: str, chance: random.Random, kills: int, killed: Counter[str], until: str
) -> None:
    started = time.monotonic()
    while True:
        with database.reading() as session:
            if session.get_one(Order, order_id).state == until:
                return
        if time.monotonic() - started > GIVE_UP:
            raise TimeoutError(f"the order did not come to {until}")
        worker = multiprocessing.get_context("fork").Process(target=_work, args=(database.config, order_id))
        database.close()
        worker.start()
        worker.join(chance.uniform(0, LONGEST_LIFE) if kills > 0 else None)
        if worker.is_alive():
            os.kill(worker.pid or 0, signal.SIGKILL)
            worker.join()
            with database.writing() as session:
                row = session.get_one(Order, order_id)
                killed[row.state if row.work_state == "leased" else "idle"] += 1
                row.lease_until = clock.now() if row.work_state == "leased" else row.lease_until
            kills -= 1
        with database.writing() as session:
            # What failed is put off by seconds; here it goes on at once.
            session.get_one(Order, order_id).run_after = clock.now()


def _work(config: Config, order_id: str) -> None:
    workers.carry_out(Database(config), "ordering", order_id)


def _reckon(database: Database, place: Path, order_id: str, images: int) -> dict[str, Any]:
    left = synthetic.left_in_stores(place)
    with database.reading() as session:
        order = session.get_one(Order, order_id)
        marks = b"".join(session.scalars(select(OrderChunk.marks).filter_by(order_id=order_id)))
        rows = session.scalar(select(func.count()).select_from(Image).where(Image.state != "erased")) or 0
        promised = sum(len(one) // HALF for one in session.scalars(select(SuppressionChunk.digests)))
        lines = session.scalars(select(Feed.size)).one()
        notices = session.scalar(select(func.count()).select_from(Notice)) or 0
        certificates = session.scalar(select(func.count()).select_from(OrderCertificate)) or 0
        entries = session.scalar(select(func.count()).where(Entry.kind == "order-certificate")) or 0
        doubled = (promised - images) + (lines - images) + (notices - 1) + (entries - certificates)
        return {
            "state": order.state,
            "lost": images - sum(marks.count(one) for one in (b"d", b"a")),
            "left": left + rows,
            "doubled": doubled + (order.done - images) + (order.checked - images),
            "certificates": certificates,
        }

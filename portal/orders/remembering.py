"""Keeping what is needed to carry an order out again, beside the database: before anything is touched, and at its end.

Each chunk is a part of its own in the ledger, as it was planned. Once all are there the order's own rows are written:
only then anything is touched. Every process asks at its start whether an order is missing in its database, so this
loads little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.audit import ledger
from portal.audit.ledger import Stage, Values, values_of
from portal.db import Database, config_of
from portal.orders.chunks import PLANNED
from portal.tables import (
    Account,
    Entry,
    Order,
    OrderCertificate,
    OrderChunk,
    OrderItem,
    Source,
    Store,
    SuppressionChunk,
)

BEGUN = ("running", "checking", "notifying", "settled")
AROUND = (Account, Source, Store)
# What a chunk came to. The rest of its row is kept as it was planned.
CAME_TO = ("number", "state", "marks", "counts", "evidence", "results_root", "done_at", "checked_at", "again_at")


def remember(database: Database, order_id: str) -> None:
    """Keep the whole plan, before anything is touched. A second call changes nothing; killed, it is begun anew."""
    name = name_of(order_id)
    with database.reading() as session:
        if ledger.read(session, name, "begun") is not None:
            return
        numbers = list(session.scalars(select(OrderChunk.number).filter_by(order_id=order_id)))
    for number in numbers:
        with database.reading() as session:
            chunk = session.scalars(select(OrderChunk).filter_by(order_id=order_id, number=number)).one()
            table, values = values_of(chunk)
            ledger.write_part(session, name, number, [(table, values | {"marks": PLANNED * values["images"]})])
    with database.reading() as session:
        order = session.get_one(Order, order_id)
        ledger.write(session, name, "begun", [*_around(session, order), *_of(session, order)])


def remember_end(session: Session, order: Order) -> None:
    """Keep it once more with its statements and with what became of each photograph."""
    name = name_of(order.id)
    begun = ledger.read(session, name, "begun")
    names = {one.__tablename__ for one in AROUND}
    before = [row for row in begun.rows if row[0] in names] if begun else _around(session, order)
    columns = [getattr(OrderChunk, one) for one in CAME_TO]
    rows = session.execute(select(*columns).filter_by(order_id=order.id).order_by(OrderChunk.number))
    ends = [(OrderChunk.__tablename__, dict(zip(CAME_TO, row, strict=True))) for row in rows]
    ledger.write(session, name, "done", [*before, *_of(session, order), *ends, *_promised(session, order)])


def missing(session: Session, *, deep: bool = False) -> dict[str, Stage]:
    """By id the orders on record that the database knows nothing of, or less: it was put back from a backup.

    With `deep`, once that is sure, also those that it has only the beginning of.
    """
    states = {one: state for one, state in session.execute(select(Order.id, Order.state))}
    certificates = set(session.scalars(select(OrderCertificate.id)))
    certified = set(session.scalars(select(OrderCertificate.order_id)))

    def knows(order_id: str, stage: Stage) -> bool:
        if states.get(order_id) not in BEGUN or (stage == "done" and order_id not in certified):
            return False
        if not deep:
            return True
        record = ledger.read(session, name_of(order_id), stage)
        issued = record.of(OrderCertificate) if record is not None else []
        return stage == "done" and all(one["id"] in certificates for one in issued)

    return {order_id: stage for order_id, stage in _kept(session).items() if not knows(order_id, stage)}


def lost(session: Session) -> int:
    """Orders that the log has begun, and neither the database nor the ledger knows."""
    bodies = session.scalars(select(Entry.body).where(Entry.kind == "order-started"))
    begun = {json.loads(body)["facts"]["order"] for body in bodies}
    known = set(session.scalars(select(Order.id).where(Order.started_at.is_not(None))))
    return len(begun - known - _kept(session).keys())


def name_of(order_id: str) -> str:
    """Under which name the ledger keeps an order."""
    return f"{ledger.ORDERS}{order_id}"


def _kept(session: Session) -> dict[str, Stage]:
    stages = ledger.stages(config_of(session), ledger.ORDERS)
    return {name.removeprefix(ledger.ORDERS): stage for name, stage in stages.items()}


def _of(session: Session, order: Order) -> list[tuple[str, Values]]:
    items = session.scalars(select(OrderItem).filter_by(order_id=order.id).order_by(OrderItem.number))
    issued = select(OrderCertificate).filter_by(order_id=order.id).order_by(OrderCertificate.number)
    return [values_of(row) for row in (order, *items, *session.scalars(issued))]


def _around(session: Session, order: Order) -> list[tuple[str, Values]]:
    stores = list(session.scalars(select(Store).where(Store.id.in_((order.plan or {})["stores"]))))
    sources = session.scalars(select(Source).where(Source.id.in_({store.source_id for store in stores})))
    staff = session.scalars(select(Account).where(Account.id.in_(_staff(session, order))))
    return [values_of(row) for row in (*staff, *sources, *stores)]


def _staff(session: Session, order: Order) -> Iterable[str]:
    answered = session.scalars(select(OrderItem.done_by).filter_by(order_id=order.id))
    return {one for one in (order.asked_by, order.first_by, order.second_by, *answered) if one}


def _promised(session: Session, order: Order) -> list[tuple[str, Values]]:
    """From when to when the photographs are not taken in again."""
    span = select(func.min(SuppressionChunk.created_at), func.max(SuppressionChunk.expires_at))
    created, expires = session.execute(span.filter_by(order_id=order.id)).one()
    if created is None:
        return []
    return [(SuppressionChunk.__tablename__, {"created_at": created, "expires_at": expires})]

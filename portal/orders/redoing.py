"""Carrying an order out again that a restored backup knows nothing of, or not the end of: chunk by chunk, as ever.

What is needed is kept beside the database (`remembering`). The order comes back with its statements.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit import ledger
from portal.audit.ledger import Record, Stage, Values, table_of
from portal.db import Database, config_of
from portal.erasure.carrying import NotGone
from portal.erasure.putting_back import claimed, is_in_log, known_columns, put
from portal.erasure.redoing import Redone
from portal.errors import Conflict
from portal.jobs import Lease
from portal.keys import keys_of
from portal.orders import carrying, checking, chunks, remembering
from portal.orders.chunks import LETTER, PLANNED, chunk_place
from portal.orders.selecting import THERE
from portal.tables import (
    Account,
    Image,
    Order,
    OrderCertificate,
    OrderChunk,
    OrderItem,
    Source,
    Store,
    SuppressionChunk,
)

# The plan as it stands before anything of it was carried out.
FRESH: Values = {"state": "planned", "fence": 0} | dict.fromkeys(
    ("counts", "evidence", "results_root", "done_at", "checked_at", "again_at")
)


def redo(database: Database, order_id: str, stage: Stage, *, in_stores: bool = True) -> Redone:
    """Carry the order out again, and see that what it took away is gone.

    Without `in_stores` the photographs in the stores are only looked for: that is for trying a backup out.
    Raises Unavailable while a store is away, Conflict while somebody else carries this order out.
    """
    with database.writing() as session:
        record = _trusted(session, order_id, stage)
        _put_back(session, record, order_id)
    back = _put_chunks_back(database, order_id)
    with claimed(database, "ordering", order_id, "Order") as lease:
        left = _carry_out(lease, in_stores)
        with database.writing() as session:
            lease.hold(session)
            refused = _end(session, record, lease)
            facts = {"order": order_id, "back": back, "left": left, "refused": refused}
            audit.append(session, "order-carried-out-again", facts)
    database.forget_deleted_bytes()
    return Redone(order_id, bool(back), left, refused)


def _trusted(session: Session, order_id: str, stage: Stage) -> Record:
    """The record; only as it was begun where a statement on it never came into the log."""
    name = remembering.name_of(order_id)
    record = ledger.read(session, name, stage)
    if record is not None and not all(is_in_log(session, one) for one in record.of(OrderCertificate)):
        record = ledger.read(session, name, "begun")
    parts = ledger.parts(config_of(session), name)
    (planned,) = (one["images"] for one in record.of(Order)) if record is not None else (0,)
    if record is None or len(parts) != -(-planned // chunks.SIZE):
        raise Conflict(f"What is kept about order {order_id} beside the database is not whole.", "ledger-broken")
    return record


def _put_back(session: Session, record: Record, order_id: str) -> None:
    """The order's own rows as they are on record, as if it had not begun: who is killed now finds it missing still."""
    for table in (Account, Source, Store):
        for values in record.of(table):
            put(session, table, ("id",), known_columns(table, values), replace=False)
    for rows in (OrderCertificate, SuppressionChunk, OrderItem, OrderChunk):
        session.execute(delete(rows).where(rows.order_id == order_id))
    (values,) = record.of(Order)
    unbegun = {"state": "cooling", "work_state": "due", "run_after": clock.now(), "attempts": 0, "problem": None}
    own = known_columns(Order, values) | unbegun | {"done": 0, "checked": 0, "paused": False}
    put(session, Order, ("id",), own, replace=True)
    items = [known_columns(OrderItem, one, without_number=True) for one in record.of(OrderItem)]
    if items:
        session.execute(table_of("order_item").insert(), items)
    session.expire_all()


def _put_chunks_back(database: Database, order_id: str) -> int:
    """The plan, chunk by chunk. How many of its photographs the database holds as if they had never been erased."""
    name, back = remembering.name_of(order_id), 0
    for number in ledger.parts(database.config, name):
        with database.writing() as session:
            ((_, values),) = ledger.read_part(session, name, number)
            session.execute(insert(OrderChunk), [known_columns(OrderChunk, values, without_number=True) | FRESH])
            back += _lay_tombstones(session, values)
    return back


def _lay_tombstones(session: Session, values: Values) -> int:
    """A row for each photograph that came in after the backup was made: its number must not be used again."""
    sealed = keys_of(session).unseal(values["sealed"], chunk_place(values["order_id"], values["number"]))
    items = {item.image: item for item in chunks.unpack(sealed)}
    known = {image: state for image, state in session.execute(select(Image.id, Image.state).where(Image.id.in_(items)))}
    now, stores = clock.now(), set(session.scalars(select(Store.id)))
    rows: list[dict[str, Any]] = [
        {"id": one, "store_id": item.store, "key": f"/erased/{one}", "state": "erased", "first_seen_at": now,
         "last_seen_at": now, "coverage": "not-looked-at"}
        for one, item in items.items() if one not in known and item.store in stores
    ]  # fmt: skip
    if rows:
        session.execute(insert(Image), rows)
    return sum(state in THERE for state in known.values())


def _carry_out(lease: Lease, in_stores: bool) -> int:
    """Carry it out and look again. How many photographs are still there."""
    carrying.carry_out(lease, touch=in_stores)
    try:
        checking.check(lease)
    except NotGone:
        if in_stores:
            raise
    with lease.database.reading() as session:
        marks = session.scalars(select(OrderChunk.marks).filter_by(order_id=lease.row_id))
        return sum(one.count(PLANNED) for one in marks)


def _end(session: Session, record: Record, lease: Lease) -> int:
    """What was said at the time stays true. How many photographs are refused now that were not."""
    order = session.get_one(Order, lease.row_id)
    refused = _refused(session, order.id) - sum(_count_refused(one["marks"]) for one in record.of(OrderChunk))
    if record.stage == "begun":
        # What remains to be done, and the statement, are the worker's.
        order.state = "running"
        lease.again(session, timedelta(0))
        return refused
    for values in record.of(OrderChunk):
        same = (OrderChunk.order_id == order.id, OrderChunk.number == values["number"])
        session.execute(update(OrderChunk).where(*same).values(values))
    for values in record.of(SuppressionChunk):
        session.execute(update(SuppressionChunk).where(SuppressionChunk.order_id == order.id).values(values))
    for values in record.of(OrderCertificate):
        session.execute(table_of("order_certificate").insert().values(values))
    (kept,) = record.of(Order)
    # Chunks are as they were planned: what was forgotten of them is to be forgotten again.
    kept["plan"] = {**kept["plan"], "forgotten": {}}
    session.execute(update(Order).where(Order.id == order.id).values(
        {name: kept[name] for name in ("state", "done", "checked", "paused", "settled_at", "looked_at", "plan")}
    ))  # fmt: skip
    session.expire_all()
    lease.done(session)
    return refused


def _refused(session: Session, order_id: str) -> int:
    return sum(map(_count_refused, session.scalars(select(OrderChunk.marks).filter_by(order_id=order_id))))


def _count_refused(marks: bytes) -> int:
    return marks.count(LETTER["content-changed"]) + marks.count(LETTER["archive-damaged"])

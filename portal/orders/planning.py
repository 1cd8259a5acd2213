"""Freezing the plan of an order, chunk by chunk. A worker that is killed leaves whole chunks, and another goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.audit import merkle
from portal.jobs import Lease
from portal.keys import keys_of
from portal.orders import accounts, chunks, people, selecting
from portal.orders.chunks import chunk_place
from portal.tables import Image, Order, OrderChunk, OrderItem

# Chunks that are written in one transaction.
TOGETHER = 4


def freeze(lease: Lease) -> None:
    """Write down what the order means now. Returns early when somebody paused or cancelled it."""
    with lease.database.reading() as session:
        order = session.get_one(Order, lease.row_id)
    after = (order.cursor[0], order.cursor[1]) if order.cursor else None
    pages = selecting.pages(lease.database, order, after, chunks.SIZE * TOGETHER)
    for group in _groups(pages, chunks.SIZE * TOGETHER):
        if not _write_down(lease, group):
            return
    _close(lease)


@dataclass
class _Group:
    """Rows that become full chunks, and how many without a digest lay between them."""

    rows: list[Row[Any]] = field(default_factory=list)
    unread: int = 0
    cursor: selecting.Cursor = ("", "")


def _groups(pages: Iterable[selecting.Page], size: int) -> Iterator[_Group]:
    """Groups of exactly `size` rows, but for the last: chunks must be full."""
    group = _Group()
    for page in pages:
        for row in page.rows:
            if row.digest is None:
                group.unread += 1
                continue
            group.rows.append(row)
            if len(group.rows) == size:
                group.cursor = (row.store_id, row.key)
                yield group
                group = _Group()
        group.cursor = page.cursor
    if group.rows or group.unread:
        yield group


def _write_down(lease: Lease, group: _Group) -> bool:
    started = time.monotonic()
    items = [
        chunks.Item(row.id, row.store_id, row.key, row.digest, row.near_digest or chunks.NO_NEAR, salt)
        for row, salt in zip(group.rows, chunks.salts(len(group.rows)), strict=True)
    ]
    parts = [items[at : at + chunks.SIZE] for at in range(0, len(items), chunks.SIZE)]
    with lease.database.reading() as session:
        reached = lineage.trace(session, [item.image for item in items])
        number = _chunks_of(session, lease.row_id)
        rows = [_row(session, lease.row_id, number + at, part) for at, part in enumerate(parts)]
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        if rows:
            session.execute(insert(OrderChunk), rows)
        if order.kind == "accounts":
            accounts.count(session, order, [row.account for row in group.rows])
        order.plan = _added(order.plan, items, group.unread, reached)
        order.images += len(items)
        order.cursor = list(group.cursor)
        order.working_seconds += time.monotonic() - started
        # A plan of hours may meet eight short troubles; only those without any progress between them count.
        order.attempts = 1
        if order.paused:
            lease.idle(session)
        return not order.paused


def _row(session: Session, order_id: str, number: int, items: list[chunks.Item]) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "number": number,
        "images": len(items),
        "root": chunks.root(number, items),
        "sealed": keys_of(session).seal(chunks.pack(items), chunk_place(order_id, number)),
        "marks": chunks.PLANNED * len(items),
    }


def _added(
    plan: dict[str, Any] | None, items: list[chunks.Item], unread: int, reached: lineage.Trace
) -> dict[str, Any]:
    """The counts of the plan with these photographs among them."""
    before = plan or {"stores": {}, "unread": 0, "reached": {}}
    stores = dict(before["stores"])
    for item in items:
        stores[item.store] = stores.get(item.store, 0) + 1
    return {
        "stores": stores,
        "unread": before["unread"] + unread,
        "reached": people.joined(before["reached"], reached),
    }


def _close(lease: Lease) -> None:
    """The plan is whole: put its digest into the log, and wait for people."""
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        roots = session.scalars(select(OrderChunk.root).filter_by(order_id=order.id).order_by(OrderChunk.number))
        images_root = merkle.root(roots)
        leaves = people.write_items(session, order)
        order.images_root, order.plan_digest = images_root.hex(), chunks.plan_digest(images_root, leaves)
        order.plan = {**(order.plan or {"stores": {}, "unread": 0, "reached": {}}), "before": _before(session, order)}
        order.state, order.planned_at, order.cursor = "planned", clock.now(), None
        order.working_seconds = 0.0
        facts = {"order": order.id, "digest": order.plan_digest, "images": order.images, "people": len(leaves)}
        audit.append(session, "order-planned", facts)
        lease.idle(session)


def plan_again(session: Session, order: Order) -> None:
    """Forget the plan, and the approvals with it: nothing of it was carried out. Make the row due after it."""
    session.execute(delete(OrderChunk).where(OrderChunk.order_id == order.id))
    session.execute(delete(OrderItem).where(OrderItem.order_id == order.id))
    if order.sealed_accounts is not None:
        accounts.keep(session, order, dict.fromkeys(accounts.names_of(session, order), 0))
    order.state, order.paused, order.images, order.working_seconds = "planning", False, 0, 0.0
    order.plan = order.plan_digest = order.images_root = order.cursor = order.why_stopped = None
    order.first_by = order.first_at = order.second_by = order.second_at = order.cooling_until = None
    session.flush()


def _before(session: Session, order: Order) -> dict[str, int]:
    """How many photographs of these stores were erased, or had gone by themselves, before the plan was made."""
    stores = selecting.stores_of(session, order)
    rows = select(Image.state, func.count()).where(Image.store_id.in_(stores), Image.state.in_(("erased", "gone")))
    return {state: count for state, count in session.execute(rows.group_by(Image.state))}


def _chunks_of(session: Session, order_id: str) -> int:
    return session.scalar(select(func.count()).select_from(OrderChunk).filter_by(order_id=order_id)) or 0

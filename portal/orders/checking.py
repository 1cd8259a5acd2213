"""Looking for what was erased again, by another path: listings of stores, counts of rows. Only that is certified."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.audit.log import instant
from portal.erasure.carrying import NotGone
from portal.jobs import Lease
from portal.orders import chunks, effects, in_stores
from portal.orders.carrying import Connectors, connectors_of, unsealed
from portal.orders.chunks import GONE, PLANNED, Item
from portal.stores import anew
from portal.suppression import Promised
from portal.tables import Order, OrderChunk

Archives = dict[str, dict[str, str | None]]

# Chunks that are looked at with one recording.
TOGETHER = 4
BY = "folders and archives were listed, rows were counted, the promises of the gate were compared"


def check(lease: Lease) -> bool:
    """Look at every chunk that was carried out. False when somebody paused it.

    Raises NotGone after writing down what was seen, so that what is left is erased again.
    """
    connectors, left = connectors_of(lease.database, lease.row_id), 0
    # An archive may have photographs in many chunks, and is read once to say what it is now.
    archives: Archives = {store: {} for store in connectors}
    with lease.database.reading() as session:
        promised = Promised(session, lease.row_id) if _promises(session, lease) else None
    while True:
        with lease.database.reading() as session:
            applied = select(OrderChunk).filter_by(order_id=lease.row_id, state="applied").order_by(OrderChunk.number)
            found = [(chunk, unsealed(session, chunk)) for chunk in session.scalars(applied.limit(TOGETHER))]
        if not found:
            break
        here, paused = _check(lease, connectors, promised, found, archives)
        left += here
        if paused:
            return False
    if left:
        raise NotGone(f"{left} photographs were still there when they were looked for again.")
    return True


def _promises(session: Session, lease: Lease) -> bool:
    return session.get_one(Order, lease.row_id).suppresses != "nothing"


def _check(
    lease: Lease,
    connectors: Connectors,
    promised: Promised | None,
    found: Sequence[tuple[OrderChunk, list[Item]]],
    archives: Archives,
) -> tuple[int, bool]:
    """How many photographs are still there, and whether somebody paused the order."""
    started = time.monotonic()
    gone = {chunk.number: _called_gone(chunk, items) for chunk, items in found}
    there = in_stores.still_there(connectors, [item for items in gone.values() for item in items])
    written = {number: _written_anew(connectors, items, archives) for number, items in gone.items()}
    with lease.database.reading() as session:
        order = session.get_one(Order, lease.row_id)
        rows = {number: _rows_left(session, order, promised, items) for number, items in gone.items()}
    left = 0
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        for before, items in found:
            again = {
                item.image for item in gone[before.number] if item.image in there or any(rows[before.number].values())
            }
            chunk = session.get_one(OrderChunk, before.id)
            _record(session, chunk, items, again, {**rows[before.number], "in_store": len(again)})
            if written[before.number]:
                chunk.evidence = {**(chunk.evidence or {}), "archives": written[before.number]}
            order.checked += len(items) if not again else 0
            order.done -= len(again)
            left += len(again)
        order.working_seconds += time.monotonic() - started
        if order.paused:
            lease.idle(session)
        return left, order.paused


def _called_gone(chunk: OrderChunk, items: Sequence[Item]) -> list[Item]:
    return [item for at, item in enumerate(items) if chunk.marks[at : at + 1] in GONE]


def _written_anew(connectors: Connectors, items: Sequence[Item], known: Archives) -> Archives:
    """By store the archives in which these photographs lay, as they are now."""
    keys: dict[str, list[str]] = {}
    for item in items:
        keys.setdefault(item.store, []).append(item.key)
    found = {store: anew.archives_of(connectors[store], some, known[store]) for store, some in keys.items()}
    return {store: archives for store, archives in found.items() if archives}


def archives_of(session: Session, order_id: str) -> Archives:
    """By store all archives that the order took photographs out of, as they were when they were last looked at."""
    rows = select(OrderChunk.evidence).filter_by(order_id=order_id).order_by(OrderChunk.checked_at, OrderChunk.number)
    found: Archives = {}
    for evidence in session.scalars(rows):
        for store, archives in ((evidence or {}).get("archives") or {}).items():
            found.setdefault(store, {}).update(archives)
    return found


def _rows_left(session: Session, order: Order, promised: Promised | None, items: Sequence[Item]) -> effects.Counts:
    if not items:
        return {}
    counts = effects.left(session, order, items)
    # One that was held or had changed when its chunk was promised is not among the ones called gone.
    return counts | ({"not_stopped": promised.missing([item.digest for item in items])} if promised else {})


def _record(session: Session, chunk: OrderChunk, items: Sequence[Item], again: set[int], seen: dict[str, Any]) -> None:
    chunk.evidence = {"by": BY, "at": instant(clock.now()), "left": seen}
    if again:
        marks = bytearray(chunk.marks)
        for at, item in enumerate(items):
            if item.image in again:
                marks[at : at + 1] = PLANNED
        chunk.marks, chunk.state = bytes(marks), "intent"
        return
    lines = chunks.lines(chunk.number, map(chunks.kept_of, items), chunk.marks)
    chunk.results_root = chunks.results_root(lines)
    chunk.state, chunk.checked_at = "verified", clock.now()

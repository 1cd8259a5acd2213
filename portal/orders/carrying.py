"""Carrying an order out, batch by batch: intent, effects, record. Killed anywhere, it goes on where it stood.

A batch is some thousand photographs, in the order of the plan, ended where an archive ends: an archive is then written
anew once, although its photographs may lie in two chunks. The hold check, the intent and all effects in the database
are one transaction; then the stores; then one transaction that records what the stores said.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock, stores
from portal.db import Database
from portal.erasure import holds
from portal.erasure.intending import WITHOUT_A_DAY
from portal.errors import StoreUnavailable
from portal.jobs import Lease
from portal.keys import keys_of
from portal.orders import chunks, effects, grown, in_stores, remembering
from portal.orders.chunks import GONE, INTENT, LETTER, PLANNED, Item, chunk_place
from portal.stores import Connector
from portal.tables import Order, OrderChunk, Store

# Photographs that are erased with one recording. More would hold the write lock for more than a second.
BATCH = 8192

HELD_AGAIN = timedelta(hours=1)
"""How long after it was seen to be held a photograph is asked about again."""

Connectors = dict[str, Connector | None]


@dataclass(frozen=True)
class Place:
    """Where a photograph stands in the plan: the chunk's number and the place in it."""

    chunk: int
    at: int
    item: Item
    mark: bytes


def begin(lease: Lease) -> bool:
    """Whether the order may run now. Stops it, before any effect, when the selection has grown since it was planned."""
    with lease.database.reading() as session:
        order = session.get_one(Order, lease.row_id)
        busy = order.state == "cooling" and grown.scans_running(session, order)
    if busy:
        with lease.database.writing() as session:
            lease.hold(session)
            # What the scan finds belongs into the plan: it is compared when the scan is over.
            lease.again(session, grown.WAIT)
        return False
    new = grown.newcomers(lease.database, order) if order.state == "cooling" else 0
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        if order.paused or order.state not in ("cooling", "running", "checking"):
            lease.idle(session)
            return False
        if new:
            _stop(session, lease, order, new)
            return False
        if order.state == "cooling":
            order.state, order.started_at, order.working_seconds = "running", clock.now(), 0.0
            audit.append(session, "order-started", {"order": order.id, "digest": order.plan_digest})
        return True


def _stop(session: Session, lease: Lease, order: Order, new: int) -> None:
    order.state = "stopped"
    order.why_stopped = f"{new:,} photographs came into the selection after it was approved. Plan it again."
    audit.append(session, "order-stopped", {"order": order.id, "why": "selection-grew", "new": new})
    lease.idle(session)


def carry_out(lease: Lease, *, touch: bool = True) -> bool:
    """Erase what is left to erase. False when somebody paused it. Raises what stores raise; what is done stays done.

    Without `touch` no store is touched: for trying a backup out.
    """
    # Whoever puts an older database back must be able to do all this again.
    remembering.remember(lease.database, lease.row_id)
    connectors = connectors_of(lease.database, lease.row_id)
    if not touch:
        connectors = dict.fromkeys(connectors)
    for batch in _batches(_places(lease), connectors):
        if not _carry_out(lease, connectors, batch):
            return False
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        if order.state == "running":
            order.state, order.working_seconds = "checking", 0.0
    return True


def connectors_of(database: Database, order_id: str) -> Connectors:
    with database.reading() as session:
        ids = (session.get_one(Order, order_id).plan or {})["stores"]
        found = {store: session.get(Store, store) for store in ids}
    return {name: stores.connect(store) if store is not None else None for name, store in found.items()}


def unsealed(session: Session, chunk: OrderChunk) -> list[Item]:
    return chunks.unpack(keys_of(session).unseal(chunk.sealed, chunk_place(chunk.order_id, chunk.number)))


def _places(lease: Lease) -> Iterator[Place]:
    """All photographs that have no end yet, chunk by chunk."""
    number = -1
    while True:
        with lease.database.reading() as session:
            waiting = select(OrderChunk).filter_by(order_id=lease.row_id).where(OrderChunk.number > number)
            open_ones = waiting.where(OrderChunk.state.in_(("planned", "intent"))).order_by(OrderChunk.number)
            chunk = session.scalar(open_ones.limit(1))
            items = unsealed(session, chunk) if chunk is not None else []
        if chunk is None:
            return
        number = chunk.number
        for at, item in enumerate(items):
            mark = chunk.marks[at : at + 1]
            if mark in (PLANNED, INTENT):
                yield Place(number, at, item, mark)


def _batches(places: Iterable[Place], connectors: Connectors) -> Iterator[list[Place]]:
    """At least `BATCH` photographs, up to the end of an archive."""
    batch: list[Place] = []
    last, whole_of = ("", ""), in_stores.wholes(connectors)
    for place in places:
        whole = whole_of(place.item)
        if len(batch) >= BATCH and whole != last:
            yield batch
            batch = []
        batch.append(place)
        last = whole
    if batch:
        yield batch


def _carry_out(lease: Lease, connectors: Connectors, batch: list[Place]) -> bool:
    started = time.monotonic()
    going, ends = _intend(lease, batch)
    locks: list[datetime | None] = []
    try:
        in_stores.erase(connectors, [place.item for place in going], ends, locks)
    except StoreUnavailable:
        # Of what is gone by now it would be said the next time that it was so before.
        if done := [place for place in going if place.item.image in ends]:
            with lease.database.writing() as session:
                _record(session, lease, done, ends, locks).working_seconds += time.monotonic() - started
        raise
    with lease.database.writing() as session:
        order = _record(session, lease, going, ends, locks)
        order.working_seconds += time.monotonic() - started
        if order.paused:
            lease.idle(session)
        paused = order.paused
    lease.database.forget_deleted_bytes()
    return not paused


def _record(
    session: Session, lease: Lease, done: list[Place], ends: dict[int, bytes], locks: list[datetime | None]
) -> Order:
    """Write down what the stores said of these photographs."""
    lease.hold(session)
    gone = [place.item for place in done if ends[place.item.image] in GONE]
    strays = effects.strays(session, gone) if was_settled(session, lease) else []
    effects.bury(session, lease.row_id, [item.image for item in (*gone, *strays)])
    _mark(session, lease, done, ends, locks=locks)
    order = session.get_one(Order, lease.row_id)
    order.done += len(done)
    # Only troubles without any progress between them count.
    order.attempts = 1
    return order


def was_settled(session: Session, lease: Lease) -> bool:
    """Whether this order had a statement before: it is carried out once more for what was kept, or came back."""
    return session.get_one(Order, lease.row_id).settled_at is not None


def again_at(marks: bytes, until: Sequence[datetime | None]) -> datetime | None:
    """When what a hold or a lock keeps in a chunk is asked about again; None when nothing is kept."""
    if LETTER["residual"] in marks:
        ends = [one for one in until if one is not None and one > clock.now()]
        return min(ends, default=clock.now() + WITHOUT_A_DAY)
    return clock.now() + HELD_AGAIN if LETTER["legal-hold"] in marks else None


def _intend(lease: Lease, batch: list[Place]) -> tuple[list[Place], dict[int, bytes]]:
    """What goes now, and the ends of what does not: what is held, and what is not what was approved any more.

    One that had its intent before a kill goes on without being asked about again: its effect may have happened.
    """
    new = [place for place in batch if place.mark == PLANNED]
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        held = holds.held(session, [place.item.image for place in new])
        ends = dict.fromkeys(held, LETTER["legal-hold"])
        ends |= dict.fromkeys(effects.changed(session, [place.item for place in batch]), LETTER["content-changed"])
        going = [place for place in batch if place.item.image not in ends]
        counts = effects.before_store(session, order, [place.item for place in going if place.mark == PLANNED])
        if order.settled_at is not None:
            # What came back may have come in anew, under another number.
            back = effects.strays(session, [place.item for place in going])
            counts = dict(Counter(counts) + Counter(effects.clear(session, order, back)))
        _mark(session, lease, batch, {place.item.image: INTENT for place in going} | ends, counts)
        order.done += len(ends)
    return going, ends


def _mark(
    session: Session,
    lease: Lease,
    batch: Sequence[Place],
    letters: dict[int, bytes],
    counts: effects.Counts | None = None,
    locks: Sequence[datetime | None] = (),
) -> None:
    """Write down where each photograph of the batch is. What else went is counted with the last chunk.

    `locks`: until when stores keep what they keep.
    """
    numbers = {place.chunk for place in batch}
    rows = session.scalars(select(OrderChunk).filter_by(order_id=lease.row_id).where(OrderChunk.number.in_(numbers)))
    by_number = {chunk.number: chunk for chunk in rows}
    marks = {number: bytearray(chunk.marks) for number, chunk in by_number.items()}
    for place in batch:
        marks[place.chunk][place.at : place.at + 1] = letters[place.item.image]
    for number, chunk in by_number.items():
        chunk.marks, chunk.fence = bytes(marks[number]), lease.fence
        chunk.state = "intent"
        if not (chunk.marks.count(PLANNED) or chunk.marks.count(INTENT)):
            chunk.state, chunk.done_at = "applied", clock.now()
            chunk.again_at = again_at(chunk.marks, locks)
    if counts:
        last = by_number[max(numbers)]
        last.counts = dict(Counter(last.counts or {}) + Counter(counts))
    session.flush()

"""Looking again at what an order erased: all of it, after 1, 7 and 30 days and after a restore, in portions.

What it needs, names, places and digests, stays sealed in the chunks until the last of these looks. What is back is
erased again when two people agree. What a hold or a lock had kept is erased after all once nothing keeps it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.erasure import holds, rechecking
from portal.errors import BadInput
from portal.jobs import Lease, make_due
from portal.keys import keys_of
from portal.orders import chunks, effects, in_stores, recipients
from portal.orders.carrying import HELD_AGAIN, Connectors, connectors_of, unsealed
from portal.orders.chunks import GONE, INTENT, LETTER, PLANNED, Item, chunk_place
from portal.suppression import YEAR, Promised
from portal.tables import Order, OrderChunk, Recheck

# Chunks that are looked at with one recording.
TOGETHER = 4
FORGOTTEN_AT_ONCE = 50
RESUMED_AT_ONCE = 20
HELD, LOCKED = LETTER["legal-hold"], LETTER["residual"]


def look(lease: Lease) -> None:
    """Go through all chunks of the order from where this look stood. A store that is away is tried again later."""
    with lease.database.reading() as session:
        order = session.get_one(Order, session.get_one(Recheck, lease.row_id).order_id)
        promised = Promised(session, order.id) if order.suppresses != "nothing" else None
    connectors = connectors_of(lease.database, order.id)
    while True:
        with lease.database.reading() as session:
            recheck = session.get_one(Recheck, lease.row_id)
            found = [(chunk, _gone(session, chunk)) for chunk in _next(session, recheck)]
            settled = session.get_one(Order, order.id).state == "settled"
        if not found or not settled:
            break
        hits = _hits(lease, connectors, promised, order, found)
        with lease.database.writing() as session:
            lease.hold(session)
            recheck = session.get_one(Recheck, lease.row_id)
            recheck.cursor = found[-1][0].number
            recheck.looked += sum(len(items) for _, items in found)
            recheck.hits = [*recheck.hits, *hits]
    with lease.database.writing() as session:
        lease.hold(session)
        _close(session, session.get_one(Recheck, lease.row_id), settled)
        lease.done(session)


def recheck_all(session: Session) -> int:
    """Look at every settled order now of which enough is known, as after a restore. Returns how many those are."""
    known = Order.settled_at > clock.now() - rechecking.LONGEST
    found = list(session.scalars(select(Order).where(Order.state == "settled", known)))
    return sum(rechecking.look_after_restore(session, order) for order in found)


def erase_again(session: Session, recheck: Recheck, account_id: str) -> None:
    """A second person agrees: the photographs that are back are erased once more, by the plan that was approved.

    Raises BadInput when a hold keeps all of them by now.
    """
    rechecking.agree(session, recheck, account_id)
    order = session.get_one(Order, recheck.order_id)
    going = 0
    for hit in recheck.hits:
        chunk = session.scalars(select(OrderChunk).filter_by(order_id=order.id, number=hit["chunk"])).one()
        going += _reopen(session, order, chunk, _places(hit))
    if not going:
        raise BadInput("A legal hold keeps all of these photographs for now.", "held")
    _go_on(session, order)
    audit.append(session, "order-reopened", {"order": order.id, "digest": order.plan_digest, "by": account_id})


def resume(session: Session) -> int:
    """Carry out after all what a hold or a lock had kept, and nothing keeps any more. Returns how many orders go on."""
    rested = Order.work_state.not_in(("due", "leased"))
    due = select(OrderChunk, Order).join(Order, Order.id == OrderChunk.order_id).where(Order.state == "settled", rested)
    going: dict[str, tuple[Order, list[int]]] = {}
    late = due.where(OrderChunk.again_at <= clock.now()).order_by(OrderChunk.again_at).limit(RESUMED_AT_ONCE)
    for chunk, order in session.execute(late).all():
        waiting = [at for at in range(chunk.images) if chunk.marks[at : at + 1] in (HELD, LOCKED)]
        if _reopen(session, order, chunk, waiting):
            going.setdefault(order.id, (order, []))[1].append(chunk.number)
        else:
            chunk.again_at = clock.now() + HELD_AGAIN if waiting else None
    for order, numbers in going.values():
        recipients.tell_of(order, numbers)
        _go_on(session, order)
        audit.append(session, "order-resumed-after-hold", {"order": order.id, "chunks": len(numbers)})
    return len(going)


def keep(session: Session) -> int:
    """What time alone does: places that were kept for looking again go, then digests. Returns of how many chunks."""
    gone, now = 0, clock.now()
    for order in session.scalars(select(Order).where(Order.state == "settled")).all():
        settled = order.settled_at or now
        if settled <= now - rechecking.LONGEST or _looked_last(session, order):
            kept = order.suppresses != "nothing"
            gone += _forget(session, order, "places", chunks.forget_places if kept else chunks.forget_digests)
        if settled <= now - config_of(session).suppression_years * YEAR:
            gone += _forget(session, order, "digests", chunks.forget_digests)
    return gone


def _next(session: Session, recheck: Recheck) -> list[OrderChunk]:
    after = -1 if recheck.cursor is None else recheck.cursor
    rows = select(OrderChunk).filter_by(order_id=recheck.order_id).where(OrderChunk.number > after)
    return list(session.scalars(rows.order_by(OrderChunk.number).limit(TOGETHER)))


def _gone(session: Session, chunk: OrderChunk) -> dict[int, Item]:
    """By their place the photographs of a chunk that were called gone; none where it was forgotten which they are."""
    data = keys_of(session).unseal(chunk.sealed, chunk_place(chunk.order_id, chunk.number))
    items = chunks.unpack(data) if chunks.has_places(data) else []
    return {at: item for at, item in enumerate(items) if chunk.marks[at : at + 1] in GONE}


def _hits(
    lease: Lease,
    connectors: Connectors,
    promised: Promised | None,
    order: Order,
    found: Sequence[tuple[OrderChunk, dict[int, Item]]],
) -> list[dict[str, Any]]:
    """For each chunk of which something is back: which places, and what was seen."""
    there = in_stores.still_there(connectors, [item for _, items in found for item in items.values()])
    hits = []
    for chunk, items in found:
        with lease.database.reading() as session:
            rows = effects.left(session, order, list(items.values())) if items else {}
        if promised is not None:
            rows["not_stopped"] = promised.missing([item.digest for item in items.values()])
        left = {name: count for name, count in rows.items() if count}
        # Rows are counted for the chunk as a whole: where some are back, all of it is carried out again.
        places = [at for at, item in items.items() if left or item.image in there]
        if places:
            seen = ", ".join(f"{count} {name}" for name, count in left.items())
            hits.append(
                {"chunk": chunk.number, "kind": "image", "places": places, "by": seen or "the store was listed"}
            )
    return hits


def _places(hit: dict[str, Any]) -> list[int]:
    return [int(at) for at in hit["places"]]


def _close(session: Session, recheck: Recheck, settled: bool) -> None:
    if not settled:
        # It is being carried out again just now, and is looked at anew from the day on which that is done.
        recheck.state = "missed"
        return
    back = sum(len(hit["places"]) for hit in recheck.hits)
    rechecking.close(session, recheck, recheck.looked, recheck.hits, back)


def _reopen(session: Session, order: Order, chunk: OrderChunk, places: Sequence[int]) -> int:
    """Have photographs of a chunk carried out once more. How many: those that a legal hold keeps now stay.

    This is their intent: the holds are asked in the same transaction. One that was only withheld begins anew.
    """
    items = unsealed(session, chunk)
    held = holds.held(session, [items[at].image for at in places])
    free = [at for at in places if items[at].image not in held]
    if not free:
        return 0
    marks = bytearray(chunk.marks)
    for at in free:
        marks[at : at + 1] = PLANNED if chunk.marks[at : at + 1] == HELD else INTENT
    if chunk.state == "verified":
        order.checked -= chunk.images
    chunk.marks, chunk.state, chunk.again_at = bytes(marks), "intent", None
    order.done -= len(free)
    order.plan = {**(order.plan or {}), "forgotten": {}}
    return len(free)


def _go_on(session: Session, order: Order) -> None:
    order.state, order.working_seconds = "running", 0.0
    make_due(session, order)
    session.flush()


def _looked_last(session: Session, order: Order) -> bool:
    """Whether the last look is over, and nothing that was found waits for anybody."""
    rows = select(Recheck.state, Recheck.occasion, Recheck.approved_by).filter_by(order_id=order.id)
    found = session.execute(rows).all()
    open_ones = any(state in ("due", "found") or (state == "confirmed" and not by) for state, _, by in found)
    return not open_ones and any(occasion == "day-30" for _, occasion, _ in found)


def _forget(session: Session, order: Order, what: str, how: Callable[[bytes], bytes]) -> int:
    """Some chunks at a time; what a hold or a lock keeps in one is still needed."""
    done = dict((order.plan or {}).get("forgotten", {}))
    rows = select(OrderChunk).filter_by(order_id=order.id).where(OrderChunk.number >= done.get(what, 0))
    found = list(session.scalars(rows.order_by(OrderChunk.number).limit(FORGOTTEN_AT_ONCE)))
    for chunk in found:
        if not (HELD in chunk.marks or LOCKED in chunk.marks):
            place = chunk_place(order.id, chunk.number)
            chunk.sealed = keys_of(session).seal(how(keys_of(session).unseal(chunk.sealed, place)), place)
    if found:
        order.plan = {**(order.plan or {}), "forgotten": {**done, what: found[-1].number + 1}}
        session.flush()
    return len(found)

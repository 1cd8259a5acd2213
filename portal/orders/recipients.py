"""Telling recipients of what an order erased, taking up what they answer, and asking daily who else has a copy.

The notices are those of `portal.notices`. What later ones are made from, the digests, rests sealed in the chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.jobs import Lease, make_due
from portal.keys import keys_of
from portal.notices import clocks, making, sending
from portal.notices.making import About, Got
from portal.orders import certificate, chunks
from portal.orders.chunks import GONE, chunk_place
from portal.tables import Notice, Order, OrderChunk, OrderItem

# Chunks that are gone through in one session: a writer waits for it.
TOGETHER = 4
LOOKS_AT_ONCE = 20
UNTOLD = "untold"
"""In the plan under `to_tell`: somebody got a photograph and was not told. Else it lists chunks; missing means all."""


def gather(lease: Lease) -> dict[str, Got]:
    """Put what is gone into the feeds, and find out what each recipient got of it. May be repeated."""
    with lease.database.reading() as session:
        order = session.get_one(Order, lease.row_id)
        late = (order.plan or {}).get("to_tell") == UNTOLD
        # Of chunks that are told of anew, by their numbers, all are told once more. Else nobody is told twice: after a
        # restore the notices may be back already.
        chosen = isinstance((order.plan or {}).get("to_tell"), list)
        known = {} if chosen else making.told(session, about(session, order))
        numbers = list(session.scalars(_to_tell(order)))
    reached: dict[str, Got] = {}
    for start in range(0, len(numbers), TOGETHER):
        with lease.database.writing() as session:
            lease.hold(session)
            digests = _gone_in(session, lease.row_id, numbers[start : start + TOGETHER])
            making.publish(session, digests)
        with lease.database.reading() as session:
            others = making.other_copies(session, digests) if late else {}
            making.gather(session, digests | others, known, reached)
    return reached


def tell(session: Session, order: Order, reached: dict[str, Got]) -> None:
    """Make the notices of what was gathered, in the transaction in which the order goes on."""
    making.tell_all(session, about(session, order), reached)
    order.plan = {**(order.plan or {}), "to_tell": []}
    order.looked_at = clock.now()
    session.flush()


def tell_of(order: Order, numbers: list[int]) -> None:
    """Have recipients told of these chunks once more: something in them is erased that had been kept."""
    waiting = (order.plan or {}).get("to_tell")
    known = waiting if isinstance(waiting, list) else []
    order.plan = {**(order.plan or {}), "to_tell": sorted({*known, *numbers})}


def about(session: Session, order: Order) -> About:
    return About(None, order.id, "erase", making.kept_until(session))


def take_up(session: Session) -> int:
    """Carry what recipients answered, or their silence, into their orders. Returns how many items had news.

    After the statement a new one is issued, which supersedes it. What a person answered stays until they say more.
    """
    same = (OrderItem.order_id == Notice.order_id) & (OrderItem.target == Notice.recipient_id)
    answered = Notice.answered_at.is_not(None) & or_(
        OrderItem.done_at.is_(None), OrderItem.done_at < Notice.answered_at
    )
    silent = (Notice.state == "unreachable") & OrderItem.result.is_(None)
    news = select(OrderItem, Notice).join(Notice, same).where(OrderItem.kind == "recipient", answered | silent)
    found = session.execute(news.order_by(Notice.answered_at, Notice.number)).all()
    for item, notice in found:
        outcome = sending.outcome_of(session, notice)
        if outcome is not None:
            item.result, item.note = outcome
            item.state, item.done_by, item.done_at = "verified", notice.account_id, notice.answered_at or clock.now()
    session.flush()
    for order_id in {item.order_id for item, _ in found}:
        certificate.settle_if_complete(session, session.get_one(Order, order_id))
    return len(found)


def look_for_others(session: Session, look_now: bool = False) -> int:
    """Ask, a portion at a time and each order once a day, who else received something. Returns how many orders have.

    A worker then goes through such an order and tells them.
    """
    old = Order.looked_at <= clock.now() - (clocks.LOOK_AGAIN * (not look_now))
    rested = Order.work_state.not_in(("due", "leased"))
    wanted = select(Order).where(Order.state == "settled", rested, old)
    found, room = 0, LOOKS_AT_ONCE
    for order in session.scalars(wanted.order_by(Order.looked_at)).all():
        if room <= 0:
            break
        numbers = _next_numbers(session, order, room)
        room -= len(numbers)
        found += _look(session, order, numbers)
    return found


def _look(session: Session, order: Order, numbers: list[int]) -> bool:
    """Go through some chunks. True when somebody was not told of one of their photographs."""
    late: dict[str, Got] = {}
    if numbers:
        digests = _gone_in(session, order.id, numbers)
        making.gather(
            session, digests | making.other_copies(session, digests), making.told(session, about(session, order)), late
        )
    order.cursor, order.looked_at = (numbers[-1:], order.looked_at) if numbers else (None, clock.now())
    if late:
        order.plan = {**(order.plan or {}), "to_tell": UNTOLD}
        order.cursor = None
        make_due(session, order, timedelta(0))
    session.flush()
    return bool(late)


def _next_numbers(session: Session, order: Order, most: int) -> list[int]:
    after = order.cursor[0] if order.cursor else -1
    rows = select(OrderChunk.number).filter_by(order_id=order.id).where(OrderChunk.number > after)
    return list(session.scalars(rows.order_by(OrderChunk.number).limit(most)))


def _to_tell(order: Order) -> Select[int]:
    rows = select(OrderChunk.number).filter_by(order_id=order.id).order_by(OrderChunk.number)
    listed = (order.plan or {}).get("to_tell")
    return rows.where(OrderChunk.number.in_(listed)) if isinstance(listed, list) else rows


def _gone_in(session: Session, order_id: str, numbers: list[int]) -> dict[int, bytes]:
    """Digests of the photographs of these chunks that are gone; none where they were forgotten."""
    rows = select(OrderChunk).filter_by(order_id=order_id).where(OrderChunk.number.in_(numbers))
    return {image: digest for chunk in session.scalars(rows) for image, digest in _gone(session, chunk)}


def _gone(session: Session, chunk: OrderChunk) -> Iterator[tuple[int, bytes]]:
    data = keys_of(session).unseal(chunk.sealed, chunk_place(chunk.order_id, chunk.number))
    for at, (image, digest) in enumerate(zip(chunks.images_in(data), chunks.digests_in(data), strict=False)):
        if chunk.marks[at : at + 1] in GONE:
            yield image, digest

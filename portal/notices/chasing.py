"""What time alone does: reminders, a caseworker who sees to it, an end to the waiting, who else has a copy, the purge.

The days are in `clocks`. The clockwork calls `keep_up` each minute; a day that was missed is made up for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.notices import answering, clocks, forgetting, keeping, making, sending
from portal.tables import Erasure, ErasureItem, Notice, NoticeGround

log = logging.getLogger(__name__)

AT_ONCE = 200
# Each follows all paths of its photographs, while others wait to write.
LOOKS_AT_ONCE = 20


def keep_up(session: Session, look_now: bool = False) -> dict[str, int]:
    """Do all of it that is due, each notice by itself. Returns how many were begun, chased, found and purged.

    `look_now`: who else received something is asked now, and not only once a day.
    """
    now = clock.now()
    waiting = Notice.state.in_(sending.OPEN)
    return {
        "begun": _each(session, waiting & Notice.next_at.is_(None), _begin),
        "chased": _each(session, waiting & (Notice.next_at <= now), _chase),
        "found": _look(session, look_now),
        "purged": purge(session),
    }


def _each(session: Session, which: ColumnElement[bool], do: Callable[[Session, Notice], None]) -> int:
    done = 0
    for notice_id in session.scalars(select(Notice.id).where(which).limit(AT_ONCE)).all():
        try:
            with session.begin_nested():
                do(session, session.get_one(Notice, notice_id))
            done += 1
        except Exception as problem:
            # One that fails must not keep the others; it is tried again in a minute.
            log.error("notice %s: %s", notice_id, type(problem).__name__)
    return done


def _begin(session: Session, notice: Notice) -> None:
    notice.next_at = sending.waiting_since(notice) + min(*clocks.REMINDERS, clocks.ESCALATION)


def _chase(session: Session, notice: Notice) -> None:
    """The consequence of the silence up to now, and when the next one is due."""
    since = sending.waiting_since(notice)
    age = clock.now() - since
    if age >= clocks.GIVE_UP:
        give_up(session, notice)
        return
    if age >= clocks.ESCALATION and notice.escalated_at is None:
        notice.escalated_at = clock.now()
    if notice.reminders < sum(age >= day for day in clocks.REMINDERS) and notice.work_state in ("idle", "done"):
        sending.send_again(session, notice)
    later = [day for day in (*clocks.REMINDERS, clocks.ESCALATION, clocks.GIVE_UP) if day > age]
    notice.next_at = since + min(later)


def give_up(session: Session, notice: Notice) -> None:
    """Nobody waits any longer. What was tried stands on the certificate, where it is not issued yet."""
    notice.state, notice.next_at, notice.escalated_at = "unreachable", None, clock.now()
    # A worker that calls just now must not record anything any more.
    notice.work_state, notice.fence = "idle", notice.fence + 1
    keeping.keep(session, notice)
    item = session.get(ErasureItem, notice.item_id) if notice.item_id else None
    outcome = sending.outcome_of(session, notice)
    # What a person has answered already, such as that they wrote a letter, stays.
    if outcome is not None and (item is None or item.result is None):
        answering.close_item(session, notice, *outcome, None)
    audit.append(session, "notice-unreachable", {"notice": notice.id, **making.subject_of(notice)})


def _look(session: Session, now: bool) -> int:
    """Who else received one of the photographs, asked once a day for each erasure. What may go from feeds goes."""
    old = NoticeGround.looked_at <= clock.now() - (clocks.LOOK_AGAIN * (not now))
    grounds = select(NoticeGround).where(old, NoticeGround.purge_after > clock.now())
    found = 0
    for ground in session.scalars(grounds.order_by(NoticeGround.looked_at).limit(LOOKS_AT_ONCE)).all():
        try:
            with session.begin_nested():
                found += len(making.look_again(session, ground))
                forgetting.take_lines(session, session.get_one(Erasure, ground.erasure_id))
        except Exception as problem:
            # It is asked again tomorrow: those that fail must not keep the others from their turn.
            ground.looked_at = clock.now()
            log.error("who received photographs of erasure %s: %s", ground.erasure_id, type(problem).__name__)
    return found


def purge(session: Session) -> int:
    """Forget digests and texts whose time is over. What was answered stays, as a record."""
    now = clock.now()
    grounds = list(session.scalars(select(NoticeGround).where(NoticeGround.purge_after <= now).limit(AT_ONCE)))
    for ground in grounds:
        session.delete(ground)
    over = (Notice.purge_after <= now) & Notice.sealed.is_not(None)
    session.execute(update(Notice).where(over).values(sealed=None).execution_options(synchronize_session="fetch"))
    if grounds:
        audit.append(session, "notices-purged", {"erasures": len(grounds)})
    return len(grounds)

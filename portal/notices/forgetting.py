"""Who has us keep nothing by which their photographs could be known again: what notices keep goes with the rest."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock, forgotten, suppression
from portal.cases.answer import keeping as chosen
from portal.db import config_of
from portal.erasure import forgetting
from portal.notices import clocks, feeds, keeping, making, sending
from portal.tables import Case, Erasure, Notice, NoticeGround


def forget(session: Session, case: Case, what: str) -> None:
    """Forget the `face`, or with it the `photographs`. Raises Conflict where there is nothing that could be kept.

    What recipients are still waited for to answer is purged when nobody waits any more, all else now.
    """
    forgetting.forget(session, case, what)
    if what == "photographs":
        forgotten.note(session, "photographs", [case.id])
        _forget_photographs(session, case)


def forget_again(session: Session, case: Case) -> None:
    """The same for the photographs after a restore, which brought back what was forgotten."""
    suppression.forget_photographs(session, case.id)
    for right in case.rights:
        if right.right == "deletion":
            right.keeps = "none"
    session.flush()
    _forget_photographs(session, case)


def _forget_photographs(session: Session, case: Case) -> None:
    for erasure in session.scalars(select(Erasure).filter_by(case_id=case.id, kind="deletion")):
        take_lines(session, erasure)
    mine = select(Erasure.id).filter_by(case_id=case.id, kind="deletion")
    for ground in session.scalars(select(NoticeGround).where(NoticeGround.erasure_id.in_(mine))):
        making.keep_in_ground(session, ground, making.digests_of(session, ground))
    for notice in session.scalars(select(Notice).where(Notice.erasure_id.in_(mine), Notice.sealed.is_not(None))):
        if notice.state in sending.OPEN:
            notice.purge_after = min(notice.purge_after, clock.now() + clocks.GIVE_UP)
        else:
            notice.sealed = None
        keeping.keep(session, notice)


def take_lines(session: Session, erasure: Erasure) -> int:
    """Take its photographs out of the public feeds, where the person has us keep nothing. Returns of how many lines.

    Not before nobody is waited for, and as long as holders are waited for whom nobody knows: they read the feeds.
    """
    if erasure.kind != "deletion" or not chosen.keeps_nothing(session.get_one(Case, erasure.case_id)):
        return 0
    waiting = select(Notice.id).where(Notice.erasure_id == erasure.id, Notice.state.in_(sending.OPEN)).limit(1)
    if session.scalar(waiting) is not None:
        return 0
    images = {item.image_id for item in erasure.items if item.kind == "suppression" and item.image_id is not None}
    until = clock.local_date(clock.now() - clocks.GIVE_UP, config_of(session).zone)
    taken = feeds.take_away(session, images, until)
    if taken:
        audit.append(session, "feed-lines-taken", {"erasure": erasure.id, "lines": taken})
    return taken

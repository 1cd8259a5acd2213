"""Who has us keep nothing by which their photographs could be known again: what notices keep goes with the rest."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock, forgotten, suppression
from portal.erasure import forgetting
from portal.notices import clocks, keeping, making, sending
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
    mine = select(Erasure.id).filter_by(case_id=case.id, kind="deletion")
    for ground in session.scalars(select(NoticeGround).where(NoticeGround.erasure_id.in_(mine))):
        making.keep_in_ground(session, ground, making.digests_of(session, ground))
    for notice in session.scalars(select(Notice).where(Notice.erasure_id.in_(mine), Notice.sealed.is_not(None))):
        if notice.state in sending.OPEN:
            notice.purge_after = min(notice.purge_after, clock.now() + clocks.GIVE_UP)
        else:
            notice.sealed = None
        keeping.keep(session, notice)

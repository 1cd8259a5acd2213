"""Who must still show two more things of the strong check is told once by mail, a day after their request came.

The first mail and the page say it already. Nobody's request ends because of it: what a caseworker has asked for has its
own clock (`waiting`), and a person decides about the rest.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails
from portal.cases.housekeeping.isolating import by_itself
from portal.cases.requester import assurance
from portal.tables import Case, CaseEvent

REMINDER = timedelta(hours=24)
DONE = "signs-reminded"


def remind(session: Session) -> dict[str, int]:
    """Returns how many were reminded."""
    open_still = select(Case.id).where(
        Case.state.in_(assurance.OPEN_STATES),
        Case.contact.is_not(None),
        Case.received_at <= clock.now() - REMINDER,
        Case.id.not_in(select(CaseEvent.case_id).where(CaseEvent.kind == DONE)),
    )
    done = [
        by_itself(session, case_id, "remind of the signs", lambda case: _step(session, case))
        for case_id in session.scalars(open_still).all()
    ]
    return {"reminded": done.count(True)}


def _step(session: Session, case: Case) -> bool:
    if not assurance.waits_for_person(session, case) or mails.queue_signs_news(session, case) is None:
        return False
    lifecycle.record(session, case, DONE, "machine")
    return True

"""The word of the person for whom somebody acts: asked for once more after a day, and after a week without it the
request ends, as one that could not be verified.

Only where the frozen rule lets us ask for it about all that is wanted, so never for an opt-out; only once a caseworker
has found that the other one may act, so that nothing but this word is missing; and never for somebody who was checked.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails, withdrawing
from portal.cases.acting import mandates, person_link
from portal.cases.housekeeping.isolating import by_itself
from portal.tables import Case, CaseEvent, Mandate

REMINDER = timedelta(hours=24)
END = timedelta(days=7)


def remind_and_end(session: Session) -> dict[str, int]:
    """Ask once more those who were asked a day ago, and end what only waits for their word for a week."""
    open_still = select(Case.id).join(Mandate, Mandate.case_id == Case.id)
    waiting = open_still.where(
        Case.state == "identity-check",
        Case.identity.is_(None),
        Mandate.asked_at.is_not(None),
        Mandate.confirmed_at.is_(None),
    )
    done = [
        by_itself(session, case_id, "ask for the person's word", lambda case: _step(session, case))
        for case_id in session.scalars(waiting).all()
    ]
    return {each: done.count(each) for each in ("reminded", "ended")}


def _step(session: Session, case: Case) -> str | None:
    mandate = mandates.of_case(session, case)
    if mandate is None or mandate.asked_at is None or _waits_for_another(session, case, mandate):
        return None
    if mandate.judged == "accepted" and mandate.judged_at is not None and _was_reminded(session, case):
        if clock.now() >= max(mandate.asked_at, mandate.judged_at) + END:
            _end(session, case)
            return "ended"
        return None
    if clock.now() < mandate.asked_at + REMINDER or _was_reminded(session, case):
        return None
    if not person_link.ask_again(session, case, mandate):
        return None
    lifecycle.record(session, case, "person-reminded", "machine")
    return "reminded"


def _waits_for_another(session: Session, case: Case, mandate: Mandate) -> bool:
    """True where a right goes on without the person's word, or new photographs were asked for: see `waiting`."""
    asked = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.kind == "challenge-asked")
    if session.scalar(asked.limit(1)) is not None:
        return True
    return not all(mandates.waits_for_person(mandate, right) for right in case.rights)


def _was_reminded(session: Session, case: Case) -> bool:
    done = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.kind == "person-reminded")
    return session.scalar(done.limit(1)) is not None


def _end(session: Session, case: Case) -> None:
    """Close it, and delete everything that was sent. The mail to the one who acts is the last trace."""
    to = mails.contact_of(session, case)
    lifecycle.move(session, case, "closed", "machine", "insuf_verification", outcome="unverified")
    withdrawing.forget(session, case)
    if to is not None:
        mails.queue_unconfirmed(session, to, case)

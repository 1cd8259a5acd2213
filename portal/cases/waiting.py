"""When a person was asked to show that it is they: a reminder after a day, and after a week in silence the case ends.

Only a case in which the person was asked, and said nothing at all, ends so. One that waits for us never does.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails, withdrawing
from portal.db import config_of
from portal.tables import Case, CaseEvent

REMINDER = timedelta(hours=24)
END = timedelta(days=7)


def remind_and_end(session: Session) -> dict[str, int]:
    """Remind those who were asked a day ago, and end what was left in silence for a week. Returns how many of each."""
    counts = {"reminded": 0, "ended": 0}
    waiting = select(Case).where(Case.state == "identity-check", Case.waiting_for == "subject")
    for case in session.scalars(waiting).all():
        asked = _unanswered(session, case)
        if asked is None:
            continue
        if clock.now() >= asked.at + END:
            _end(session, case)
            counts["ended"] += 1
        elif clock.now() >= asked.at + REMINDER:
            counts["reminded"] += _remind(session, case, asked)
    return counts


def last_day(session: Session, case: Case) -> date | None:
    """The day on which a case ends in silence; None while nothing waits for its person."""
    asked = _unanswered(session, case) if case.state == "identity-check" and case.waiting_for == "subject" else None
    return clock.local_date(asked.at + END, config_of(session).zone) if asked else None


def _unanswered(session: Session, case: Case) -> CaseEvent | None:
    """The newest question; None when none was asked, or the person did or wrote something after it."""
    session.flush()
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    asked = session.scalar(mine.where(CaseEvent.kind == "challenge-asked"))
    said = session.scalar(mine.where(CaseEvent.actor == "subject"))
    return asked if asked is not None and (said is None or said.id < asked.id) else None


def _remind(session: Session, case: Case, asked: CaseEvent) -> bool:
    """Once for each question. False where it was done, or where there is no address."""
    done = select(CaseEvent.id).where(
        CaseEvent.case_id == case.id, CaseEvent.kind == "reminded", CaseEvent.id > asked.id
    )
    day = last_day(session, case)
    if day is None or session.scalar(done.limit(1)) is not None:
        return False
    if mails.queue_reminder(session, case, day, asked.id) is None:
        return False
    lifecycle.record(session, case, "reminded", "machine")
    return True


def _end(session: Session, case: Case) -> None:
    """Close as unverified, and delete everything the person sent. The mail that says so is the last trace."""
    to, reference = mails.contact_of(session, case), case.reference
    lifecycle.move(session, case, "closed", "machine", "insuf_verification", outcome="unverified")
    withdrawing.forget(session, case)
    if to is not None:
        mails.queue_ended(session, to, reference)

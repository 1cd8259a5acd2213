"""When a person was asked to show that it is they: a reminder after a day, and after a week without it the case ends.

Only what was asked for counts. A message, or one of two photographs, does not show who is asking; but it is a sign of
life, so the week begins anew with the last word of either side. A case that waits for us never ends so.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails, withdrawing
from portal.cases.housekeeping.isolating import by_itself
from portal.db import config_of
from portal.tables import Case, CaseEvent

REMINDER = timedelta(hours=24)
END = timedelta(days=7)
# Each message begins the week anew, but not for ever: after so long the case ends whatever was written.
LONGEST = timedelta(days=28)


def remind_and_end(session: Session) -> dict[str, int]:
    """Remind those who were asked a day ago, and end what was left open for a week. Returns how many of each."""
    done = []
    waiting = select(Case.id).where(Case.state == "identity-check", Case.waiting_for == "subject")
    for case_id in session.scalars(waiting).all():
        done.append(by_itself(session, case_id, "remind or end", lambda case: _step(session, case)))
    return {each: done.count(each) for each in ("reminded", "ended")}


def last_day(session: Session, case: Case) -> date | None:
    """The day on which a case ends in silence; None while nothing waits for its person."""
    asked = _unanswered(session, case) if case.state == "identity-check" and case.waiting_for == "subject" else None
    return clock.local_date(_end_of(session, case, asked), config_of(session).zone) if asked else None


def _step(session: Session, case: Case) -> str | None:
    asked = _unanswered(session, case)
    if asked is None:
        return None
    if clock.now() >= _end_of(session, case, asked):
        _end(session, case)
        return "ended"
    if clock.now() >= asked.at + REMINDER and _remind(session, case, asked):
        return "reminded"
    return None


def _unanswered(session: Session, case: Case) -> CaseEvent | None:
    """The newest question; None when none was asked, or all that it asked for is there."""
    session.flush()
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id.desc()).limit(1)
    asked = session.scalar(mine.where(CaseEvent.kind == "challenge-asked"))
    sent = session.scalar(mine.where(CaseEvent.kind == "challenge-sent"))
    return asked if asked is not None and (sent is None or sent.id < asked.id) else None


def _end_of(session: Session, case: Case, asked: CaseEvent) -> datetime:
    words = select(CaseEvent.at).where(
        CaseEvent.case_id == case.id, CaseEvent.kind == "message-written", CaseEvent.id > asked.id
    )
    last_word: datetime = max([asked.at, *session.scalars(words)])
    longest: datetime = asked.at + LONGEST
    return min(last_word + END, longest)


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
    to = mails.contact_of(session, case)
    lifecycle.move(session, case, "closed", "machine", "insuf_verification", outcome="unverified")
    withdrawing.forget(session, case)
    if to is not None:
        mails.queue_ended(session, to, case)

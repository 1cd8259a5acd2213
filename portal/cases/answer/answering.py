"""After a question to the person: a reminder after a day, and after a week the request goes on without an answer.

No rule that was read lets anybody close a request because a question stayed open, so none is closed. The days are then
counted as if nobody had asked: that is the stricter reading, and it leaves time to answer.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.clocks import pausing
from portal.cases.housekeeping.isolating import by_itself
from portal.db import config_of
from portal.tables import Case, CaseEvent

REMINDER = timedelta(hours=24)
END = timedelta(days=7)
REMINDED, DROPPED = "clarification-reminded", pausing.DROPPED["clarification-asked"]


def answered(session: Session, case: Case) -> None:
    """The person wrote: what was asked is answered, and the request waits for us again. Harmless without a question."""
    if pausing.answered(session, case, "clarification"):
        wait_for_us(session, case)


def last_day(session: Session, case: Case) -> date | None:
    """The day on which the request goes on without the answer; None while no question is open."""
    asked = _open_question(session, case)
    return _day(session, asked) if asked is not None else None


def went_on(session: Session, case: Case) -> bool:
    """True where the newest question was not answered in time, and it is not decided yet."""
    kinds = ("clarification-asked", DROPPED, "clarification-answered", pausing.DECIDED)
    newest = _newest(session, case, *kinds)
    return newest is not None and newest.kind == DROPPED and case.state not in {"fulfilling", "closed"}


def remind_and_go_on(session: Session) -> dict[str, int]:
    """Remind who was asked a day ago, and let requests go on without an answer after a week. How many of each."""
    asked = select(CaseEvent.case_id).where(CaseEvent.kind == "clarification-asked")
    open_still = select(Case.id).where(Case.id.in_(asked), Case.state.not_in(("fulfilling", "closed")))
    done = [
        by_itself(session, case_id, "remind of a question", lambda case: _step(session, case))
        for case_id in session.scalars(open_still).all()
    ]
    return {each: done.count(each) for each in ("reminded", "went-on")}


def _step(session: Session, case: Case) -> str | None:
    asked = _open_question(session, case)
    if asked is None:
        return None
    if clock.now() >= asked.at + END:
        _go_on(session, case)
        return "went-on"
    return "reminded" if clock.now() >= asked.at + REMINDER and _remind(session, case, asked) else None


def _remind(session: Session, case: Case, asked: CaseEvent) -> bool:
    """Once for each question. False where it was done, or where there is no address."""
    reminded = _newest(session, case, REMINDED)
    if reminded is not None and reminded.id > asked.id:
        return False
    if mails.queue_question_reminder(session, case, _day(session, asked), asked.id) is None:
        return False
    lifecycle.record(session, case, REMINDED, "machine")
    return True


def _day(session: Session, asked: CaseEvent) -> date:
    end: datetime = asked.at + END
    return clock.local_date(end, config_of(session).zone)


def _go_on(session: Session, case: Case) -> None:
    lifecycle.record(session, case, DROPPED, "machine")
    audit.append(session, DROPPED, {"case": case.id, "actor": "machine"})
    pausing.apply(session, case)
    wait_for_us(session, case)


def wait_for_us(session: Session, case: Case) -> None:
    """Once nothing is waited for any more: photographs, an answer or a fee may have been asked for side by side."""
    waits = any(each.answered_on is None for each in pausing.questions(session, case))
    if case.waiting_for == "subject" and not waits:
        lifecycle.wait_for(session, case, "caseworker")


def _open_question(session: Session, case: Case) -> CaseEvent | None:
    waits = pausing.open_question(session, case, "clarification")
    return session.get_one(CaseEvent, waits.event_id) if waits is not None else None


def _newest(session: Session, case: Case, *kinds: str) -> CaseEvent | None:
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind.in_(kinds))
    return session.scalar(mine.order_by(CaseEvent.id.desc()).limit(1))

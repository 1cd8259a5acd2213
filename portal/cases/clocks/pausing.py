"""What waiting for the person does to the days of a live request, as far as its frozen rule lets it do anything.

The questions and their answers are lines of the case's timeline; what they did to a day is a line, too. A day is always
counted anew from receipt, from all lines: so is the stricter day of a version of the law that came after receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle
from portal.cases.clocks import deadlines
from portal.cases.clocks.deadlines import Clock, Waited
from portal.db import config_of
from portal.languages import day as long_day
from portal.languages import gettext as _
from portal.languages import isolated, mark
from portal.tables import Case, CaseEvent, CaseRight

# The line that asks, the line that answers it, and what was asked for.
QUESTIONS = {
    "challenge-asked": ("challenge-sent", "identity"),
    "clarification-asked": ("clarification-answered", "clarification"),
    "fee-asked": ("fee-paid", "fee"),
}
# The portal did not wait any longer for that.
DROPPED = {"clarification-asked": "clarification-dropped", "fee-asked": "fee-waived"}
# The line with which it is decided.
DECIDED = "decided"
# A clock waits only for what was asked at once (EDPB Guidelines 01/2022). No law says how many days that is.
AT_ONCE = 7
CAUSES = {
    "identity": mark("We waited for you to show that it is you who asks, from %(asked)s to %(answered)s."),
    "clarification": mark("We waited for your answer to a question, from %(asked)s to %(answered)s."),
    "fee": mark("We waited for the fee to be paid, from %(asked)s to %(answered)s."),
    "newer-law": mark("A newer version of the law applies to your request."),
}


@dataclass(frozen=True)
class Question:
    """Something the person was asked on a civil day; `answered_on` is None while it waits for them.

    `right`: the one it was asked for; None for all of the case.
    """

    event_id: int
    cause: str
    asked_on: date
    answered_on: date | None
    right: str | None = None

    def is_about(self, right: CaseRight) -> bool:
        return self.right in {None, right.right}


@dataclass(frozen=True)
class Applied:
    """What moved the last day of one right: `cause` is one of CAUSES; days are None where nobody was asked."""

    right: str
    cause: str
    asked_on: date | None
    answered_on: date | None
    before: date
    after: date


def questions(session: Session, case: Case) -> list[Question]:
    """All that the person of a case was asked and that a clock may wait for, oldest first.

    A question that was dropped without an answer, or that was still open when it was decided, counts as never asked:
    that is the stricter reading.
    """
    session.flush()
    kinds = {*QUESTIONS, *DROPPED.values(), DECIDED, *(answer for answer, _cause in QUESTIONS.values())}
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind.in_(kinds)).order_by(CaseEvent.id)
    events, zone = list(session.scalars(mine)), config_of(session).zone
    found = []
    for place, event in enumerate(events):
        if event.kind not in QUESTIONS:
            continue
        (answer, cause), right = QUESTIONS[event.kind], event.facts.get("right")
        ends = {event.kind, answer, DROPPED.get(event.kind)}
        later = next((each for each in events[place + 1 :] if _ends(each, ends, right)), None)
        if later is not None and later.kind != answer:
            continue
        answered = clock.local_date(later.at, zone) if later is not None else None
        if answered is not None or _still_waits(case, cause):
            found.append(Question(event.id, cause, clock.local_date(event.at, zone), answered, right))
    return found


def _ends(event: CaseEvent, kinds: set[str | None], right: str | None) -> bool:
    """True for a line that ends a question which was asked for that right, or for the whole case."""
    return event.kind == DECIDED or (event.kind in kinds and event.facts.get("right") == right)


def open_question(session: Session, case: Case, cause: str) -> Question | None:
    """The question of that cause which waits for the person."""
    return next((each for each in questions(session, case) if each.cause == cause and each.answered_on is None), None)


def days_of(session: Session, right: CaseRight, more: Sequence[Waited] = ()) -> Clock:
    """The clock of a right by its frozen rule, with all waiting until now; what still waits counts until today.

    `more` is waiting that has not happened, to see what it would do.
    """
    config, case = config_of(session), right.case
    received = clock.local_date(case.received_at, config.zone)
    today = clock.local_date(clock.now(), config.zone)
    waited = [
        Waited(each.cause, each.asked_on, each.answered_on or max(today, each.asked_on))
        for each in questions(session, case)
        if each.is_about(right)
    ]
    waited = [each for each in (*waited, *more) if (each.asked_on - received).days <= AT_ONCE]
    return deadlines.clock_for(law.rule_by(right.rule, right.rule_version), received, config.holidays, waited)


def answered(session: Session, case: Case, cause: str) -> bool:
    """The person answered what they were asked; their days are counted anew. False where nothing was asked."""
    waits = open_question(session, case, cause)
    if waits is None:
        return False
    answer = next(answer for answer, of in QUESTIONS.values() if of == cause)
    lifecycle.record(session, case, answer, "subject")
    apply(session, case)
    return True


def apply(session: Session, case: Case) -> None:
    """Write the days of a case's open rights as they are now, and a line for each that moved.

    While a question is open its day moves on daily: the line is written once, with the answer.
    """
    waits = [each for each in questions(session, case) if each.answered_on is None]
    for right in lifecycle.open_rights(session, case):
        if has_own_day(session, right):
            continue
        days = days_of(session, right)
        right.latest_on = days.latest_on
        due_on = days.latest_on if is_extended(session, right) else days.due_on
        if not waits:
            _write_down(session, right, due_on)
        right.due_on = due_on
    session.flush()
    _move_case(session, case)


def keep_up(session: Session) -> list[str]:
    """Ids of the open cases whose days may have moved: a question waits, or the law has a newer version.

    Each is then for `apply`, by itself.
    """
    newer = {
        (rule, version)
        for rule, version in session.execute(select(CaseRight.rule, CaseRight.rule_version).distinct())
        if law.versions_after(law.rule_by(rule, version))
    }
    asked = select(CaseEvent.case_id).where(CaseEvent.kind.in_(QUESTIONS))
    query = select(CaseRight).join(Case).where(Case.state != "closed", CaseRight.outcome.is_(None))
    found = {right.case_id for right in session.scalars(query) if (right.rule, right.rule_version) in newer}
    waiting = select(Case).where(Case.state != "closed", Case.id.in_(asked))
    found |= {case.id for case in session.scalars(waiting)}
    return sorted(found)


def is_extended(session: Session, right: CaseRight) -> bool:
    """True once more time was taken for a right."""
    return any(event.facts.get("right") == right.right for event in _events(session, right.case, "more-time"))


def applied(session: Session, case: Case) -> list[Applied]:
    """Everything that moved a last day of this case, oldest first."""
    return [
        Applied(
            event.facts["right"],
            event.facts["cause"],
            _day(event.facts.get("asked")),
            _day(event.facts.get("answered")),
            date.fromisoformat(event.facts["from"]),
            date.fromisoformat(event.facts["to"]),
        )
        for event in _events(session, case, "clock-moved")
    ]


def sentence_of(session: Session, case: Case) -> str | None:
    """What the person reads about the newest move of their last day. It depends on nothing that a search found."""
    moved = applied(session, case)
    if not moved:
        return None
    newest = moved[-1]
    days = {
        "asked": isolated(long_day(newest.asked_on)) if newest.asked_on else "",
        "answered": isolated(long_day(newest.answered_on)) if newest.answered_on else "",
    }
    until = _("So we answer by %(day)s.", day=isolated(long_day(newest.after)))
    return f"{_(CAUSES[newest.cause], **days)} {until}"


def _still_waits(case: Case, cause: str) -> bool:
    """Until it is decided: a blind case with photographs stays open longer, and its day must not move with that."""
    over = case.state in {"fulfilling", "closed"}
    return case.state == "identity-check" if cause == "identity" else not over


def has_own_day(session: Session, right: CaseRight) -> bool:
    """True for a right of a case that was opened again, after an appeal or because nothing was found.

    What is open then is due by the clock that began on that day, which nothing pauses: counted anew from receipt it
    would be over at once.
    """
    return bool(_events(session, right.case, "opened-again"))


def _write_down(session: Session, right: CaseRight, due_on: date) -> None:
    before = _last_written(session, right)
    if before == due_on:
        return
    cause = next((each for each in reversed(questions(session, right.case)) if each.is_about(right)), None)
    facts: dict[str, str] = {
        "right": right.right,
        "rule": right.rule,
        "version": str(right.rule_version),
        "from": before.isoformat(),
        "to": due_on.isoformat(),
        "cause": "newer-law" if cause is None or due_on < before else cause.cause,
    }
    if facts["cause"] != "newer-law" and cause is not None and cause.answered_on is not None:
        facts |= {"asked": cause.asked_on.isoformat(), "answered": cause.answered_on.isoformat()}
    lifecycle.record(session, right.case, "clock-moved", "machine", **facts)
    audit.append(session, "clock-moved", {"case": right.case_id, **facts})


def _last_written(session: Session, right: CaseRight) -> date:
    """The last day before the first question that nobody has written down yet moved it."""
    moved = [each for each in applied(session, right.case) if each.right == right.right]
    lines = _events(session, right.case, "more-time")
    extended = [each for each in lines if each.facts.get("right") == right.right]
    newest_moved = _events(session, right.case, "clock-moved")
    at_moved = max((each.id for each in newest_moved if each.facts["right"] == right.right), default=0)
    at_extended = max((each.id for each in extended), default=0)
    if at_moved > at_extended:
        return moved[-1].after
    if extended:
        return date.fromisoformat(extended[-1].facts["until"])
    return _promised(session, right)


def _promised(session: Session, right: CaseRight) -> date:
    """The last day as it was written into the log at receipt."""
    receipt = _events(session, right.case, "received")
    promised = receipt[0].facts.get("due", {}) if receipt else {}
    return date.fromisoformat(promised[right.right]) if right.right in promised else right.due_on


def _move_case(session: Session, case: Case) -> None:
    """Where nobody checked who asks, the first day stays that of all rights: see lifecycle.settle_right."""
    rights = lifecycle.open_rights(session, case) if case.identity == "confirmed" else list(case.rights)
    if lifecycle.open_rights(session, case):
        case.due_on = min(right.due_on for right in rights)
    session.flush()


def _events(session: Session, case: Case, kind: str) -> list[CaseEvent]:
    session.flush()
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind == kind)
    return list(session.scalars(mine.order_by(CaseEvent.id)))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

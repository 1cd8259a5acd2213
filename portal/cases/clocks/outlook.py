"""What asking the person today would do to the days of their request, to be seen before anybody asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, lifecycle
from portal.cases.clocks import pausing
from portal.cases.clocks.deadlines import Waited
from portal.db import config_of
from portal.errors import BadInput
from portal.tables import Case, CaseRight

# In words for staff. The keys are the effects of rules; the others say why there is none.
EFFECTS = {
    "restart": "The clock starts anew on the day of the answer.",
    "exclude-both-days": "The days from your question to the answer do not count.",
    "exclude-between": "The days between your question and the answer do not count.",
    "none": "Under this law the clock runs on while you wait.",
    "too-late": f"The clock runs on. It only waits for what is asked in the first {pausing.AT_ONCE} days.",
    "appeal": "The clock runs on. Nothing stops the clock of a refusal that was taken back.",
}


@dataclass(frozen=True)
class Asked:
    """One open right if the person is asked today: `effect` is one of EFFECTS, `due_on` its last day then."""

    right: CaseRight
    effect: str
    due_on: date


def if_asked(session: Session, case: Case, cause: str, answered: date) -> list[Asked]:
    """The last days if the person is asked today, for `identity` or `clarification`, and answers on that day.

    Raises BadInput for a day before today.
    """
    today = clock.local_date(clock.now(), config_of(session).zone)
    if answered < today:
        raise BadInput("Choose today or a later day: nobody answers before you ask.", "wrong-order")
    waited = Waited(cause, today, answered)
    return [_if_asked(session, right, waited) for right in lifecycle.open_rights(session, case)]


def _if_asked(session: Session, right: CaseRight, waited: Waited) -> Asked:
    if pausing.has_own_day(session, right):
        return Asked(right, "appeal", right.due_on)
    effect = _effect(session, right, waited.cause, waited.asked_on)
    days = pausing.days_of(session, right, [waited])
    return Asked(right, effect, days.latest_on if pausing.is_extended(session, right) else days.due_on)


def _effect(session: Session, right: CaseRight, cause: str, asked_on: date) -> str:
    """What the frozen rule of a right lets a question do to its clock: one of EFFECTS, but never `appeal`."""
    received = clock.local_date(right.case.received_at, config_of(session).zone)
    effects = {pause.cause: pause.effect for pause in law.rule_by(right.rule, right.rule_version).pauses}
    effect = effects.get(cause, "none")
    return "too-late" if effect != "none" and (asked_on - received).days > pausing.AT_ONCE else effect


def standing(session: Session, case: Case) -> list[str]:
    """How the clocks of an open case stand now, in words for staff; nothing where they simply run."""
    rights = lifecycle.open_rights(session, case)
    waits = any(_waits(session, right) for right in rights)
    extended = any(pausing.is_extended(session, right) for right in rights)
    return ["The clock waits for the person."] * waits + ["More time was taken."] * extended


def _waits(session: Session, right: CaseRight) -> bool:
    asked = [each for each in pausing.questions(session, right.case) if each.answered_on is None]
    if pausing.has_own_day(session, right):
        return False
    stops = (_effect(session, right, each.cause, each.asked_on) for each in asked if each.is_about(right))
    return any(effect not in {"none", "too-late"} for effect in stops)

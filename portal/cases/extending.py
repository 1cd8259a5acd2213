"""More time for one right, once, to the last day its rule allows. The person is told before the first day is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import deadlines, law, lifecycle, mails, pausing
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Case, CaseEvent, CaseRight

# Chosen from a list, and the same for a hit and a miss: a free text could tell what was found.
REASONS = {
    "complex": mark("this request takes more work than most"),
    "many": mark("we got many requests in a short time"),
}


# What asking the person does to the clock, in words for staff; the keys are the effects of rules.
EFFECTS = {
    "": "Under this law the clock runs on while you wait.",
    "restart": "The clock starts anew on the day of the answer.",
    "exclude-both-days": "The days from your question to the answer do not count.",
    "exclude-between": "The days between your question and the answer do not count.",
}


@dataclass(frozen=True)
class Asked:
    """What happens to the last day of a right if the person is asked something today: `effect` is one of EFFECTS."""

    cause: str
    effect: str
    due_on: date


def may_extend(session: Session, right: CaseRight) -> bool:
    """True while a right is open, its rule allows more time, and the day to tell the person by is not over."""
    today = clock.local_date(clock.now(), config_of(session).zone)
    is_open = right.outcome is None and right.case.state != "closed"
    return is_open and right.latest_on > right.due_on >= today and notice_by(session, right) >= today


def if_asked(session: Session, right: CaseRight, answered: date) -> list[Asked]:
    """The last day if the person is asked today who they are, or what they mean, and answers on that day.

    Raises BadInput for a day before today.
    """
    config, rule = config_of(session), law.rule_by(right.rule, right.rule_version)
    today = clock.local_date(clock.now(), config.zone)
    received = clock.local_date(right.case.received_at, config.zone)
    effects = {pause.cause: pause.effect for pause in rule.pauses}
    before = deadlines.clock_for(rule, received, config.holidays)
    found = []
    for cause in ("identity", "clarification"):
        waited = deadlines.Waited(cause, today, answered)
        after = deadlines.clock_for(rule, received, config.holidays, [waited])
        # A right that has more time already, or a day of its own after an appeal, keeps it where that is later.
        moved = after.due_on > before.due_on
        found.append(Asked(cause, effects.get(cause, ""), max(right.due_on, after.due_on) if moved else right.due_on))
    return found


def notice_by(session: Session, right: CaseRight) -> date:
    """The last day to tell of an extension, by the frozen rule. Where it sets none, the first last day."""
    return pausing.days_of(session, right).notice_by or right.due_on


def extend(session: Session, right: CaseRight, account_id: str, reason: str) -> None:
    """Move the last day of a right to the latest its rule allows, and mail the person. `reason` is one of REASONS.

    Raises Conflict when there is no more time to take, NotAllowed (no caseworker), BadInput (unknown reason).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker takes more time.", "not-your-step")
    if reason not in REASONS:
        raise BadInput("Choose a reason from the list.", "reason-missing")
    if not may_extend(session, right):
        raise Conflict("There is no more time to take for this.", "no-more-time")
    case = right.case
    right.due_on = right.latest_on
    session.flush()
    case.due_on = min(each.due_on for each in lifecycle.open_rights(session, case))
    facts = {"right": right.right, "reason": reason, "until": right.due_on.isoformat()}
    lifecycle.record(session, case, "more-time", account_id, **facts)
    audit.append(session, "more-time", {"case": case.id, "actor": account_id, **facts})
    mails.queue_more_time(session, case, right)


def sentence_of(session: Session, case: Case) -> str | None:
    """What the person reads about the last extension, if there was one."""
    event = session.scalar(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.kind == "more-time")
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )
    if event is None:
        return None
    until = mails.long_date(date.fromisoformat(event.facts["until"]))
    return _(
        "We need more time. We will now answer by %(day)s because %(reason)s. You can object.",
        day=until,
        reason=_(REASONS[event.facts["reason"]]),
    )

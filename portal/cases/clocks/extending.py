"""More time for one right, once, to the last day its rule allows. The person is told before the first day is over."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.cases.clocks import pausing
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


def may_extend(session: Session, right: CaseRight) -> bool:
    """True while a right is open, its rule allows more time, and the day to tell the person by is not over."""
    today = clock.local_date(clock.now(), config_of(session).zone)
    # While it is carried out only photographs keep a case open: where nobody checked who asks, more time would tell.
    too_late = {"closed"} if right.case.identity == "confirmed" else {"fulfilling", "closed"}
    is_open = right.outcome is None and right.case.state not in too_late
    return is_open and right.latest_on > right.due_on >= today and notice_by(session, right) >= today


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
    words = REASONS[event.facts["reason"]]
    return _(
        "We need more time. We will now answer by %(day)s because %(reason)s. You can object.",
        day=until,
        reason=_(words),
    )

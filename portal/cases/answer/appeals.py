"""Looking at an answer again because the person asks for it: by its own clock, by somebody who did not decide it.

What both sides write about it are messages of the case (`messages`), so no text is kept here.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, mails, messages
from portal.cases.clocks.deadlines import appeal_clock, clock_for
from portal.db import config_of
from portal.errors import Conflict, NotAllowed
from portal.languages import gettext as _
from portal.tables import Appeal, Case, CaseEvent, CaseRight

# What was carried out stays so: for photographs that were missed then there is a new request.
REOPENED = {"refused", "nothing-found"}


def may_appeal(session: Session, right: CaseRight) -> bool:
    """True for the answer to a right, whatever it was, once, where the law lets the person object to it here."""
    rule = law.rule_by(right.rule, right.rule_version)
    return _is_answered(right) and rule.appeal is not None and appeal_of(session, right) is None


def _is_answered(right: CaseRight) -> bool:
    """Where nobody checked who asks, from the decision on: a case with photographs closes later than one without."""
    if right.outcome in {"withdrawn", "unverified"}:
        return False
    if right.case.identity != "confirmed":
        return right.decision is not None and right.case.state in {"fulfilling", "closed"}
    return right.outcome is not None and right.case.state == "closed"


def open_appeal(session: Session, right: CaseRight, why: str = "", as_person: bool = False) -> Appeal:
    """The person wants an answer looked at again, and is told that we got it. `why` may be empty.

    `as_person`: they ask themselves, where somebody acts for them. The answer then goes to them, too.

    Raises Conflict (not here, or asked before), BadInput (`why` too long).
    """
    rule, config = law.rule_by(right.rule, right.rule_version), config_of(session)
    today = clock.local_date(clock.now(), config.zone)
    days = appeal_clock(rule, today, config.holidays)
    if days is None or not may_appeal(session, right):
        raise Conflict(_("This answer cannot be looked at again here. You can write us a message."), "no-appeal")
    if why.strip():
        messages.write(session, right.case, "subject", why, as_person)
    appeal = Appeal(right_id=right.id, opened_at=clock.now(), due_on=days.due_on)
    session.add(appeal)
    _log(session, right, "appeal-opened", "subject", **({"as_person": True} if as_person else {}))
    mails.queue_appeal(session, right.case, appeal.id, days.due_on)
    return appeal


def answer_appeal(session: Session, appeal: Appeal, account_id: str, changed: bool, text: str) -> None:
    """Keep the refusal, or take it back and have the right decided anew. `text` is what the person reads.

    Raises NotAllowed (no caseworker, or one who refused or agreed to it), Conflict (answered meanwhile), BadInput.
    """
    session.refresh(appeal)
    right = appeal.right
    if not may_answer(session, right, account_id):
        raise NotAllowed("You decided this. Somebody else must look at it again.", "same-person")
    if appeal.decided_at is not None or right.case.state != "closed":
        raise Conflict("This was looked at already. Load the page again.", "answered-meanwhile")
    messages.write(session, right.case, account_id, text, _asked_by_person(session, right))
    appeal.changed, appeal.decided_by, appeal.decided_at = changed, account_id, clock.now()
    _log(session, right, "appeal-answered", account_id, changed=changed)
    if changed and right.outcome in REOPENED:
        _decide_anew(session, appeal, account_id)


def _asked_by_person(session: Session, right: CaseRight) -> bool:
    opened = select(CaseEvent).where(CaseEvent.case_id == right.case_id, CaseEvent.kind == "appeal-opened")
    mine = [event.facts for event in session.scalars(opened) if event.facts.get("right") == right.right]
    return any(facts.get("as_person") for facts in mine)


def may_answer(session: Session, right: CaseRight, account_id: str) -> bool:
    """False for those who refused it or agreed to that, unless the installation allows one person alone."""
    return not config_of(session).two_people or account_id not in {right.decided_by, right.approved_by}


def appeal_of(session: Session, right: CaseRight) -> Appeal | None:
    """The appeal against the answer to a right, if there was one."""
    return session.scalar(select(Appeal).where(Appeal.right_id == right.id))


def taken_back(session: Session, case: Case) -> list[CaseRight]:
    """The rights of a case whose refusal was taken back, so that they have a day of their own."""
    query = select(CaseRight).join(Appeal).where(CaseRight.case_id == case.id, Appeal.changed.is_(True))
    return list(session.scalars(query))


def open_appeals(session: Session, case: Case | None = None) -> list[Appeal]:
    """Appeals that nobody has answered, of one case or of all; the first to come due first."""
    query = select(Appeal).join(CaseRight).where(Appeal.decided_at.is_(None))
    if case is not None:
        query = query.where(CaseRight.case_id == case.id)
    return list(session.scalars(query.order_by(Appeal.due_on, Appeal.opened_at)))


def cases_in_appeal(session: Session) -> dict[str, date | None]:
    """Ids of the cases with an open appeal, and the last day to answer it, where the law sets one."""
    return {appeal.right.case_id: appeal.due_on for appeal in reversed(open_appeals(session))}


def sentence_of(session: Session, right: CaseRight) -> str | None:
    """What the person reads about their appeal. The same words whatever was found."""
    appeal = appeal_of(session, right)
    if appeal is None:
        return None
    asked = mails.long_date(clock.local_date(appeal.opened_at, config_of(session).zone))
    if appeal.decided_at is None:
        said = _("On %(day)s you asked us to look at this again. Somebody who did not decide it does that.", day=asked)
        by = mails.long_date(appeal.due_on) if appeal.due_on else None
        return said if by is None else " ".join((said, _("We will answer by %(day)s.", day=by)))
    decided = mails.long_date(clock.local_date(appeal.decided_at, config_of(session).zone))
    if appeal.changed:
        return _(
            "On %(day)s somebody else looked at this again, and we took our first answer back and decided again. "
            "You can read why in your messages.",
            day=decided,
        )
    return _(
        "On %(day)s somebody else looked at this again, and we came to the same answer. "
        "You can read why in your messages.",
        day=decided,
    )


def _decide_anew(session: Session, appeal: Appeal, account_id: str) -> None:
    right, case = appeal.right, appeal.right.case
    lifecycle.undecide(session, right, account_id)
    right.due_on = right.latest_on = appeal.due_on or _from_today(session, right)
    lifecycle.move(session, case, "reviewing", account_id, "a refusal was taken back after an appeal")
    case.due_on = right.due_on
    lifecycle.review_finished(session, case)


def _from_today(session: Session, right: CaseRight) -> date:
    """The last day as of a new request. A day that is over would show at once what takes time and what does not."""
    rule, config = law.rule_by(right.rule, right.rule_version), config_of(session)
    return clock_for(rule, clock.local_date(clock.now(), config.zone), config.holidays).due_on


def _log(session: Session, right: CaseRight, kind: str, actor: str, **more: bool) -> None:
    session.flush()
    facts = {"right": right.right, **more}
    lifecycle.record(session, right.case, kind, actor, **facts)
    audit.append(session, kind, {"case": right.case_id, "actor": actor, **facts})

"""Ending several requests at once for one reason, where that is safe. Each goes through the rules of its own step:
one whose sender could not be made sure of closes, one that is to be decided is refused, and waits for a second person.

What somebody must read first is never ended so: a request beside others, one with a message, one that was refused
before, one in which somebody acts for the person.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases import lifecycle, messages
from portal.cases.acting import mandates
from portal.cases.answer import appeals, deciding
from portal.cases.requester import alarms, identity
from portal.errors import BadInput, Conflict
from portal.tables import Case, CaseLink

NOT_SURE = "insuf_verification"
# None of them depends on what was found in one request, so one of them can be true of many.
FOR_MANY = (NOT_SURE, "claim_not_covered", "outside_jurisdiction", "too_many_requests")


def why_not(session: Session, case: Case) -> str | None:
    """Why a request must be opened by itself; None where it can be ended with others."""
    if case.state not in {"identity-check", "deciding"} or case.waiting_for != "caseworker":
        return "It is not at a step at which a caseworker can end it."
    if _is_beside_others(session, case):
        return "It is linked with other requests. Read them together first."
    if mandates.of_case(session, case) is not None:
        return "Somebody acts for the person. Go through the list first."
    if any(one.new and one.account_id is None for one in messages.of_case(session, case)):
        return "The person wrote to you. Read it first."
    if appeals.taken_back(session, case):
        return "A refusal was taken back in it. Decide it by itself."
    return None


def end(session: Session, case: Case, account_id: str, reason: str, note: str, seen: str) -> None:
    """End one of several. `note` is for the file where nobody could be made sure of, and else what the person reads.

    `seen` is the state in which it was chosen. Raises Conflict (it must be opened by itself, or moved on), BadInput
    (a reason that is not for many, no note), NotAllowed (no caseworker), as the rule of its step does.
    """
    session.refresh(case)
    hindered = why_not(session, case)
    if hindered is not None or case.state != seen:
        raise Conflict(hindered or "It has moved on meanwhile. Load the list again.", "not-with-others")
    if reason not in FOR_MANY:
        raise BadInput("Choose a reason from the list.", "reason-missing")
    if case.state == "identity-check":
        if reason != NOT_SURE:
            raise BadInput("Nobody looked yet who is asking. Only that you cannot be sure can end it.", "not-yet")
        identity.decide_identity(session, case, account_id, "not-confirmed", note)
        return
    for right in lifecycle.open_rights(session, case):
        if right.decision is None:
            deciding.decide(session, right, account_id, "refuse", reason, note, deciding.mark(right))


def _is_beside_others(session: Session, case: Case) -> bool:
    """True with a duplicate, and with an alarm, here or there, about which nobody has written why it is fine."""
    session.flush()
    links = session.scalars(select(CaseLink).where((CaseLink.case_id == case.id) | (CaseLink.other_id == case.id)))
    return any(link.kind not in alarms.HOLDING or link.cleared_at is None for link in links)

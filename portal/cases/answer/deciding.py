"""Deciding each right: a caseworker grants or refuses, a second person agrees to every refusal."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle
from portal.cases.acting import mandates
from portal.cases.answer.reasons import REASONS as REASONS
from portal.cases.requester import alarms, assurance
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed
from portal.jobs import make_due
from portal.tables import Case, CaseRight, Erasure, Package

OF_THE_PROTOCOL = tuple(REASONS)[:7]
# These tell that there are, or are not, photographs: not for somebody who was not checked.
TELLING = frozenset({"no_match", "not_same_person", "exempt_legal", "partial", "cannot_search_store"})
PICTURES = frozenset({"access", "copy"})
ERASING = frozenset({"deletion", "opt-out"})


def decide(
    session: Session,
    right: CaseRight,
    account_id: str,
    decision: str,
    reason: str | None = None,
    note: str = "",
    seen: str | None = None,
) -> None:
    """Grant or refuse one right. `note` is what the person will read beside the reason.

    `seen` is the `mark` of the decision the caseworker had before them. When every right is decided, and every
    refusal approved, the case moves on. Raises Conflict (not the time for it, or decided meanwhile), NotAllowed (no
    caseworker), BadInput (unknown decision or reason).
    """
    case = _deciding(session, right, account_id, seen)
    if decision not in {"grant", "refuse"}:
        raise BadInput("Choose whether you grant this or refuse it.", "unknown-decision")
    if decision == "grant":
        _may_grant(session, case, right)
        reason = None
    else:
        _may_refuse(session, case, reason, note)
    one_person = not config_of(session).two_people
    right.decision, right.reason, right.note = decision, reason, note.strip() or None
    right.decided_by, right.decided_at = account_id, clock.now()
    right.one_person = decision == "refuse" and one_person
    right.approved_by, right.approved_at = (account_id, clock.now()) if right.one_person else (None, None)
    _log(session, case, "right-decided", account_id, right)
    go_on(session, case)


def mark(right: CaseRight) -> str:
    """Tells one decision of a right from the next; empty while nothing is decided."""
    return right.decided_at.isoformat() if right.decided_at else ""


def approve_refusal(session: Session, right: CaseRight, account_id: str, seen: str | None = None) -> None:
    """A second person agrees to the refusal they saw. Raises NotAllowed for the one who decided it."""
    case = _deciding(session, right, account_id, seen)
    if not is_waiting_refusal(right):
        raise Conflict("There is no refusal to approve here any more.", "not-waiting")
    if right.decided_by == account_id:
        raise NotAllowed("You decided this. A second person must approve it.", "same-person")
    right.approved_by, right.approved_at = account_id, clock.now()
    _log(session, case, "refusal-approved", account_id, right)
    go_on(session, case)


def return_refusal(session: Session, right: CaseRight, account_id: str) -> None:
    """A second person does not agree: the right is to be decided again."""
    case = _deciding(session, right, account_id)
    if not is_waiting_refusal(right):
        raise Conflict("There is no refusal to return here any more.", "not-waiting")
    _log(session, case, "refusal-returned", account_id, right)
    right.decision = right.reason = right.note = right.decided_by = right.decided_at = None
    go_on(session, case)


def is_waiting_refusal(right: CaseRight) -> bool:
    """True when a refusal waits for a second person."""
    return right.decision == "refuse" and right.approved_by is None and right.outcome is None


def rights_to_erase(session: Session, case: Case) -> list[CaseRight]:
    """Granted deletions and opt-outs that have no plan yet: the caller makes one for each."""
    if case.state != "fulfilling":
        return []
    planned = set(session.scalars(select(Erasure.kind).where(Erasure.case_id == case.id)))
    return [
        right
        for right in lifecycle.open_rights(session, case)
        if right.right in ERASING and right.decision == "grant" and right.right not in planned
    ]


def _deciding(session: Session, right: CaseRight, account_id: str, seen: str | None = None) -> Case:
    case = session.get_one(Case, right.case_id, populate_existing=True)
    session.refresh(right)
    if case.state != "deciding":
        raise Conflict("This case is not waiting for a decision now.", "not-deciding")
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker decides.", "not-your-step")
    if right.outcome is not None:
        # After an appeal the case is open again for one right; the others stay as they ended.
        raise Conflict("This was decided and carried out before. It is not open again.", "settled")
    if seen is not None and seen != mark(right):
        raise Conflict("Somebody else has decided this meanwhile. Go back and read it first.", "decided-meanwhile")
    return case


def _may_grant(session: Session, case: Case, right: CaseRight) -> None:
    if alarms.open_alarms(session, case):
        raise Conflict(
            "This request is held. Read it beside the others it is linked with, and write down why it is fine.",
            "alarm-open",
        )
    acting = mandates.why_not_grant(session, case, right)
    if acting is not None:
        raise Conflict(acting, "may-not-act")
    if right.right in PICTURES and case.identity != "confirmed":
        # Without this a stalker would get somebody else's photographs by sending a picture of them.
        raise Conflict("Nobody made sure who is asking, so no photographs may be given out.", "identity-missing")
    missing = assurance.why_not_grant(session, right)
    if missing is not None:
        raise Conflict(missing, "signs-missing")


def _may_refuse(session: Session, case: Case, reason: str | None, note: str) -> None:
    if reason not in REASONS:
        raise BadInput("Choose a reason from the list.", "reason-missing")
    if reason == "other" and not note.strip():
        raise BadInput("Explain the reason in a sentence that the person can understand.", "note-missing")
    if reason == "too_many_requests" and alarms.leads_unchecked(session, case):
        raise BadInput(
            "Somebody made sure who sent this request, and nobody did for the other one. Decide this one by itself.",
            "duplicate-leads",
        )
    if reason in TELLING and case.identity != "confirmed":
        raise BadInput(
            "Nobody made sure who is asking, so the answer must not tell whether there are photographs. "
            "Choose another reason, or grant the request: where there is nothing, nothing is done.",
            "reason-tells",
        )


def go_on(session: Session, case: Case) -> None:
    """Called after each change of a right: once all that are open are decided, they are carried out."""
    session.flush()
    rights = lifecycle.open_rights(session, case)
    if any(is_waiting_refusal(right) for right in rights):
        lifecycle.wait_for(session, case, "approver")
        return
    lifecycle.wait_for(session, case, "caseworker")
    if all(right.decision is not None for right in rights):
        _carry_out(session, case, rights)


def _carry_out(session: Session, case: Case, rights: list[CaseRight]) -> None:
    found = lifecycle.confirmed_candidates(session, case) > 0
    lifecycle.move(session, case, "fulfilling", "machine")
    for right in rights:
        if right.decision == "refuse":
            lifecycle.settle_right(session, right, "refused")
        elif not found:
            lifecycle.settle_right(session, right, "nothing-found")
    if found and any(right.right in PICTURES and right.decision == "grant" for right in rights):
        _order_package(session, case)
    lifecycle.fulfil_step(session, case)


def _order_package(session: Session, case: Case) -> None:
    package = session.scalar(select(Package).where(Package.case_id == case.id))
    if package is None:
        package = Package(case_id=case.id, created_at=clock.now())
        session.add(package)
        session.flush()
    make_due(session, package)


def _log(session: Session, case: Case, kind: str, account_id: str, right: CaseRight) -> None:
    facts = {"right": right.right, "decision": right.decision, "reason": right.reason}
    lifecycle.record(session, case, kind, account_id, **facts)
    audit.append(session, kind, {"case": case.id, "actor": account_id, **facts})

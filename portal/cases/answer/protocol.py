"""How far a request is in the words of the Data Rights Protocol 1.0 (3.02), for the programs of authorised agents.

The protocol knows one right in a request, so each right of a case is one of its requests. All of it is made from what
the person reads: it tells no more, and until the decision the same for a hit and a miss.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from portal.cases.answer import answers
from portal.cases.answer.answers import RightAnswer, Status
from portal.cases.answer.deciding import OF_THE_PROTOCOL
from portal.db import config_of
from portal.languages import gettext as _
from portal.tables import Case, CaseRight

RIGHTS = {"access": "access", "copy": "access:specific", "deletion": "deletion", "opt-out": "sale:opt-out"}
# Our own reasons in those of the protocol. It has no word for a part, and none for what could not be searched.
REASONS = {"not_same_person": "no_match", "exempt_legal": "claim_not_covered"}
ENDED = {"withdrawn": ("revoked", None), "unverified": ("denied", "insuf_verification")}
VERIFYING = ("in_progress", "need_user_verification")


def statuses(session: Session, case: Case, reads_answer: bool) -> list[dict[str, Any]]:
    """One status object for each right. `reads_answer`: whether the answer goes to the one who asks for this."""
    status = answers.status_of(session, case)
    answer = answers.answer_of(session, case) if reads_answer else None
    told = {each.right: each for each in answer.rights} if answer is not None else {}
    found = []
    for right in case.rights:
        said = told.get(right.right)
        state, reason = _state(case, right, said)
        one = {
            "request_id": f"{case.reference}/{right.right}",
            "right": RIGHTS[right.right],
            "status": state,
            "reason": reason,
            "received_at": case.received_at.isoformat(timespec="seconds"),
            "expected_by": right.due_on.isoformat() if state in {"open", "in_progress"} else None,
            "processing_details": said.sentence if said else _details(session, case, status, reads_answer),
            "user_verification_url": _page(session) if (state, reason) == VERIFYING else None,
            "results_url": _page(session) if state == "fulfilled" else None,
        }
        found.append({name: value for name, value in one.items() if value is not None})
    return found


def _state(case: Case, right: CaseRight, said: RightAnswer | None) -> tuple[str, str | None]:
    if case.outcome in ENDED:
        return ENDED[case.outcome]
    if said is not None:
        return _answered(right, said)
    if case.state == "identity-check":
        return VERIFYING
    return ("open" if case.state == "received" else "in_progress"), None


def _answered(right: CaseRight, said: RightAnswer) -> tuple[str, str | None]:
    if said.outcome == "refused":
        reason = REASONS.get(right.reason or "", right.reason or "")
        return "denied", reason if reason in OF_THE_PROTOCOL else "other"
    if said.outcome == "nothing-found":
        return "denied", "no_match"
    return ("revoked" if said.outcome == "withdrawn" else "fulfilled"), None


def _details(session: Session, case: Case, status: Status, reads_answer: bool) -> str:
    if not reads_answer and answers.is_answered(session, case):
        return _("The answer is ready. It went to the person you act for, and not to you.")
    return status.ended or status.more_time or status.next


def _page(session: Session) -> str:
    return f"{config_of(session).address}/case"

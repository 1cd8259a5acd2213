"""Asking a person what they mean, so that the clock waits for the answer where the law lets it wait.

The question is a message of the case, and so is the answer. What follows on silence is in `answering`.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal import audit
from portal.cases import lifecycle, messages
from portal.cases.clocks import pausing
from portal.errors import Conflict, NotAllowed
from portal.tables import Case


def may_ask(session: Session, case: Case) -> bool:
    """True while the request is open and nothing that was asked waits for its answer.

    After the search only where it is sure who asks: a question, or none, would tell a hit from a miss.
    """
    early = case.state in {"received", "identity-check"}
    open_still = case.state in {"searching", "reviewing", "deciding"} and case.identity == "confirmed"
    return (early or open_still) and pausing.open_question(session, case, "clarification") is None


def ask(session: Session, case: Case, account_id: str, text: str) -> None:
    """A caseworker asks which photographs or what use of them a request is about.

    It must be reasonable to ask, and never a step that everybody has to take. Raises NotAllowed (no caseworker),
    Conflict (too late, or asked already), BadInput (nothing to read in it).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker asks the person.", "not-your-step")
    if not may_ask(session, case):
        raise Conflict("This request cannot be asked about now, or the person has not answered yet.", "cannot-ask")
    messages.write(session, case, account_id, text)
    lifecycle.record(session, case, "clarification-asked", account_id)
    audit.append(session, "clarification-asked", {"case": case.id, "actor": account_id})
    if case.waiting_for == "caseworker":
        lifecycle.wait_for(session, case, "subject")

"""What a case may come to, written down a second time, by hand from the design: not from the product's own table."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.tables import Case, CaseEvent

STEPS = {
    "received": {"identity-check", "searching", "closed"},
    "identity-check": {"searching", "closed"},
    "searching": {"reviewing", "deciding", "closed"},
    "reviewing": {"searching", "deciding", "closed"},
    "deciding": {"reviewing", "fulfilling", "closed"},
    "fulfilling": {"closed"},
    # Opened again: nothing was found and the person says that it must be there, or a refusal was taken back.
    "closed": {"reviewing"},
}
# How each ending of a script may end the case.
ENDS = {
    "granted": {"fulfilled"},
    "nothing": {"nothing-found"},
    "refused": {"refused"},
    "appeal-kept": {"refused"},
    "appeal-changed": {"nothing-found", "partly-fulfilled"},
    "withdrawn": {"withdrawn"},
    "unverified": {"unverified"},
    "silent": {"unverified"},
    "reopened": {"nothing-found"},
}


def faults_of(session: Session, case: Case, ending: str) -> list[str]:
    """What is not as it may be in a case that has ended: its way, its outcome, its rights, whom it waits for."""
    steps = _steps(session, case)
    found = [f"it went from {one} to {other}" for one, other in steps if other not in STEPS[one]]
    if steps[-1][1] != "closed" or (case.state, case.waiting_for) != ("closed", "nobody") or case.closed_at is None:
        found.append(f"it ended as {case.state}, waiting for {case.waiting_for}")
    if case.outcome not in ENDS[ending]:
        found.append(f"its outcome is {case.outcome}")
    found += [f"{right.right} has no outcome" for right in case.rights if right.outcome is None]
    return found + _broken_chain(steps)


def _steps(session: Session, case: Case) -> list[tuple[str, str]]:
    """From where to where, as the timeline has it."""
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id))
    return [(event.facts["from"], event.facts["to"]) for event in events if event.facts.get("to") in STEPS]


def _broken_chain(steps: list[tuple[str, str]]) -> list[str]:
    """Each step begins where the last one ended, and the first one at the receipt."""
    begins = ["received", *(other for _one, other in steps)]
    return [
        f"it jumped from {begin} to {one}" for begin, (one, _other) in zip(begins, steps, strict=False) if begin != one
    ]

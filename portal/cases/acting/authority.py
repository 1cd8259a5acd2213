"""May this one act for that person? A caseworker looks at each point of the rule's list; to say no takes two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle
from portal.cases.acting import mandates
from portal.cases.answer import deciding
from portal.cases.law import rule_by
from portal.cases.law.acting import Point
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.tables import Case, Mandate, Proof


@dataclass(frozen=True)
class Line:
    """A point of the list with what is there for it."""

    point: Point
    proof: Proof | None

    @property
    def has_paper(self) -> bool:
        return self.proof is not None and self.proof.blob_id is not None


def lines(session: Session, mandate: Mandate) -> list[Line]:
    """The list of a mandate's frozen rule, in its order."""
    proofs = mandates.proofs_of(session, mandate)
    return [Line(point, proofs.get(point.name)) for point in mandates.rule_of(mandate).points_for(mandate.basis)]


def judge(session: Session, case: Case, account_id: str, met: Mapping[str, bool], note: str) -> None:
    """A caseworker has looked at every point. All met: accepted; else turned down, once a second person agrees.

    Raises BadInput (a point without an answer, no reason), Conflict (judged already), NotAllowed (no caseworker).
    """
    mandate = _to_judge(session, case, account_id)
    if mandate.judged is not None:
        raise Conflict("Somebody has looked at this meanwhile. Read it first.", "judged-meanwhile")
    wanted = [line.point.name for line in lines(session, mandate)]
    if set(met) != set(wanted):
        raise BadInput("Say of each point whether it is as it should be.", "point-missing")
    accepted = all(met.values())
    if not accepted and not note.strip():
        raise BadInput("Write down what is missing. It is kept with the case.", "note-missing")
    now = clock.now()
    for name in wanted:
        proof = mandates.proof_of(session, mandate, name)
        proof.met, proof.judged_by, proof.judged_at = met[name], account_id, now
    one_person = not config_of(session).two_people
    mandate.judged = "accepted" if accepted else "turned-down"
    mandate.note, mandate.judged_by, mandate.judged_at = note.strip() or None, account_id, now
    mandate.one_person = not accepted and one_person
    mandate.agreed_by, mandate.agreed_at = (account_id, now) if mandate.one_person else (None, None)
    _log(session, case, f"mandate-{mandate.judged}", account_id)
    _go_on(session, case, mandate, account_id)


def agree(session: Session, case: Case, account_id: str) -> None:
    """A second person agrees that it is turned down. Raises NotAllowed for the one who said so first."""
    mandate = _to_judge(session, case, account_id)
    if not waits_for_second(mandate):
        raise Conflict("Nothing waits here for a second person any more.", "not-waiting")
    if mandate.judged_by == account_id:
        raise NotAllowed("You looked at this. A second person must agree.", "same-person")
    mandate.agreed_by, mandate.agreed_at = account_id, clock.now()
    _log(session, case, "mandate-agreed", account_id)
    _go_on(session, case, mandate, account_id)


def give_back(session: Session, case: Case, account_id: str) -> None:
    """A second person does not agree, or the first looks again: the list is to be gone through anew."""
    mandate = _to_judge(session, case, account_id)
    if not waits_for_second(mandate):
        raise Conflict("Nothing waits here for a second person any more.", "not-waiting")
    reopen(session, mandate)
    lifecycle.wait_for(session, case, "caseworker")
    _log(session, case, "mandate-returned", account_id)


def reopen(session: Session, mandate: Mandate) -> None:
    """Forget what was judged: the next caseworker begins anew."""
    mandate.judged = mandate.note = mandate.judged_by = mandate.judged_at = None
    mandate.agreed_by = mandate.agreed_at = None
    mandate.one_person = False
    session.flush()


def waits_for_second(mandate: Mandate) -> bool:
    return mandate.judged == "turned-down" and mandate.agreed_by is None


def confirm_for_person(session: Session, case: Case, account_id: str, note: str) -> None:
    """The person confirmed by letter or telephone, as a caseworker writes down. Raises BadInput, Conflict."""
    mandate = _to_judge(session, case, account_id)
    if not note.strip():
        raise BadInput("Write down how the person confirmed it.", "note-missing")
    if mandate.confirmed_at is not None:
        raise Conflict("The person has confirmed this already.", "confirmed-already")
    mandate.confirmed_at = clock.now()
    # What the note says may name the person, so it goes where it is purged, and not into the timeline.
    mandate.note = "\n".join(each for each in (mandate.note, note.strip()) if each)
    _log(session, case, "mandate-confirmed", account_id)


def _to_judge(session: Session, case: Case, account_id: str) -> Mandate:
    session.refresh(case)
    mandate = mandates.of_case(session, case)
    if mandate is None:
        raise NotFound("The person asks for themselves here.")
    if case.state in {"fulfilling", "closed"}:
        raise Conflict("This request was decided already.", "decided")
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker decides who may act for whom.", "not-your-step")
    return mandate


def _go_on(session: Session, case: Case, mandate: Mandate, account_id: str) -> None:
    session.flush()
    if waits_for_second(mandate):
        lifecycle.wait_for(session, case, "approver")
        return
    mandates.purge_papers(session, mandate, keep="judged")
    lifecycle.wait_as_usual(session, case)
    if case.state == "deciding":
        deciding.go_on(session, case)
    if case.state != "identity-check":
        return
    if mandate.judged == "turned-down":
        lifecycle.move(session, case, "closed", account_id, "insuf_verification", outcome="unverified")
    elif not _needs_more(case):
        case.identity = "not-needed"
        lifecycle.move(session, case, "searching", account_id)


def _needs_more(case: Case) -> bool:
    """True when a right wants to know who the person is. A confirmed contact is no more than the signed paper says."""
    rungs = {rule_by(right.rule, right.rule_version).identity for right in case.rights}
    return bool(rungs & {"challenge", "strong"})


def _log(session: Session, case: Case, kind: str, account_id: str) -> None:
    lifecycle.record(session, case, kind, account_id)
    audit.append(session, kind, {"case": case.id, "actor": account_id})

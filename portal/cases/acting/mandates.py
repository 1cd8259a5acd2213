"""Acting for somebody else: what the one who asks says, the papers that show it, and how long it holds.

A mandate belongs to a draft and then to its case. Who may read the answer, and whether the person must have confirmed,
comes from the rule in `law/others`, frozen when the request comes in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases.acting.papers import Paper
from portal.cases.arrival import drafts
from portal.cases.law.acting import ROLES, Acting, acting_by, acting_for
from portal.db import config_of
from portal.errors import BadInput, NotFound
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Blob, Case, CaseRight, Draft, Mandate, Proof, random_id
from portal.tables.cases import RIGHTS

NAME_LONGEST = 200
OVER = {
    "expired": mark("The permission to act for this person has run out."),
    "taken-back": mark("The person has taken back the permission to act for them."),
}


@dataclass(frozen=True)
class Said:
    """What the one who asks says about it. `email` is the person's own address; empty where there is none."""

    basis: str
    person: str
    requester: str
    rights: tuple[str, ...]
    email: str = ""
    expires_on: date | None = None


def is_acted_for(answers: dict[str, Any]) -> bool:
    """True when the one who fills in a request does so for somebody else."""
    return answers.get("for_whom") in ROLES


def rule_of_draft(session: Session, draft: Draft) -> Acting:
    """The rule for the role and the place of a draft, as of today."""
    answers = drafts.read_answers(session, draft)
    return acting_for(answers.get("for_whom", ""), answers.get("residence", ""), today(session))


def rule_of(mandate: Mandate) -> Acting:
    """The rule of a case's mandate, as it was frozen."""
    return acting_by(mandate.rule or "", mandate.rule_version or 0)


def of_draft(session: Session, draft: Draft) -> Mandate | None:
    return session.scalar(select(Mandate).where(Mandate.draft_id == draft.id))


def of_case(session: Session, case: Case) -> Mandate | None:
    """None where the person asks for themselves."""
    return session.scalar(select(Mandate).where(Mandate.case_id == case.id))


def say(session: Session, draft: Draft, said: Said) -> Mandate:
    """Keep what the one who asks says. Raises BadInput naming what is wrong; nothing that was kept is lost then."""
    answers = drafts.read_answers(session, draft)
    rule = rule_of_draft(session, draft)
    _check(session, answers, rule, said)
    mandate = of_draft(session, draft)
    if mandate is None or mandate.role != rule.role:
        drop(session, draft)
        mandate = Mandate(id=random_id(), draft_id=draft.id, role=rule.role, created_at=clock.now())
        session.add(mandate)
    mandate.basis, mandate.rights, mandate.expires_on = said.basis, list(said.rights), said.expires_on
    mandate.sealed = _sealed(session, mandate, said)
    session.flush()
    _drop_papers(session, mandate, {point.name for point in rule.points_for(said.basis)})
    return mandate


def _check(session: Session, answers: dict[str, Any], rule: Acting, said: Said) -> None:
    if said.basis not in rule.bases:
        raise BadInput(_("Choose what gives you the right to act."), "bad-basis")
    for name, what in (("person", said.person), ("requester", said.requester)):
        if not what.strip() or len(what) > NAME_LONGEST or not what.isprintable():
            raise BadInput(_("Enter the name."), f"bad-{name}")
    if not set(said.rights) <= set(RIGHTS) or not set(answers.get("rights", [])) <= set(said.rights):
        raise BadInput(_("The permission must cover all that you ask for here. Change one of the two."), "bad-scope")
    if said.expires_on is not None and said.expires_on < today(session):
        raise BadInput(_("This day is over. You need a permission that still holds."), "bad-expiry")
    if said.email and said.email.strip().lower() == (answers.get("contact") or "").strip().lower():
        raise BadInput(_("This is your own address. We need the one of the person."), "same-address")


def said_of(session: Session, mandate: Mandate) -> Said:
    """What was said. Without names once they are purged."""
    facts: dict[str, str] = {}
    if mandate.sealed is not None:
        facts = json.loads(keys_of(session).unseal(mandate.sealed, f"mandate/{mandate.id}"))
    return Said(
        mandate.basis,
        facts.get("person", ""),
        facts.get("requester", ""),
        tuple(mandate.rights),
        facts.get("email", ""),
        mandate.expires_on,
    )


def _sealed(session: Session, mandate: Mandate, said: Said) -> bytes:
    facts = {"person": said.person.strip(), "requester": said.requester.strip(), "email": said.email.strip()}
    return keys_of(session).seal(json.dumps(facts).encode(), f"mandate/{mandate.id}")


def add_paper(session: Session, mandate: Mandate, rule: Acting, point: str, paper: Paper) -> Proof:
    """Keep the paper of one point, sealed. Another one for the same point takes its place. Raises BadInput."""
    if point not in {each.name for each in rule.points_for(mandate.basis) if each.paper}:
        raise BadInput(_("Nothing is asked for here."), "unknown-point")
    proof = proof_of(session, mandate, point)
    blobs.purge_blob(session, proof.blob_id)
    draft = session.get(Draft, mandate.draft_id) if mandate.draft_id else None
    purge_after = draft.expires_at if draft is not None else None
    blob = blobs.put_blob(session, "proof", paper.data, paper.media_type, purge_after)
    proof.blob_id, proof.sent_at = blob.id, clock.now()
    proof.met = proof.judged_by = proof.judged_at = None
    session.flush()
    return proof


def proof_of(session: Session, mandate: Mandate, point: str) -> Proof:
    """The line of one point; a new one where there is none yet."""
    proof = session.scalar(select(Proof).where(Proof.mandate_id == mandate.id, Proof.point == point))
    if proof is None:
        proof = Proof(id=random_id(), mandate_id=mandate.id, point=point)
        session.add(proof)
        session.flush()
    return proof


def proofs_of(session: Session, mandate: Mandate) -> dict[str, Proof]:
    return {proof.point: proof for proof in session.scalars(select(Proof).where(Proof.mandate_id == mandate.id))}


def open_paper(session: Session, mandate: Mandate, point: str) -> Paper:
    """Raises NotFound when there is none, or not any more."""
    proof = proofs_of(session, mandate).get(point)
    blob = session.get(Blob, proof.blob_id) if proof is not None and proof.blob_id else None
    if proof is None or blob is None:
        raise NotFound("This paper is not kept any more.")
    return Paper(blobs.open_blob(session, blob.id), blob.media_type)


def lacks(session: Session, draft: Draft) -> str | None:
    """What a draft for somebody else still needs: `acting`, `papers` or nothing. None where one asks for oneself."""
    answers = drafts.read_answers(session, draft)
    if not is_acted_for(answers):
        return None
    mandate = of_draft(session, draft)
    if mandate is None or mandate.role != answers["for_whom"]:
        return "acting"
    rule = rule_of_draft(session, draft)
    try:
        _check(session, answers, rule, said_of(session, mandate))
    except BadInput:
        return "acting"
    there = {point for point, proof in proofs_of(session, mandate).items() if proof.blob_id}
    wanted = {point.name for point in rule.points_for(mandate.basis) if point.paper}
    return None if wanted <= there else "papers"


def hand_over(session: Session, draft: Draft, case: Case, received: date) -> Mandate | None:
    """Let the mandate of a draft be that of its case, with its rule frozen. None where one asks for oneself."""
    answers = drafts.read_answers(session, draft)
    mandate = of_draft(session, draft)
    if mandate is None or mandate.role != answers.get("for_whom"):
        drop(session, draft)
        return None
    rule = acting_for(mandate.role, case.residence, received)
    mandate.rule, mandate.rule_version = rule.id, rule.version
    mandate.draft_id, mandate.case_id = None, case.id
    for proof in proofs_of(session, mandate).values():
        blob = session.get(Blob, proof.blob_id) if proof.blob_id else None
        if blob is not None:
            # From now on its clock is that of the case.
            blob.purge_after = None
    session.flush()
    return mandate


def drop(session: Session, draft: Draft) -> None:
    """The request is not for somebody else after all: what was sent to show it goes at once."""
    mandate = of_draft(session, draft)
    if mandate is not None:
        _drop_papers(session, mandate, set())
        session.delete(mandate)
        session.flush()


def drop_other(session: Session, draft: Draft) -> None:
    """The same, where what was said is not about the role that is chosen now."""
    mandate = of_draft(session, draft)
    if mandate is not None and mandate.role != drafts.read_answers(session, draft).get("for_whom"):
        drop(session, draft)


def _drop_papers(session: Session, mandate: Mandate, keep: set[str]) -> None:
    for point, proof in proofs_of(session, mandate).items():
        if point not in keep:
            blobs.purge_blob(session, proof.blob_id)
            session.delete(proof)
    session.flush()


def over(session: Session, mandate: Mandate) -> str | None:
    """Why the one who asks may not act any more: `expired`, `taken-back`, or None while they may."""
    if mandate.ended_at is not None:
        return "taken-back"
    if mandate.expires_on is not None and mandate.expires_on < today(session):
        return "expired"
    return None


def may_read_answer(session: Session, case: Case, as_person: bool) -> bool:
    """Whether the answer goes to this one. Everybody who asks for themselves reads their own."""
    mandate = of_case(session, case)
    if mandate is None:
        return True
    to = rule_of(mandate).answer_to
    if as_person:
        return to in {"person", "both"}
    return to in {"requester", "both"} and over(session, mandate) is None


def waits_for_person(mandate: Mandate, right: CaseRight) -> bool:
    """True while the person has not confirmed a right that their rule lets us ask them about."""
    return mandate.confirmed_at is None and rule_of(mandate).asks_person(right.right, mandate.basis)


def why_not_grant(session: Session, case: Case, right: CaseRight) -> str | None:
    """Why a right cannot be granted yet to somebody who acts for another; None when it can.

    A request that was made while the permission held stays made: an opt-out, or what the person confirmed, goes on
    without it. Anything else waits for a permission that holds.
    """
    mandate = of_case(session, case)
    if mandate is None:
        return None
    if mandate.judged != "accepted":
        return "Nobody has found yet that the one who asks may act for the person. Look at the list first."
    if waits_for_person(mandate, right):
        return "The person has not confirmed this themselves yet. They got a link; you can also write to the requester."
    ended = over(session, mandate)
    if ended is not None and mandate.confirmed_at is None and right.right != "opt-out":
        return f"{OVER[ended]} Ask for a new one, or refuse."
    return None


def purge_papers(session: Session, mandate: Mandate, keep: str | None = None) -> int:
    """Delete the papers: all of them, or with `keep` only those of that clock. The lines stay, to say what was seen."""
    points = {point.name: point.keep for point in rule_of(mandate).points}
    count = 0
    for proof in proofs_of(session, mandate).values():
        if keep is None or points.get(proof.point) == keep:
            count += blobs.purge_blob(session, proof.blob_id)
            session.refresh(proof)
    return count


def forget(session: Session, case: Case) -> None:
    """Delete the papers and the names of a case's mandate. The person's link stops working."""
    mandate = of_case(session, case)
    if mandate is not None:
        purge_papers(session, mandate)
        mandate.sealed = mandate.token_digest = mandate.note = None
        session.flush()


def today(session: Session) -> date:
    return clock.local_date(clock.now(), config_of(session).zone)

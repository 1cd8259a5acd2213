"""The one next thing to do in a case, for the caseworker who looks at it: a sentence, and at most one button."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases import messages
from portal.cases.acting import authority, mandates
from portal.cases.answer import answering, appeals, choosing, deciding
from portal.cases.arrival import arrivals
from portal.cases.clocks import charging
from portal.cases.requester import alarms, assurance
from portal.erasure import faces
from portal.tables import Case, Erasure
from portal.web.context import settings
from portal.web.texts import day


@dataclass(frozen=True)
class Next:
    """The one thing to do now: what, and where. `address` is empty when others must act first."""

    sentence: str
    button: str = ""
    address: str = ""


def next_of(session: Session, found: Case, account_id: str) -> Next:
    """The one thing to do now in a case, for this caseworker, and before it what was asked of the person."""
    step = _next_of(session, found, account_id)
    asked = _asked(session, found)
    return replace(step, sentence=f"{asked} {step.sentence}") if asked else step


def _asked(session: Session, found: Case) -> str:
    """What is to be known about a question or a fee; empty where there is none."""
    last = answering.last_day(session, found)
    if last is not None:
        return f"You asked the person what they mean. Without an answer the request goes on after {day(last)}."
    if any(charging.open_fee(session, right) is not None for right in found.rights):
        return "A fee was asked for, and nobody has written down that it is paid."
    return (
        "The person did not answer your question. Go on with what you have."
        if answering.went_on(session, found)
        else ""
    )


def _next_of(session: Session, found: Case, account_id: str) -> Next:
    acting = _next_of_mandate(session, found, account_id)
    if acting is not None:
        return acting
    for probe in arrivals.to_choose(session, found):
        address = url_for("desk_faces.show", case_id=found.id, probe_id=probe.id)
        return Next("The photograph that came shows several people. Say which one it is.", "Choose the face", address)
    if found.state == "identity-check":
        address = url_for("caseworker.check_identity", case_id=found.id)
        return Next(
            "Make sure that the person who asks is the person in the photographs.", "Check who is asking", address
        )
    if found.state == "deciding":
        return _next_decision(session, found, account_id)
    if found.state == "fulfilling":
        return _next_of_erasures(session, found, account_id)
    if found.state == "closed":
        return _next_when_closed(session, found, account_id)
    sentences = {
        "searching": "The portal is looking for photographs. Nothing to do now.",
        "reviewing": "Reviewers compare the pictures. Nothing to do now.",
    }
    return Next(sentences.get(found.state, "The portal begins soon. Nothing to do now."))


def _next_of_mandate(session: Session, found: Case, account_id: str) -> Next | None:
    """Where somebody acts for the person, whether they may comes before all else."""
    mandate = mandates.of_case(session, found)
    if mandate is None or found.state in {"fulfilling", "closed"} or mandate.judged == "accepted":
        return None
    address = url_for("mandates.show", case_id=found.id)
    if mandate.judged is None:
        return Next("Somebody acts for the person. Look at what shows that they may.", "Go through the list", address)
    if not authority.waits_for_second(mandate):
        return None
    if mandate.judged_by == account_id:
        return Next("You found that they may not act. A second person must agree to it.", "See the list", address)
    return Next("A colleague found that they may not act for the person. Do you agree?", "See the list", address)


def _next_when_closed(session: Session, found: Case, account_id: str) -> Next:
    waiting = [appeal.right for appeal in appeals.open_appeals(session, found)]
    for right in waiting:
        if appeals.may_answer(session, right, account_id):
            address = url_for("appeals.answer", case_id=found.id, right=right.right)
            return Next("The person does not agree to a refusal.", "Look at it again", address)
    if waiting:
        return Next("The person does not agree to your refusal. Somebody else must look at it again.")
    if any(one.new and one.account_id is None for one in messages.of_case(session, found)):
        address = url_for("messages.with_person", case_id=found.id)
        return Next("This request is finished, and the person wrote to you.", "Read the message", address)
    if any(one.said == "not-me" for _number, one in choosing.judged(session, found)):
        address = url_for("caseworker.photographs", case_id=found.id)
        return Next("The person says that some photographs do not show them.", "See which", address)
    if any(one.said == "not-sure" for _number, one in choosing.judged(session, found)):
        address = url_for("messages.with_person", case_id=found.id)
        sentence = "The person is not sure about some photographs. Look at them once more, and write what you see."
        return Next(sentence, "Write to them", address)
    return Next("This request is finished.")


def _next_decision(session: Session, found: Case, account_id: str) -> Next:
    address = url_for("decisions.decide", case_id=found.id)
    if alarms.open_alarms(session, found):
        linked = url_for("alarms.linked", case_id=found.id)
        return Next("This request is held. Read it beside the others and say why it is fine.", "Read them", linked)
    undecided = [right for right in found.rights if right.decision is None]
    if undecided and all(assurance.why_not_grant(session, right) for right in undecided):
        signs = url_for("signs.with_person", case_id=found.id)
        return Next("Before photographs are given out, the law asks for more about who is asking.", "See what", signs)
    if undecided:
        return Next("Decide about each thing that was asked.", "Decide", address)
    waiting = [right for right in found.rights if deciding.is_waiting_refusal(right)]
    if all(right.decided_by == account_id for right in waiting):
        return Next("You refused something. A second person must agree to it.")
    return Next("Somebody refused something. Do you agree to it?", "Read the refusal", address)


def _next_of_erasures(session: Session, found: Case, account_id: str) -> Next:
    if deciding.rights_to_erase(session, found):
        return Next(
            "The plan of what must go is still to be made.", "Make the plan", url_for("erasures.plan", case_id=found.id)
        )
    for erasure in session.scalars(select(Erasure).where(Erasure.case_id == found.id)):
        address = url_for("erasures.show", erasure_id=erasure.id)
        if erasure.state == "stopped":
            return Next("The plan changed after it was approved. It must be made again.", "See the plan", address)
        if erasure.state == "planned" and erasure.kind == "deletion" and faces.undecided(session, found):
            address = url_for("groups.show", case_id=found.id)
            return Next("Other people are in some photographs. Say what happens to each.", "Decide", address)
        if erasure.state == "planned" and (erasure.asked_by != account_id or not settings().two_people):
            return Next("A plan waits for approval. Read it to the end.", "Read the plan", address)
        if erasure.state == "planned":
            return Next("You asked for the plan. A second person must approve it.", "See the plan", address)
        if erasure.state == "notifying":
            address = url_for("erasures.people_items", erasure_id=erasure.id)
            return Next("Say what was done about each model, product and recipient.", "Answer the items", address)
    return Next("The portal carries out what was decided. Nothing to do now.")

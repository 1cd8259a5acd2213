"""The privacy team's desk: one case, the one thing to do next in it, and the check of who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from io import BytesIO

from flask import Blueprint, g, redirect, render_template, send_file, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired

from portal import audit, blobs, clock
from portal.cases import (
    alarms,
    appeals,
    assigning,
    challenge,
    deciding,
    drafts,
    extending,
    held,
    identity,
    lifecycle,
    looking,
    mails,
    messages,
    stuck,
)
from portal.errors import BadInput, NotFound
from portal.tables import Account, Candidate, Case, CaseEvent, Certificate, Erasure
from portal.web.context import database, settings
from portal.web.policy import policy

blueprint = Blueprint("caseworker", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]

WAITS = {
    "nobody": "Nobody",
    "subject": "The person who asked",
    "machine": "The portal itself",
    "reviewer": "A reviewer",
    "caseworker": "A caseworker",
    "approver": "A second person",
}


@dataclass(frozen=True)
class Next:
    """The one thing to do now: what, and where. `address` is empty when others must act first."""

    sentence: str
    button: str = ""
    address: str = ""


class IdentityForm(FlaskForm):  # type: ignore[misc]
    decision = RadioField(
        "Are you sure that the person who asks is the person in the photographs?",
        [InputRequired("Choose one of the two.")],
        choices=[("confirmed", "Yes, I am sure"), ("not-confirmed", "No, I cannot be sure")],
    )
    note = TextAreaField("How do you know?", description="It is kept with the case and purged with it.")


@blueprint.get("/<case_id>")
@policy("caseworker")
def case(case_id: str) -> Page:
    return _case_page(find_case(g.session, case_id))


@blueprint.post("/<case_id>/contact")
@policy("caseworker")
def reveal_contact(case_id: str) -> Page:
    """Show the address once. The log has the line before the address leaves."""
    found = find_case(g.session, case_id)
    contact = mails.contact_of(g.session, found)
    audit.append(g.session, "contact-revealed", {"case": found.id, "account": current_user.id})
    lifecycle.record(g.session, found, "contact-revealed", current_user.id)
    g.session.commit()
    return _case_page(found, contact=contact or "")


@blueprint.post("/<case_id>/again")
@policy("caseworker")
def try_again(case_id: str) -> Page:
    """Have the portal carry out now what did not succeed."""
    stuck.try_again(g.session, find_case(g.session, case_id), current_user.id)
    g.session.commit()
    return redirect(url_for("caseworker.case", case_id=case_id), 303)


def _case_page(found: Case, contact: str | None = None) -> str:
    session = g.session
    events = list(session.scalars(select(CaseEvent).where(CaseEvent.case_id == found.id).order_by(CaseEvent.id)))
    counts = [state for state in session.scalars(select(Candidate.state).where(Candidate.case_id == found.id))]
    return render_template(
        "caseworker/case.html",
        case=found,
        contact=contact,
        next=next_of(session, found, current_user.id),
        said=messages.of_case(session, found),
        troubles=stuck.troubles(session, found),
        linked=alarms.readings(session, found),
        today=_today(),
        received_on=clock.local_date(found.received_at, settings().zone),
        waits=WAITS,
        events=events,
        names=names_of(session, {who for event in events for who in (event.actor, event.facts.get("account")) if who}),
        team={account.id: account.name for account in assigning.caseworkers(session)},
        counts={state: counts.count(state) for state in ("confirmed", "rejected", "unsure", "open")},
        covered=held.covered(session, found),
        extendable=[right.id for right in found.rights if extending.may_extend(session, right)],
        erasures=list(session.scalars(select(Erasure).where(Erasure.case_id == found.id))),
        certificates=list(session.scalars(select(Certificate).where(Certificate.case_id == found.id))),
        probes=looking.probes_of(session, found),
        helps=drafts.read_details(session, found).get("helps"),
    )


def next_of(session: Session, found: Case, account_id: str) -> Next:
    """The one thing to do now in a case, for this caseworker."""
    if found.state == "identity-check":
        address = url_for("caseworker.check_identity", case_id=found.id)
        return Next(
            "Make sure that the person who asks is the person in the photographs.", "Check who is asking", address
        )
    if found.state == "deciding":
        return _next_decision(found, account_id)
    if found.state == "fulfilling":
        return _next_of_erasures(session, found, account_id)
    if found.state == "closed":
        return _next_when_closed(session, found, account_id)
    sentences = {
        "searching": "The portal is looking for photographs. Nothing to do now.",
        "reviewing": "Reviewers compare the pictures. Nothing to do now.",
    }
    return Next(sentences.get(found.state, "The portal begins soon. Nothing to do now."))


def _next_when_closed(session: Session, found: Case, account_id: str) -> Next:
    waiting = [appeal.right for appeal in appeals.open_appeals(session, found)]
    for right in waiting:
        if appeals.may_answer(session, right, account_id):
            address = url_for("appeals.answer", case_id=found.id, right=right.right)
            return Next("The person does not agree to a refusal.", "Look at it again", address)
    if waiting:
        return Next("The person does not agree to your refusal. Somebody else must look at it again.")
    return Next("This request is finished.")


def _next_decision(found: Case, account_id: str) -> Next:
    address = url_for("decisions.decide", case_id=found.id)
    if alarms.open_alarms(g.session, found):
        linked = url_for("alarms.linked", case_id=found.id)
        return Next("This request is held. Read it beside the others and say why it is fine.", "Read them", linked)
    if any(right.decision is None for right in found.rights):
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
        if erasure.state == "planned" and (erasure.asked_by != account_id or not settings().two_people):
            return Next("A plan waits for approval. Read it to the end.", "Read the plan", address)
        if erasure.state == "planned":
            return Next("You asked for the plan. A second person must approve it.", "See the plan", address)
        if erasure.state == "notifying":
            address = url_for("erasures.people_items", erasure_id=erasure.id)
            return Next("Say what was done about each model, product and recipient.", "Answer the items", address)
    return Next("The portal carries out what was decided. Nothing to do now.")


@blueprint.route("/<case_id>/identity", methods=["GET", "POST"])
@policy("caseworker")
def check_identity(case_id: str) -> Page:
    found = find_case(g.session, case_id)
    form = IdentityForm()
    if form.validate_on_submit():
        try:
            identity.decide_identity(g.session, found, current_user.id, form.decision.data, form.note.data or "")
        except BadInput as problem:
            form.note.errors = [problem.sentence]
        else:
            g.session.commit()
            return redirect(url_for("caseworker.case", case_id=found.id), 303)
    asked = challenge.newest(g.session, found)
    page = render_template(
        "caseworker/identity.html",
        case=found,
        form=form,
        checks=identity.checklist(g.session, found),
        probes=looking.probes_of(g.session, found),
        opened={probe.id: looking.opened(g.session, probe) for probe in looking.probes_of(g.session, found)},
        helps=drafts.read_details(g.session, found).get("helps"),
        asked=asked,
        readings=challenge.readings(asked) if asked is not None else [],
    )
    return page, 422 if form.errors else 200


@blueprint.get("/<case_id>/probes/<probe_id>.jpg")
@policy("caseworker")
def probe_picture(case_id: str, probe_id: str) -> Response:
    """What the person sent, only while it is checked who is asking. No bytes leave before the log has the line."""
    found = find_case(g.session, case_id)
    probe = looking.find_probe(g.session, found, probe_id)
    if found.state != "identity-check":
        raise NotFound("The pictures that were sent are shown only while it is checked who is asking.")
    data = blobs.open_blob(g.session, probe.blob_id)
    with database().writing() as session:
        audit.append(session, "image-revealed", {"account": current_user.id, "probe": probe.id})
    return send_file(BytesIO(data), mimetype="image/jpeg", max_age=0)


def find_case(session: Session, case_id: str) -> Case:
    """Raises NotFound."""
    found = session.get(Case, case_id)
    if found is None:
        raise NotFound("There is no such request.")
    return found


def names_of(session: Session, actors: set[str]) -> dict[str, str]:
    """Who did something, in words: the person who asked, the portal, or a colleague's name."""
    names = {account.id: account.name for account in session.scalars(select(Account).where(Account.id.in_(actors)))}
    return {"subject": "The person who asked", "machine": "The portal", **names}


def _today() -> date:
    return clock.local_date(clock.now(), settings().zone)

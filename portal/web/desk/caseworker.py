"""The privacy team's desk: the pages of one case, and the check of who is asking.

Every page of a case stands in one frame: what to do next, and the tabs, each with an address of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal import audit, blobs, clock, lineage
from portal.cases import assigning, lifecycle, mails, messages, noting
from portal.cases.acting import mandates
from portal.cases.answer import choosing, held
from portal.cases.arrival import addresses, arrivals, drafts, looking
from portal.cases.clocks import charging, extending, outlook
from portal.cases.housekeeping import stuck
from portal.cases.requester import alarms, challenge, identity, lost_words
from portal.erasure import holds
from portal.errors import BadInput, NotFound
from portal.tables import Account, Candidate, Case, CaseEvent, Certificate, Erasure, Package
from portal.web.context import database, settings
from portal.web.desk.steps import next_of
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
# The tabs of a case: where each is, and what it is called.
TABS = {
    "caseworker.case": "Overview",
    "caseworker.photographs": "Photographs",
    "messages.with_person": "Messages",
    "letters.of_case": "Letters",
    "caseworker.files": "Files",
    "caseworker.timeline": "Timeline",
}
LATEST = 5


@dataclass(frozen=True)
class Tab:
    """One tab: `news` is how many messages of the person nobody has read."""

    title: str
    address: str
    current: bool
    news: int


class IdentityForm(FlaskForm):  # type: ignore[misc]
    decision = RadioField(
        "Are you sure that the person who asks is the person in the photographs?",
        [InputRequired("Choose one of the two.")],
        choices=[SelectChoice("confirmed", "Yes, I am sure"), SelectChoice("not-confirmed", "No, I cannot be sure")],
    )
    note = TextAreaField("How do you know?", description="It is kept with the case and purged with it.")


@blueprint.get("/<case_id>")
@policy("caseworker")
def case(case_id: str) -> Page:
    return case_page(find_case(g.session, case_id))


@blueprint.post("/<case_id>/contact")
@policy("caseworker")
def reveal_contact(case_id: str) -> Page:
    """Show the address once. The log has the line before the address leaves."""
    found = find_case(g.session, case_id)
    contact = mails.contact_of(g.session, found)
    audit.append(g.session, "contact-revealed", {"case": found.id, "account": current_user.id})
    lifecycle.record(g.session, found, "contact-revealed", current_user.id)
    g.session.commit()
    return case_page(found, contact=addresses.written(contact) if contact else "")


@blueprint.post("/<case_id>/again")
@policy("caseworker")
def try_again(case_id: str) -> Page:
    """Have the portal carry out now what did not succeed."""
    stuck.try_again(g.session, find_case(g.session, case_id), current_user.id)
    g.session.commit()
    return redirect(url_for("caseworker.case", case_id=case_id), 303)


def case_page(found: Case, contact: str | None = None, note: str = "") -> str:
    """The first page of a request. `contact`: shown this once. `note`: what was typed, and is not kept yet."""
    session = g.session
    events, notes = _events(session, found), noting.of_case(session, found)
    return render_template(
        "caseworker/case.html",
        **framed(session, found),
        contact=contact,
        typed=note,
        troubles=stuck.troubles(session, found),
        linked=alarms.readings(session, found),
        renewed=lost_words.since(session, found),
        acting=mandates.of_case(session, found) is not None,
        today=clock.local_date(clock.now(), settings().zone),
        received_on=clock.local_date(found.received_at, settings().zone),
        events=events[-LATEST:],
        older=len(events) > LATEST,
        notes=notes,
        names=_actors(session, events) | names_of(session, {one.account_id for one in notes if one.account_id}),
        charging=_charging(session, found),
        holds=holds.on_case(session, found.id),
        extendable=[right.id for right in found.rights if extending.may_extend(session, right)],
        probes=looking.probes_of(session, found),
        helps=drafts.read_details(session, found).get("helps"),
    )


def _charging(session: Session, found: Case) -> dict[int, str]:
    """By right, what there is to do about a fee: only where its rule knows one."""
    return {
        right.id: "See the fee" if charging.asked(session, right) else "Ask for a fee"
        for right in found.rights
        if charging.asked(session, right) or charging.may_ask(session, right)
    }


@blueprint.get("/<case_id>/photographs")
@policy("caseworker")
def photographs(case_id: str) -> Page:
    """What was searched, what people agreed on, and how far the photographs went."""
    found = find_case(g.session, case_id)
    asked = {right.right for right in found.rights}
    return render_template(
        "caseworker/photographs.html",
        **framed(g.session, found),
        found=found_of(g.session, found),
        said=choosing.judged(g.session, found),
        to_see=bool(asked & {"access", "copy"}),
        to_erase=[kind for kind in ("deletion", "opt-out") if kind in asked],
    )


@blueprint.get("/<case_id>/files")
@policy("caseworker")
def files(case_id: str) -> Page:
    """What the person sent and gets: pictures, the copy of what is held, plans, certificates."""
    found = find_case(g.session, case_id)
    return render_template(
        "caseworker/files.html",
        **framed(g.session, found),
        probes=looking.probes_of(g.session, found),
        package=g.session.scalar(select(Package).where(Package.case_id == found.id)),
        erasures=list(g.session.scalars(select(Erasure).where(Erasure.case_id == found.id))),
        certificates=list(g.session.scalars(select(Certificate).where(Certificate.case_id == found.id))),
    )


@blueprint.get("/<case_id>/timeline")
@policy("caseworker")
def timeline(case_id: str) -> Page:
    """All that happened in a case, oldest first."""
    found = find_case(g.session, case_id)
    events = _events(g.session, found)
    return render_template(
        "caseworker/timeline.html", **framed(g.session, found), events=events, names=_actors(g.session, events)
    )


def framed(session: Session, found: Case) -> dict[str, Any]:
    """What the frame of all pages of a case shows: caseworker/frame.html."""
    news = sum(one.new and one.account_id is None for one in messages.of_case(session, found))
    # Showing the address is a button of the first tab.
    here = "caseworker.case" if request.endpoint == "caseworker.reveal_contact" else request.endpoint
    return {
        "case": found,
        "next": next_of(session, found, current_user.id),
        "waits": WAITS,
        "clocks": outlook.standing(session, found),
        "left": (found.due_on - clock.local_date(clock.now(), settings().zone)).days,
        "team": {account.id: account.name for account in assigning.caseworkers(session)},
        "tabs": [
            Tab(title, url_for(to, case_id=found.id), to == here, news if to == "messages.with_person" else 0)
            for to, title in _tabs(session, found).items()
        ],
    }


def _tabs(session: Session, found: Case) -> dict[str, str]:
    """The tabs of every case, and those that only some have."""
    acting = {"mandates.show": "Acting"} if mandates.of_case(session, found) is not None else {}
    by_hand = {"desk_intake.arrival": "How it came"} if arrivals.of_case(session, found) is not None else {}
    return TABS | acting | by_hand


def found_of(session: Session, found: Case) -> dict[str, Any]:
    """How many photographs people agreed on, what was searched for them, and how far they went."""
    states = list(session.scalars(select(Candidate.state).where(Candidate.case_id == found.id)))
    shown = held.photographs(session, found)
    return {
        "confirmed": len(shown),
        "unsure": held.unsure(session, found),
        "rejected": states.count("rejected"),
        "open": states.count("open"),
        "coverage": held.covered(session, found),
        "images": [one.image_id for one in shown],
        "trace": lineage.trace(session, [one.image_id for one in shown]),
    }


def _events(session: Session, found: Case) -> list[CaseEvent]:
    return list(session.scalars(select(CaseEvent).where(CaseEvent.case_id == found.id).order_by(CaseEvent.id)))


def _actors(session: Session, events: list[CaseEvent]) -> dict[str, str]:
    return names_of(session, {who for event in events for who in (event.actor, event.facts.get("account")) if who})


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
    in_a_week = clock.local_date(clock.now(), settings().zone) + timedelta(days=7)
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
        in_a_week=in_a_week,
        outlook=outlook.if_asked(g.session, found, "identity", in_a_week),
        effects=outlook.EFFECTS,
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

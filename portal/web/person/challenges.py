"""Two fresh photographs with a code: the person's page, and what the caseworker asks for and sees."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response
from wtforms import HiddenField

from portal import audit, blobs, clock
from portal.cases.arrival import looking
from portal.cases.requester import challenge, waiting
from portal.errors import BadInput, Conflict, NotFound, TooLarge
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.languages import mark
from portal.tables import Challenge
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.desk.caseworker import find_case
from portal.web.limits import spend
from portal.web.person import photos as shared
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("challenges", __name__)

LABELS: dict[tuple[str, str | None], str] = {
    ("paper", "left"): mark("Photo 1 of 2: look straight into the camera"),
    ("paper", "right"): mark("Photo 1 of 2: look straight into the camera"),
    ("turned", "left"): mark("Photo 2 of 2: turn your head to your left"),
    ("turned", "right"): mark("Photo 2 of 2: turn your head to your right"),
}


class Frame(FlaskForm):  # type: ignore[misc]
    photo = FileField(_l("Your photo"))
    step = HiddenField()
    code = HiddenField()


@blueprint.route("/case/challenge", methods=["GET", "POST"])
@policy("case-holder")
def for_person() -> Page:
    """The code, what to do with it, and one photograph after the other."""
    if request.method == "POST":
        return _take_in()
    return _page(Frame(formdata=None))


@blueprint.post("/case/challenge/code")
@policy("case-holder")
def code() -> Page:
    """The person is ready: a fresh code from now on."""
    challenge.draw(g.session, _waiting(g.session))
    g.session.commit()
    return redirect(url_for("challenges.for_person"), 303)


def _take_in() -> Page:
    """Decoding is slow, so it comes before anything is written, and never for somebody who was not asked."""
    spend("photo")
    form = Frame()
    form.validate()
    with database().reading() as reading:
        _waiting(reading)
    try:
        prepared = looking.prepare_picture(settings(), shared.uploaded(form.photo.data))
        challenge.take(g.session, _waiting(g.session), form.step.data or "", form.code.data or "", prepared)
    except (BadInput, TooLarge, Conflict) as problem:
        g.session.rollback()
        form.photo.errors = [problem.sentence]
        return _page(form, problem.status)
    g.session.commit()
    return redirect(url_for("challenges.for_person"), 303)


def _waiting(session: Session) -> Challenge:
    """Raises Conflict when the person has nothing to do; the words are the same whatever the reason."""
    found = challenge.waiting(session, sessions.held_case(session))
    if found is None:
        raise Conflict(_("You do not need to send photographs now."), "not-asked")
    return found


def _page(form: Frame, status: int = 200) -> Page:
    case = sessions.held_case(g.session)
    found = challenge.waiting(g.session, case)
    step = challenge.next_step(found) if found is not None else None
    minutes = 0
    if found is not None and found.expires_at is not None and step is not None:
        form.photo.label.text = _(LABELS[step, found.turn])
        form.step.data, form.code.data = step, found.code
        minutes = max(1, round((found.expires_at - clock.now()).total_seconds() / 60))
    page = render_template(
        "subject/challenge.html",
        case=case,
        asked=found,
        step=step,
        form=form,
        minutes=minutes,
        last_day=waiting.last_day(g.session, case),
        back_to=_overview(),
    )
    return page, status


def _overview() -> str:
    return url_for("following.overview")


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    form = Frame(formdata=None)
    form.photo.errors = [shared.too_big_sentence()]
    return _page(form, 413)


@blueprint.post("/staff/cases/<case_id>/challenge")
@policy("caseworker")
def ask(case_id: str) -> Page:
    challenge.ask(g.session, find_case(g.session, case_id), current_user.id)
    g.session.commit()
    database().forget_deleted_bytes()
    return redirect(url_for("caseworker.check_identity", case_id=case_id), 303)


@blueprint.get("/staff/cases/<case_id>/challenge/<step>.jpg")
@policy("caseworker")
def frame(case_id: str, step: str) -> Response:
    """One of the two photographs, until it is decided who asks. No bytes leave before the log has the line."""
    found = challenge.newest(g.session, find_case(g.session, case_id))
    if found is None or found.state not in {"sent", "looked-at"} or step not in challenge.STEPS:
        raise NotFound("These photographs are shown only until it is decided who is asking.")
    data = blobs.open_blob(g.session, found.paper_id if step == "paper" else found.turned_id)
    with database().writing() as session:
        audit.append(session, "image-revealed", {"account": current_user.id, "challenge": found.id, "step": step})
    return send_file(BytesIO(data), mimetype="image/jpeg", max_age=0)

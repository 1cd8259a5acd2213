"""A better photo for a case that was sent already: the same pages as in a request, bound to the case."""

from __future__ import annotations

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from portal.blobs import open_blob
from portal.cases import lifecycle
from portal.cases.answer import answers
from portal.cases.arrival import intake as rules
from portal.cases.arrival import looking
from portal.errors import BadInput, Conflict, TooLarge
from portal.languages import gettext as _
from portal.tables import Case
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.limits import spend
from portal.web.person import photos as shared
from portal.web.person import questions as ask
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("additions", __name__, url_prefix="/case")

# Where the search is over already, it is made again with the new photo.
SEARCHED = {"reviewing", "deciding"}


@blueprint.route("/photos", methods=["GET", "POST"])
@policy("case-holder")
def photos() -> Page:
    if request.method == "POST":
        return _take_in()
    return _page(ask.Photo())


def _take_in() -> Page:
    spend("photo")
    form = ask.Photo()
    form.validate()
    try:
        prepared = rules.prepare_picture(settings(), shared.uploaded(form.photo.data))
        case = sessions.held_case(g.session)
        probe = rules.add_picture(g.session, case, prepared, "selfie")
        if case.state in SEARCHED:
            lifecycle.search_again(g.session, case, "subject", "another photo")
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        form.photo.errors = [problem.sentence]
        return _page(form, problem.status)
    g.session.commit()
    return redirect(url_for("additions.checking", probe_id=probe.id), 303)


def _page(form: ask.Photo, status: int = 200) -> Page:
    case = sessions.held_case(g.session)
    if not answers.status_of(g.session, case).can_add or case.consented_at is None:
        raise Conflict(_("Photos cannot be added to this request now. You can make a new one."), "cannot-add")
    there = [probe for probe in rules.probes_of(g.session, case) if probe.kind == "selfie"]
    removable = looking.can_take_out(g.session, case)
    back_to = url_for("following.overview")
    page = render_template(
        "subject/add_photo.html", form=form, there=there, removable=removable, said=shared.SAID, back_to=back_to
    )
    return page, status


@blueprint.post("/photos/<probe_id>/remove")
@policy("case-holder")
def remove(probe_id: str) -> Page:
    case = _case()
    looking.take_out(g.session, case, rules.find_probe(g.session, case, probe_id))
    g.session.commit()
    database().forget_deleted_bytes()
    flash(_("Removed. We do not keep it."))
    return redirect(url_for("additions.photos"), 303)


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    form = ask.Photo(formdata=None)
    form.photo.errors = [shared.too_big_sentence()]
    return _page(form, 413)


@blueprint.get("/photos/<probe_id>")
@policy("case-holder")
def checking(probe_id: str) -> Page:
    probe = rules.find_probe(g.session, _case(), probe_id)
    if probe.state == "ready":
        flash(_("Thank you. We will look with this photo, too."))
    return shared.outcome_of(probe, "additions", url_for("additions.photos"))


@blueprint.post("/photos/<probe_id>/face")
@policy("case-holder")
def choose(probe_id: str) -> Page:
    probe = rules.find_probe(g.session, _case(), probe_id)
    return shared.chosen(probe, "additions", url_for("additions.photos"))


@blueprint.get("/photos/<probe_id>/face/<int:index>.jpg")
@policy("case-holder")
def face(probe_id: str, index: int) -> Response:
    return shared.face_of(rules.find_probe(g.session, _case(), probe_id), index)


@blueprint.get("/photos/<probe_id>/picture.jpg")
@policy("case-holder")
def picture(probe_id: str) -> Response:
    probe = rules.find_probe(g.session, _case(), probe_id)
    return shared.jpeg(open_blob(g.session, probe.crop_id or probe.blob_id))


def _case() -> Case:
    return sessions.held_case(g.session)

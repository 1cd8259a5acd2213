"""A photograph with several people that came with a letter: a caseworker says whom the letter means."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import audit
from portal.cases.arrival import arrivals
from portal.errors import BadInput, NotFound
from portal.tables import Case, Probe
from portal.web.context import database
from portal.web.desk.caseworker import Page, find_case
from portal.web.person.photos import face_of
from portal.web.policy import policy

blueprint = Blueprint("desk_faces", __name__, url_prefix="/staff/cases/<case_id>/faces/<probe_id>")


@blueprint.get("")
@policy("caseworker")
def show(case_id: str, probe_id: str) -> Page:
    case = find_case(g.session, case_id)
    return _page(case, _probe(case, probe_id))


def _page(case: Case, probe: Probe, mistake: str = "", status: int = 200) -> Page:
    return render_template("caseworker/faces.html", case=case, probe=probe, mistake=mistake), status


@blueprint.post("")
@policy("caseworker")
def choose(case_id: str, probe_id: str) -> Page:
    case = find_case(g.session, case_id)
    try:
        arrivals.choose_face(g.session, case, probe_id, request.form.get("face", -1, int), current_user.id)
    except BadInput as problem:
        g.session.rollback()
        case = find_case(g.session, case_id)
        return _page(case, _probe(case, probe_id), "Choose the face of the person.", problem.status)
    g.session.commit()
    flash("The face is chosen. The portal looks for this face alone.")
    return redirect(url_for("caseworker.case", case_id=case.id), 303)


@blueprint.get("/<int:index>.jpg")
@policy("caseworker")
def face(case_id: str, probe_id: str, index: int) -> Response:
    """One of the faces. No bytes leave before the log has the line."""
    case = find_case(g.session, case_id)
    shown = face_of(_probe(case, probe_id), index)
    with database().writing() as writing:
        audit.append(writing, "image-revealed", {"account": current_user.id, "probe": probe_id})
    return shown


def _probe(case: Case, probe_id: str) -> Probe:
    for probe in arrivals.to_choose(g.session, case):
        if probe.id == probe_id:
            return probe
    raise NotFound("There is no face to choose in this picture any more.")

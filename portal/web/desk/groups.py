"""Photographs in which other people are, too: what happens to each is decided before the plan is approved."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal import audit, images, stores
from portal.cases import lifecycle
from portal.erasure import faces, plans
from portal.errors import Conflict, NotFound
from portal.tables import Candidate, Case, Erasure, Store
from portal.web.context import database
from portal.web.desk.caseworker import find_case
from portal.web.policy import policy

blueprint = Blueprint("groups", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]

WORDS = {
    "delete": ("Delete the whole photograph", "The other people lose it, too."),
    "crop": ("Cut the face away", "What is left shows the others, as many of them as can be."),
    "mask": ("Cover the face", "A flat grey square takes its place. The others stay as they are."),
    "template": ("Drop only the face template", "The photograph stays as it is. The certificate says so."),
}
LONGEST = 800


@blueprint.get("/<case_id>/group-photographs")
@policy("caseworker")
def show(case_id: str) -> Page:
    case = find_case(g.session, case_id)
    found = faces.with_others(g.session, case)
    plan = _plan(case)
    return render_template(
        "caseworker/groups.html",
        case=case,
        plan=plan,
        closed=plan is not None and plan.state not in faces.CHANGEABLE,
        undecided=len(faces.undecided(g.session, case)),
        photographs=[(one, g.session.get_one(Store, one.image.store_id).name, _ways(one)) for one in found],
        words=WORDS,
    )


@blueprint.post("/<case_id>/group-photographs")
@policy("caseworker")
def decide(case_id: str) -> Page:
    """All photographs of the page at once. A plan that was made before is made anew."""
    case = find_case(g.session, case_id)
    for candidate in faces.with_others(g.session, case):
        if candidate.id in request.form:
            faces.choose(g.session, case, candidate.id, request.form[candidate.id], current_user.id)
    return _kept(case)


def _kept(case: Case) -> Page:
    plan = _plan(case)
    if plan is not None:
        plan = plans.plan_erasure(g.session, case, "deletion", current_user.id)
        lifecycle.wait_for(g.session, case, "approver")
    g.session.commit()
    flash("What you decided is kept." + (" The plan was made anew." if plan else ""))
    if plan is not None:
        return redirect(url_for("erasures.show", erasure_id=plan.id), 303)
    return redirect(url_for("groups.show", case_id=case.id), 303)


@blueprint.post("/<case_id>/group-photographs/rest")
@policy("caseworker")
def delete_the_rest(case_id: str) -> Page:
    """A person says that all about which nobody decided are deleted whole."""
    case = find_case(g.session, case_id)
    for candidate in faces.undecided(g.session, case):
        faces.choose(g.session, case, candidate.id, "delete", current_user.id)
    return _kept(case)


@blueprint.get("/<case_id>/group-photographs/<candidate_id>/<remedy>.jpg")
@policy("caseworker")
def preview(case_id: str, candidate_id: str, remedy: str) -> Response:
    """What would be left, with the other people covered. No bytes leave before the log has the line."""
    case = find_case(g.session, case_id)
    candidate = next((one for one in faces.with_others(g.session, case) if one.id == candidate_id), None)
    if candidate is None or remedy == "delete" or remedy not in faces.choices(g.session, candidate):
        raise NotFound("There is no such picture.")
    boxes = [face.box for face in candidate.image.faces]
    own, window = faces.geometry(g.session, candidate, remedy)
    data = stores.connect(g.session.get_one(Store, candidate.image.store_id)).open(candidate.image.key)
    hidden = [box for box in boxes if remedy != "template" or box != own]
    pixels = images.mask(images.open_picture(data).pixels, hidden)
    if window is not None:
        pixels = pixels[window[1] : window[3], window[0] : window[2]]
    with database().writing() as session:
        audit.append(session, "image-revealed", {"account": current_user.id, "candidate": candidate_id})
    return send_file(BytesIO(images.to_jpeg(pixels, longest=LONGEST)), mimetype="image/jpeg", max_age=0)


def _ways(candidate: Candidate) -> list[tuple[str, bool]]:
    """What can be done, and which of it was decided."""
    chosen = faces.remedy_of(g.session, candidate) if candidate.remedy else None
    return [(way, way == chosen) for way in faces.choices(g.session, candidate)]


def _plan(case: Case) -> Erasure | None:
    if case.state not in {"deciding", "fulfilling"}:
        raise Conflict("This is decided together with the request.", "not-deciding")
    found: Erasure | None = g.session.scalar(select(Erasure).filter_by(case_id=case.id, kind="deletion"))
    return found

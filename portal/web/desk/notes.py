"""A note of the team beside a case; they stand on its first page."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.cases import noting
from portal.errors import BadInput
from portal.web.desk.caseworker import find_case
from portal.web.policy import policy

blueprint = Blueprint("notes", __name__, url_prefix="/staff/cases")


@blueprint.post("/<case_id>/notes")
@policy("caseworker")
def write(case_id: str) -> Response:
    case = find_case(g.session, case_id)
    try:
        noting.note(g.session, case, current_user.id, request.form.get("note", ""))
    except BadInput as problem:
        flash(f"The note is not kept. {problem.sentence}")
    else:
        g.session.commit()
    return redirect(url_for("caseworker.case", case_id=case.id) + "#notes", 303)

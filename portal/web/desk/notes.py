"""Notes of the team beside a case, and the papers that belong to them; they stand on its first page."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import audit
from portal.cases import noting
from portal.cases.acting.papers import Paper, prepare_paper
from portal.errors import BadInput, TooLarge
from portal.web.context import database, settings
from portal.web.desk.caseworker import Page, case_page, find_case
from portal.web.desk.mandates import sent
from portal.web.policy import policy

blueprint = Blueprint("notes", __name__, url_prefix="/staff/cases")


@blueprint.post("/<case_id>/notes")
@policy("caseworker")
def write(case_id: str) -> Page:
    text = request.form.get("note", "")
    try:
        # A picture is slow to open, so that comes before anything is read or written.
        given = _paper()
        noting.note(g.session, find_case(g.session, case_id), current_user.id, text, given)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        flash(f"The note is not kept. {problem.sentence}")
        return case_page(find_case(g.session, case_id), note=text), problem.status
    g.session.commit()
    return redirect(url_for("caseworker.case", case_id=case_id) + "#notes", 303)


@blueprint.get("/<case_id>/notes/<note_id>/paper")
@policy("caseworker")
def paper(case_id: str, note_id: str) -> Response:
    """No bytes leave before the log has the line."""
    case = find_case(g.session, case_id)
    found = noting.open_paper(g.session, case, note_id)
    with database().writing() as session:
        facts = {"account": current_user.id, "case": case.id, "point": "note"}
        audit.append(session, "paper-revealed", facts)
    return sent(found, f"{case.reference}-note")


def _paper() -> Paper | None:
    file = request.files.get("paper")
    return prepare_paper(settings(), file.read()) if file is not None and file.filename else None

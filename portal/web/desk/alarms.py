"""Requests that are linked with each other: what a caseworker should know, and why it is fine."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from portal.cases.requester import alarms
from portal.errors import BadInput
from portal.web.desk.caseworker import find_case
from portal.web.policy import policy

blueprint = Blueprint("alarms", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]


class ClearForm(FlaskForm):  # type: ignore[misc]
    note = TextAreaField("Why is it fine?", description="It is kept with the case and purged with it.")


@blueprint.route("/<case_id>/linked", methods=["GET", "POST"])
@policy("caseworker")
def linked(case_id: str) -> Page:
    """The linked requests of a case. The alarms among them are cleared together, with one sentence why."""
    case = find_case(g.session, case_id)
    form = ClearForm()
    if form.validate_on_submit():
        try:
            alarms.clear(g.session, case, current_user.id, form.note.data or "")
        except BadInput as problem:
            form.note.errors = [problem.sentence]
        else:
            g.session.commit()
            flash("It is written down. Nothing holds this request now.")
            return redirect(url_for("caseworker.case", case_id=case.id), 303)
    readings = alarms.readings(g.session, case)
    held = any(reading.holds for reading in readings)
    page = render_template("caseworker/linked.html", case=case, form=form, readings=readings, held=held)
    return page, 422 if form.errors else 200

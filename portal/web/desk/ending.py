"""Ending several requests of the list at once: first a page that says what happens to each, then all or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.cases.answer import answers, ending
from portal.cases.answer.reasons import REASONS
from portal.errors import EffaceError
from portal.tables import Case
from portal.web.policy import policy

blueprint = Blueprint("ending", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]


class EndForm(FlaskForm):  # type: ignore[misc]
    reason = RadioField(
        "Why?",
        [InputRequired("Choose a reason from the list.")],
        choices=[SelectChoice(code, f"Because {REASONS[code]}") for code in ending.FOR_MANY],
    )
    note = TextAreaField(
        "How do you know?",
        [InputRequired("Write down how you know."), Length(max=2000, message="Use at most 2,000 characters.")],
        description="In plain words, without blame. Whoever is refused reads it below the reason. Where nobody knows "
        "who is asking it is only for the file.",
    )


@blueprint.get("/end")
@policy("caseworker")
def show() -> Page:
    """What can be ended of the requests in the address (`case`, an id), and why the others cannot."""
    asked = request.args.getlist("case")
    if not asked:
        flash("Tick the requests first.")
        return redirect(url_for("inbox.show"), 303)
    return _page(EndForm(formdata=None), {case.id: case.state for case in _cases(asked)})


@blueprint.post("/end/chosen")
@policy("caseworker")
def choose() -> Response:
    """The ticks of the list, which are references."""
    ticked = select(Case.id).where(Case.reference.in_(request.form.getlist("case")))
    return redirect(url_for("ending.show", case=list(g.session.scalars(ticked))), 303)


@blueprint.get("/end/chosen")
@policy("caseworker")
def not_a_page() -> Response:
    """Only the form of the list is sent there: back to the list."""
    return redirect(url_for("inbox.show"), 303)


@blueprint.post("/end")
@policy("caseworker")
def end() -> Page:
    """All of them or none. Each `case` is an id and the state in which it was shown, with a colon between."""
    form = EndForm()
    seen = dict(each.rpartition(":")[::2] for each in request.form.getlist("case"))
    if not form.validate_on_submit():
        return _page(form, seen, status=422)
    problems, cases = {}, _cases(seen)
    if len(cases) < len(seen):
        problems["One or more"] = "Not kept any more. The others are below."
    for case in cases:
        try:
            ending.end(g.session, case, current_user.id, form.reason.data, form.note.data, seen[case.id])
        except EffaceError as problem:
            problems[case.reference] = problem.sentence
    if problems or not seen:
        g.session.rollback()
        return _page(form, seen, problems, status=409)
    g.session.commit()
    flash("It is done. Refusals wait for a second person.")
    return redirect(url_for("inbox.show"), 303)


def _page(form: EndForm, seen: dict[str, str], problems: dict[str, str] | None = None, status: int = 200) -> Page:
    cases = _cases(seen)
    hindered = {case.id: why for case in cases if (why := ending.why_not(g.session, case)) is not None}
    page = render_template(
        "caseworker/end.html",
        form=form,
        cases=[case for case in cases if case.id not in hindered],
        hindered=[(case, hindered[case.id]) for case in cases if case.id in hindered],
        problems=problems or {},
        asked=answers.RIGHTS,
    )
    return page, status


def _cases(ids: Iterable[str]) -> list[Case]:
    found = select(Case).where(Case.id.in_(list(ids)))
    return list(g.session.scalars(found.order_by(Case.due_on, Case.received_at, Case.id)))

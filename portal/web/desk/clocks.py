"""Moving a last day: more time, or a question to the person while the clock waits. The new day is shown before."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal import clock
from portal.cases import law
from portal.cases.answer import answers
from portal.cases.clocks import clarifying, extending, outlook
from portal.cases.messages import MOST
from portal.errors import BadInput
from portal.web.context import settings
from portal.web.days import day_in
from portal.web.desk.caseworker import find_case
from portal.web.desk.decisions import right_of
from portal.web.policy import policy

blueprint = Blueprint("clocks", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]

A_WEEK = timedelta(days=7)


class MoreTimeForm(FlaskForm):  # type: ignore[misc]
    reason = RadioField(
        "Why do you need more time?",
        [InputRequired("Choose a reason.")],
        choices=[SelectChoice(code, text[:1].upper() + text[1:]) for code, text in extending.REASONS.items()],
    )


class QuestionForm(FlaskForm):  # type: ignore[misc]
    text = TextAreaField("Your question", description="Ask only what you need to know to do what they want.")


@blueprint.route("/<case_id>/more-time/<right>", methods=["GET", "POST"])
@policy("caseworker")
def more_time(case_id: str, right: str) -> Page:
    """Move the last day of one right, once; the person is told."""
    case = find_case(g.session, case_id)
    chosen = right_of(case, right)
    form = MoreTimeForm()
    if form.validate_on_submit():
        extending.extend(g.session, chosen, current_user.id, form.reason.data)
        g.session.commit()
        flash("The last day is moved, and the person is told.")
        return redirect(url_for("caseworker.case", case_id=case.id), 303)
    page = render_template(
        "caseworker/more_time.html",
        case=case,
        right=chosen,
        asked=answers.RIGHTS[right],
        form=form,
        possible=extending.may_extend(g.session, chosen),
        notice_by=extending.notice_by(g.session, chosen),
        rule=law.rule_by(chosen.rule, chosen.rule_version),
        may_ask=clarifying.may_ask(g.session, case),
    )
    return page, 422 if form.errors else 200


@blueprint.route("/<case_id>/ask", methods=["GET", "POST"])
@policy("caseworker")
def ask(case_id: str) -> Page:
    """Ask the person what they mean. What that does to each last day stands above the button."""
    case = find_case(g.session, case_id)
    form = QuestionForm()
    if form.validate_on_submit():
        try:
            clarifying.ask(g.session, case, current_user.id, form.text.data or "")
        except BadInput as problem:
            form.text.errors = [problem.sentence]
        else:
            g.session.commit()
            flash("Your question is sent. The person reads it with their messages.")
            return redirect(url_for("messages.with_person", case_id=case.id), 303)
    answered = day_in("answered", clock.local_date(clock.now(), settings().zone) + A_WEEK)
    page = render_template(
        "caseworker/ask.html",
        case=case,
        form=form,
        most=MOST,
        possible=clarifying.may_ask(g.session, case),
        answered=answered,
        outlook=outlook.if_asked(g.session, case, "clarification", answered),
        effects=outlook.EFFECTS,
        blind=answers.is_blind(case),
    )
    return page, 422 if form.errors else 200

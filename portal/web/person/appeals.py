"""Asking that a refusal is looked at again, and looking at it again."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal.cases import messages
from portal.cases.answer import answers, appeals, deciding
from portal.errors import BadInput, NotFound
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Appeal, Case, CaseRight
from portal.web import sessions
from portal.web.desk.caseworker import find_case
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("appeals", __name__)


class AskForm(FlaskForm):  # type: ignore[misc]
    text = TextAreaField(_l("Why do you think it is wrong?"), description=_l("You can leave this empty."))


class AnswerForm(FlaskForm):  # type: ignore[misc]
    decision = RadioField(
        "What do you decide?",
        [InputRequired("Choose one of the two.")],
        choices=[
            SelectChoice("changed", "Take the refusal back: it is decided anew"),
            SelectChoice("kept", "Keep the refusal"),
        ],
    )
    text = TextAreaField(
        "What should the person read?",
        description="Say why, in plain words and without blame. It is a message to them.",
    )


@blueprint.route("/case/appeal/<right>", methods=["GET", "POST"])
@policy("case-holder")
def ask(right: str) -> Page:
    """The person asks that the answer to one right is looked at again."""
    case = sessions.held_case(g.session)
    chosen = _refused(case, right)
    form = AskForm()
    if form.validate_on_submit():
        try:
            appeals.open_appeal(g.session, chosen, form.text.data or "", sessions.is_person())
        except BadInput as problem:
            form.text.errors = [problem.sentence]
        else:
            g.session.commit()
            flash(_("We look at it again. You see here when there is an answer."))
            return redirect(url_for("following.overview"), 303)
    asked = _(answers.RIGHTS[chosen.right])
    page = render_template("subject/appeal.html", case=case, right=chosen, asked=asked, form=form, most=messages.MOST)
    return page, 422 if form.errors else 200


@blueprint.route("/staff/cases/<case_id>/appeal/<right>", methods=["GET", "POST"])
@policy("caseworker")
def answer(case_id: str, right: str) -> Page:
    """A caseworker who did not decide it looks at a refusal again."""
    case = find_case(g.session, case_id)
    appeal = _open_one(case, right)
    form = AnswerForm()
    if form.validate_on_submit():
        try:
            changed = form.decision.data == "changed"
            appeals.answer_appeal(g.session, appeal, current_user.id, changed, form.text.data or "")
        except BadInput as problem:
            form.text.errors = [problem.sentence]
        else:
            g.session.commit()
            flash("The person is told. Now decide it anew." if changed else "The person is told.")
            return redirect(url_for("caseworker.case", case_id=case.id), 303)
    page = render_template(
        "caseworker/appeal.html",
        case=case,
        appeal=appeal,
        asked=answers.RIGHTS[appeal.right.right],
        reason=deciding.REASONS[appeal.right.reason or "other"],
        said=messages.of_case(g.session, case),
        allowed=appeals.may_answer(g.session, appeal.right, current_user.id),
        blind=answers.is_blind(case),
        form=form,
        most=messages.MOST,
    )
    return page, 422 if form.errors else 200


def _refused(case: Case, right: str) -> CaseRight:
    """A right whose refusal the person can read; others are as if they were not there."""
    read = answers.answer_of(g.session, case)
    open_to = {one.right for one in read.rights if one.can_appeal} if read else set()
    for one in case.rights:
        if one.right == right and right in open_to:
            return one
    raise NotFound(_("There is nothing here to look at again. You can write us a message."))


def _open_one(case: Case, right: str) -> Appeal:
    for one in appeals.open_appeals(g.session, case):
        if one.right.right == right:
            return one
    raise NotFound("Nobody asked to look at this again, or it was answered already.")

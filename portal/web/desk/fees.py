"""A fee for a right whose rule knows one: asked for, and written down when it is paid or let go."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal import clock
from portal.cases import law
from portal.cases.answer import answers
from portal.cases.clocks import charging, outlook
from portal.cases.messages import MOST
from portal.errors import BadInput
from portal.web.context import settings
from portal.web.days import day_in
from portal.web.desk.caseworker import Page, find_case
from portal.web.desk.clocks import A_WEEK
from portal.web.desk.decisions import right_of
from portal.web.policy import policy

blueprint = Blueprint("fees", __name__, url_prefix="/staff/cases/<case_id>/fee/<right>")

FIELD_OF = {"bad-amount": "amount", "reason-missing": "reason"}


class FeeForm(FlaskForm):  # type: ignore[misc]
    amount = StringField("How much, in which currency?", description="Such as GBP 20. It must be reasonable.")
    reason = RadioField(
        "Why do you ask for a fee?",
        [InputRequired("Choose a reason.")],
        choices=[SelectChoice(code, text[:1].upper() + text[1:]) for code, text in charging.REASONS.items()],
        description="The person reads it in these words.",
    )
    how = TextAreaField("How can they pay it?", description="The person gets this as a message, in your words.")


@blueprint.route("", methods=["GET", "POST"])
@policy("caseworker")
def show(case_id: str, right: str) -> Page:
    """Ask for a fee, seeing first what it does to the last day; or what became of the one that was asked for."""
    case = find_case(g.session, case_id)
    chosen = right_of(case, right)
    form = FeeForm()
    if form.validate_on_submit():
        try:
            charging.ask(
                g.session, chosen, current_user.id, form.amount.data or "", form.reason.data, form.how.data or ""
            )
        except BadInput as problem:
            form[FIELD_OF.get(problem.code, "how")].errors = [problem.sentence]
        else:
            g.session.commit()
            flash("The fee is asked for. The person reads it with their messages; there is a letter, too.")
            return redirect(url_for("fees.show", case_id=case.id, right=right), 303)
    paid_on = day_in("answered", clock.local_date(clock.now(), settings().zone) + A_WEEK)
    seen = outlook.if_asked(g.session, case, "fee", paid_on)
    page = render_template(
        "caseworker/fee.html",
        case=case,
        right=chosen,
        asked=answers.RIGHTS[right],
        form=form,
        most=MOST,
        possible=charging.may_ask(g.session, chosen),
        fee=charging.asked(g.session, chosen),
        waits=charging.open_fee(g.session, chosen) is not None,
        reasons=charging.REASONS,
        rule=law.rule_by(chosen.rule, chosen.rule_version),
        paid_on=paid_on,
        outlook=[one for one in seen if one.right.id == chosen.id],
        effects=outlook.EFFECTS,
        blind=answers.is_blind(case),
    )
    return page, 422 if form.errors else 200


@blueprint.post("/paid")
@policy("caseworker")
def paid(case_id: str, right: str) -> Page:
    return _settled(case_id, right, paid=True)


@blueprint.post("/waived")
@policy("caseworker")
def waived(case_id: str, right: str) -> Page:
    return _settled(case_id, right, paid=False)


def _settled(case_id: str, right: str, paid: bool) -> Page:
    case = find_case(g.session, case_id)
    charging.settle(g.session, right_of(case, right), current_user.id, paid)
    g.session.commit()
    flash("It is written down, and the last day is counted anew.")
    return redirect(url_for("fees.show", case_id=case.id, right=right), 303)

"""Deciding each right: what the person will read is shown before it is decided, and a second person agrees to a no."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.cases import law, lifecycle
from portal.cases.answer import answers, deciding
from portal.cases.requester import assurance
from portal.errors import BadInput, Conflict, NotFound
from portal.languages import known
from portal.matching import likeness
from portal.tables import Case, CaseRight
from portal.web.desk import erasures
from portal.web.desk.caseworker import find_case, found_of, names_of
from portal.web.policy import policy

blueprint = Blueprint("decisions", __name__, url_prefix="/staff/cases")

Page = str | Response | tuple[str, int]


class DecisionForm(FlaskForm):  # type: ignore[misc]
    decision = RadioField(
        "What do you decide?",
        [InputRequired("Choose whether you grant this or refuse it.")],
        choices=[SelectChoice("grant", "Grant it"), SelectChoice("refuse", "Refuse it")],
    )
    reason = SelectField("If you refuse: why?")
    note = TextAreaField(
        "What else should the person read?",
        [Length(max=2000, message="Use at most 2,000 characters.")],
        description="In plain words, without blame. It stands below the reason.",
    )


@blueprint.get("/<case_id>/decide")
@policy("caseworker")
def decide(case_id: str) -> Page:
    """All rights of a case: those to decide, and refusals that wait for a second person."""
    case = find_case(g.session, case_id)
    rights = [(right, answers.side_by_side(g.session, right) if right.decision else None) for right in case.rights]
    return render_template(
        "caseworker/decide.html",
        case=case,
        rights=rights,
        asked=answers.RIGHTS,
        marks={right.id: deciding.mark(right) for right in case.rights},
        waiting=[right.id for right in case.rights if deciding.is_waiting_refusal(right)],
        spoken=known(case.language),
        rules={right.id: law.rule_by(right.rule, right.rule_version) for right in case.rights},
        names=names_of(g.session, {right.decided_by for right in case.rights if right.decided_by}),
        found=found_of(g.session, case),
        alike=likeness.named(g.session, likeness.alike(g.session, case, likeness.MOST_FOR_A_PAGE)),
        looks_compared=likeness.compares_looks(g.session),
    )


@blueprint.post("/<case_id>/look-for-copies")
@policy("caseworker")
def look_for_copies(case_id: str) -> Page:
    """Search again, so that photographs like the confirmed ones become candidates, too."""
    case = find_case(g.session, case_id)
    if case.state != "deciding":
        raise Conflict("This request is not waiting for a decision any more.", "moved-meanwhile")
    lifecycle.search_again(g.session, case, current_user.id, "other photographs are like the confirmed ones")
    g.session.commit()
    flash("We search again. The other photographs come to the reviewers.")
    return redirect(url_for("caseworker.case", case_id=case.id), 303)


@blueprint.route("/<case_id>/decide/<right>", methods=["GET", "POST"])
@policy("caseworker")
def decide_right(case_id: str, right: str) -> Page:
    """First the form, then what the person will read, then the decision."""
    case = find_case(g.session, case_id)
    chosen = right_of(case, right)
    form, seen = DecisionForm(), deciding.mark(chosen)
    form.reason.choices = [
        SelectChoice("", "Choose a reason"),
        *(SelectChoice(code, _reason(case, code)) for code in deciding.REASONS),
    ]
    read: answers.Preview | None = None
    if form.validate_on_submit():
        try:
            deciding.decide(
                g.session,
                chosen,
                current_user.id,
                form.decision.data,
                form.reason.data or None,
                form.note.data or "",
                request.form.get("seen", ""),
            )
        except BadInput as problem:
            g.session.rollback()
            form.note.errors = [problem.sentence] if problem.code == "note-missing" else []
            form.reason.errors = [] if problem.code == "note-missing" else [problem.sentence]
        except Conflict as problem:
            g.session.rollback()
            form.form_errors.append(problem.sentence)
        else:
            read = answers.side_by_side(g.session, chosen)
            if "confirm" in request.form:
                g.session.commit()
                return _decided(case)
            # Nothing is decided by looking at what the person would read.
            g.session.rollback()
    page = render_template(
        "caseworker/decide_right.html",
        case=find_case(g.session, case_id),
        right=right,
        asked=answers.RIGHTS[right],
        form=form,
        seen=request.form.get("seen", seen),
        read=read,
        spoken=known(case.language),
        rule=law.rule_by(chosen.rule, chosen.rule_version),
        protocol=form.reason.data if form.reason.data in deciding.OF_THE_PROTOCOL else None,
        blind=answers.is_blind(case),
        lacking=assurance.why_not_grant(g.session, chosen) if chosen.decision is None else None,
        found=found_of(g.session, case),
    )
    return page, 422 if form.errors else 200


def _decided(case: Case) -> Page:
    """On to the next right, or to the plan of what must go, or back to the case."""
    problem = erasures.plan_what_was_granted(g.session, case, current_user.id)
    if problem:
        flash(problem)
    if case.state == "deciding" and any(right.decision is None for right in case.rights):
        return redirect(url_for("decisions.decide", case_id=case.id), 303)
    return redirect(url_for("caseworker.case", case_id=case.id), 303)


@blueprint.post("/<case_id>/decide/<right>/<what>")
@policy("caseworker")
def second_person(case_id: str, right: str, what: str) -> Page:
    """`approve` or `return` a refusal."""
    case = find_case(g.session, case_id)
    if what == "approve":
        deciding.approve_refusal(g.session, right_of(case, right), current_user.id, request.form.get("seen", ""))
    elif what == "return":
        deciding.return_refusal(g.session, right_of(case, right), current_user.id)
    else:
        raise NotFound("There is no such button.")
    g.session.commit()
    return _decided(case)


def right_of(case: Case, right: str) -> CaseRight:
    """Raises NotFound when this was not asked."""
    for one in case.rights:
        if one.right == right:
            return one
    raise NotFound("This was not asked in this request.")


def _reason(case: Case, code: str) -> str:
    """A reason as staff choose it; where it would tell what was found, it says so."""
    text = deciding.REASONS[code]
    kept = " (not before somebody is sure who asks)" if code in deciding.TELLING and answers.is_blind(case) else ""
    return f"{text[:1].upper()}{text[1:]}{kept}"

"""For staff: what each recipient was sent and answered, sending again, writing an answer down, how to reach them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal.errors import BadInput, NotFound
from portal.notices import answering, making, registering, sending, wording
from portal.tables import Case, Disclosure, Erasure, Notice, Recipient
from portal.web.context import database
from portal.web.policy import policy

blueprint = Blueprint("recipients", __name__, url_prefix="/staff")

Page = str | Response | tuple[str, int]

SHOWN = 200
STATES = {
    "made": ("Not sent yet", "soon"),
    "sent": ("Sent", "calm"),
    "read": ("Read", "calm"),
    "acknowledged": ("Answered", "good"),
    "refused": ("Refused", "late"),
    "unreachable": ("Not reached", "late"),
}
RESULTS = {
    "told": "They were told, and have not said what they did",
    "erased": "They erased all of it",
    "nothing-held": "They hold none of it",
    "partly": "They erased a part of it (say why)",
    "refused": "They refuse (say why)",
}


class ByHand(FlaskForm):  # type: ignore[misc]
    result = SelectField("What did they say?", [InputRequired("Choose what they said.")])
    words = TextAreaField(
        "In a sentence",
        [InputRequired("Say in a sentence who said this, when and how.")],
        description="Who said it, when and how. It stands on the certificate, where that is not issued yet.",
    )


class Reach(FlaskForm):  # type: ignore[misc]
    endpoint = StringField("Endpoint for signed notices", description="An https address, or nothing.")
    key = StringField("Their public key", description="One line, name+hash+base64, that they gave you. Or nothing.")


@blueprint.get("/notices")
@policy("caseworker")
def waiting() -> Page:
    """Notices that a caseworker is to see to, and those that nobody answered yet."""
    rows = select(Notice).where(Notice.escalated_at.is_not(None) | Notice.state.in_(sending.OPEN))
    ordered = rows.order_by(Notice.escalated_at.is_(None), Notice.made_at).limit(SHOWN)
    return render_template("recipients/notices.html", title="Notices to recipients", notices=_lines(ordered))


@blueprint.get("/erasures/<erasure_id>/notices")
@policy("caseworker")
def of_erasure(erasure_id: str) -> Page:
    """Everything that was sent because of one erasure."""
    erasure = g.session.get(Erasure, erasure_id)
    if erasure is None:
        raise NotFound("There is no such plan.")
    rows = select(Notice).where(Notice.erasure_id == erasure_id).order_by(Notice.made_at)
    return render_template(
        "recipients/notices.html", title="Who was told of this erasure", notices=_lines(rows), erasure=erasure
    )


@blueprint.route("/notices/<notice_id>", methods=["GET", "POST"])
@policy("caseworker")
def notice(notice_id: str) -> Page:
    """One notice: what was tried, what was answered, and what a caseworker can do about it."""
    form = ByHand()
    form.result.choices = [SelectChoice("", "Choose one"), *(SelectChoice(*one) for one in RESULTS.items())]
    found = _notice(notice_id)
    if form.validate_on_submit():
        try:
            answering.answer_by_hand(g.session, found, form.result.data, form.words.data, current_user.id)
        except BadInput as problem:
            g.session.rollback()
            form.words.errors = [problem.sentence]
        else:
            g.session.commit()
            database().forget_deleted_bytes()
            flash("The answer is kept.")
            return redirect(url_for("recipients.notice", notice_id=notice_id), 303)
    return _notice_page(_notice(notice_id), form)


@blueprint.post("/notices/<notice_id>/again")
@policy("caseworker")
def send_again(notice_id: str) -> Page:
    sending.send_again(g.session, _notice(notice_id))
    g.session.commit()
    flash("It is being sent again, word for word.")
    return redirect(url_for("recipients.notice", notice_id=notice_id), 303)


@blueprint.route("/recipients/<recipient_id>", methods=["GET", "POST"])
@policy("caseworker", "admin")
def recipient(recipient_id: str) -> Page:
    """What a recipient got, how they are reached, and all that they were sent."""
    found = g.session.get(Recipient, recipient_id)
    if found is None:
        raise NotFound("There is no such recipient.")
    form = Reach(data={"endpoint": found.endpoint or "", "key": found.answer_key or ""})
    if form.validate_on_submit():
        try:
            registering.register(g.session, found, form.endpoint.data or "", form.key.data or "", current_user.id)
        except BadInput as problem:
            g.session.rollback()
            (form.key if problem.code == "bad-key" else form.endpoint).errors = [problem.sentence]
        else:
            g.session.commit()
            flash(f"How to reach {found.name} is kept.")
            return redirect(url_for("recipients.recipient", recipient_id=recipient_id), 303)
    given = g.session.scalars(select(Disclosure).filter_by(recipient_id=recipient_id).order_by(Disclosure.disclosed_on))
    rows = select(Notice).where(Notice.recipient_id == recipient_id).order_by(Notice.made_at.desc()).limit(SHOWN)
    page = render_template(
        "recipients/recipient.html", recipient=found, form=form, given=list(given), notices=_lines(rows)
    )
    return page, 422 if form.errors else 200


def _lines(rows: Any) -> list[dict[str, Any]]:
    return [{"notice": one, "state": STATES[one.state]} for one in g.session.scalars(rows)]


def _notice(notice_id: str) -> Notice:
    found = g.session.get(Notice, notice_id)
    if found is None:
        raise NotFound("There is no such notice.")
    row: Notice = found
    return row


def _notice_page(found: Notice, form: ByHand) -> Page:
    erasure = making.erasure_of(g.session, found)
    page = render_template(
        "recipients/notice.html",
        notice=found,
        state=STATES[found.state],
        case=g.session.get_one(Case, erasure.case_id) if erasure is not None else None,
        facts=[wording.sentence(fact) for fact in found.facts],
        mail=sending.mail_of(g.session, found),
        answers=answering.answers_of(g.session, found),
        results=wording.RESULTS,
        form=form,
    )
    return page, 422 if form.errors else 200

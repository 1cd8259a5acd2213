"""Messages in a case: the person's page in their case, and the privacy team's beside it."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import TextAreaField

from portal.cases import messages
from portal.cases.answer import answers
from portal.errors import BadInput
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Case
from portal.web import sessions
from portal.web.context import database
from portal.web.desk.caseworker import find_case, framed, names_of
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("messages", __name__)


class MessageForm(FlaskForm):  # type: ignore[misc]
    text = TextAreaField(_l("Your message"))


@blueprint.route("/case/messages", methods=["GET", "POST"])
@policy("case-holder")
def with_us() -> Page:
    """What was written in the person's own case, and a box to write more. Who acts for them has another thread."""
    case, own = sessions.held_case(g.session), sessions.is_person()
    form = MessageForm()
    if form.validate_on_submit() and _wrote(case, "subject", form, own):
        flash(_("Your message is sent. We answer here."))
        return redirect(url_for("messages.with_us"), 303)
    page = render_template(
        "subject/messages.html",
        case=case,
        form=form,
        said=messages.of_case(g.session, case, own),
        own=own,
        two=messages.has_two_threads(g.session, case),
    )
    _note_as_read(case, by_person=True, thread=own)
    return page, 422 if form.errors else 200


@blueprint.route("/staff/cases/<case_id>/messages", methods=["GET", "POST"])
@policy("caseworker")
def with_person(case_id: str) -> Page:
    """What was written in a case, and a box to write: to the person, or to whom acts for them (`?with=person`)."""
    case = find_case(g.session, case_id)
    two = messages.has_two_threads(g.session, case)
    own = two and request.args.get("with") == "person"
    address = url_for("messages.with_person", case_id=case.id) + ("?with=person" if own else "")
    form = MessageForm()
    if form.validate_on_submit() and _wrote(case, current_user.id, form, own):
        flash("Your message is sent. They get a mail that there is news, if they left an address.")
        return redirect(address, 303)
    said = messages.of_case(g.session, case)
    page = render_template(
        "caseworker/messages.html",
        **framed(g.session, case),
        form=form,
        said=[one for one in said if one.with_person == own],
        two=two,
        own=own,
        elsewhere=sum(one.new and one.account_id is None and one.with_person != own for one in said),
        names=names_of(g.session, {one.account_id for one in said if one.account_id}),
        blind=answers.is_blind(case),
    )
    _note_as_read(case, by_person=False, thread=own)
    return page, 422 if form.errors else 200


def _wrote(case: Case, actor: str, form: MessageForm, own: bool) -> bool:
    """Keep the message for good; False when the form must be shown again, with what was typed still in it."""
    try:
        messages.write(g.session, case, actor, form.text.data or "", own)
    except BadInput as problem:
        form.text.errors = [problem.sentence]
        return False
    g.session.commit()
    return True


def _note_as_read(case: Case, by_person: bool, thread: bool) -> None:
    case_id = case.id
    # A page that was only looked at has a session that cannot write, and one that was sent in vain must not keep it.
    g.session.rollback()
    with database().writing() as session:
        messages.mark_read(session, session.get_one(Case, case_id), by_person, thread)

"""The second sign and the declaration: the person's page, and what the caseworker adds to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField

from portal.cases.requester import assurance, profiles
from portal.errors import BadInput, Conflict, NotFound, TooMany
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Case
from portal.web import sessions
from portal.web.context import settings
from portal.web.desk.caseworker import find_case
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("signs", __name__)

TRY_AGAIN = _l("This code does not work. Check it, or ask for a new code.")


class AddressForm(FlaskForm):  # type: ignore[misc]
    email = StringField(_l("Another e-mail address of yours"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if settings().text_url:
            self.email.label.text = _("Another e-mail address of yours, or a mobile number")


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField(_l("The code that we sent"))


class DeclareForm(FlaskForm):  # type: ignore[misc]
    name = StringField(_l("Your name"))


FIELDS: dict[str, tuple[type[FlaskForm], str]] = {
    "address": (AddressForm, "email"),
    "code": (CodeForm, "code"),
    "declaration": (DeclareForm, "name"),
}


class HeldForm(FlaskForm):  # type: ignore[misc]
    email = StringField("Address or mobile number that you hold of this person")
    note = TextAreaField("Where it comes from")


class KnownForm(FlaskForm):  # type: ignore[misc]
    known = TextAreaField("Where you hold the contact that the person confirmed")


@blueprint.get("/case/signs")
@policy("case-holder")
def for_person() -> Page:
    return _page(sessions.held_case(g.session))


@blueprint.post("/case/signs/<what>")
@policy("case-holder")
def give(what: str) -> Page:
    """`address`, `code` or `declaration`."""
    case = sessions.held_case(g.session)
    if what not in FIELDS or not assurance.is_asked(case):
        raise NotFound(_("There is no such page."))
    kind, name = FIELDS[what]
    form: FlaskForm = kind()
    field = form[name]
    form.validate()
    try:
        done = _given(case, what, field.data or "")
    except (BadInput, Conflict, TooMany) as problem:
        g.session.rollback()
        field.errors = [problem.sentence]
        return _page(case, problem.status, **{what: form})
    g.session.commit()
    if not done:
        field.errors = [str(TRY_AGAIN)]
        return _page(case, 422, **{what: form})
    flash(_("Thank you. We have it."))
    return redirect(url_for("signs.for_person"), 303)


def _given(case: Case, what: str, text: str) -> bool:
    if what == "code":
        return assurance.confirm(g.session, case, text)
    if what == "address":
        assurance.give_contact(g.session, case, text)
    else:
        assurance.declare(g.session, case, text)
    return True


def _page(case: Case, status: int = 200, **forms: FlaskForm) -> Page:
    page = render_template(
        "subject/signs.html",
        case=case,
        wanted=assurance.waits_for_person(g.session, case),
        there=assurance.standing(g.session, case),
        code_sent=bool(assurance.waiting_codes(g.session, case)),
        profile_open=profiles.is_open(g.session, case),
        words=assurance.words_of(case),
        address=forms.get("address") or AddressForm(formdata=None),
        code=forms.get("code") or CodeForm(formdata=None),
        declaration=forms.get("declaration") or DeclareForm(formdata=None),
    )
    return page, status


@blueprint.route("/staff/cases/<case_id>/signs", methods=["GET", "POST"])
@policy("caseworker")
def with_person(case_id: str) -> Page:
    """What was shown so far; have a code sent to an address that is held of the person."""
    case, form = find_case(g.session, case_id), HeldForm()
    if form.validate_on_submit():
        try:
            assurance.write_to_held(g.session, case, current_user.id, form.email.data or "", form.note.data or "")
        except (BadInput, Conflict, TooMany) as problem:
            g.session.rollback()
            (form.note if problem.code == "note-missing" else form.email).errors = [problem.sentence]
            return _staff_page(case, form, status=problem.status)
        g.session.commit()
        flash("A code is on its way to that address. The person types it on their page.")
        return redirect(url_for("signs.with_person", case_id=case.id), 303)
    return _staff_page(case, form)


@blueprint.post("/staff/cases/<case_id>/signs/<what>")
@policy("caseworker")
def accept(case_id: str, what: str) -> Page:
    """`known`: the confirmed contact is the one that is held. `paper`: the declaration is there on paper."""
    case, known = find_case(g.session, case_id), KnownForm()
    known.validate()
    try:
        if what == "known":
            assurance.accept_known(g.session, case, current_user.id, known.known.data or "")
        elif what == "paper":
            assurance.take_paper(g.session, case, current_user.id)
        else:
            raise NotFound("There is no such button.")
    except BadInput as problem:
        g.session.rollback()
        known.known.errors = [problem.sentence]
        return _staff_page(case, HeldForm(formdata=None), known, problem.status)
    g.session.commit()
    return redirect(url_for("signs.with_person", case_id=case.id), 303)


def _staff_page(case: Case, form: HeldForm, known: KnownForm | None = None, status: int = 200) -> Page:
    page = render_template(
        "caseworker/signs.html",
        case=case,
        form=form,
        known=known or KnownForm(formdata=None),
        asked=assurance.is_asked(case),
        there=assurance.standing(g.session, case),
        still_open=case.state in assurance.OPEN_STATES,
    )
    return page, status

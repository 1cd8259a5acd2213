"""The person for whom somebody acts: the link that asks them, their own way in, and how they end the permission.

For the one who acts, the same page says until when it holds, and takes a new one when it has run out.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField
from wtforms.validators import Optional

from portal import clock
from portal.cases import withdrawing
from portal.cases.acting import mandates, person_link, renewing
from portal.cases.acting.papers import prepare_paper
from portal.errors import BadInput, NotFound, TooLarge
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Case, Mandate
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.limits import spend
from portal.web.person import acting_words as texts
from portal.web.person import questions as ask
from portal.web.person.intake import WORDS_SHOWN, Page
from portal.web.person.photos import uploaded
from portal.web.policy import policy

blueprint = Blueprint("permission", __name__)


class NewPermission(FlaskForm):  # type: ignore[misc]
    paper = FileField(_l("Add a photo of the new paper, or a PDF"))
    expires_on = DateField(
        _l("Until which day does it hold?"), [Optional()], description=_l("Leave it empty if no day is written on it.")
    )


@blueprint.get("/for-you/<token>")
@policy("public")
def question(token: str) -> Page:
    """Who asks what for this person. Only the buttons on it do something: mail programs open links by themselves."""
    spend("person-link")
    case, mandate = person_link.find(g.session, token)
    return render_template("subject/for_you.html", token=token, **_facts(case, mandate))


@blueprint.post("/for-you/<token>/yes")
@policy("public")
def confirm(token: str) -> Page:
    spend("person-link")
    case, mandate = person_link.find(g.session, token)
    words = person_link.confirm(g.session, case, mandate)
    sessions.hold_case(case.id, as_person=True)
    until = (clock.now() + WORDS_SHOWN).timestamp()
    # The words are remembered in the transaction that makes them, so that neither can be without the other.
    sessions.exchange_draft_for_case(g.session, case=case.id, as_person=True, words=words, words_until=until)
    g.session.commit()
    return redirect(url_for("permission.confirmed"), 303)


@blueprint.post("/for-you/<token>/no")
@policy("public")
def decline(token: str) -> Page:
    """The person does not want it, or knows nothing of it: the request ends, and all that was sent goes."""
    spend("person-link")
    case, _mandate = person_link.find(g.session, token)
    withdrawing.withdraw(g.session, case)
    g.session.commit()
    database().forget_deleted_bytes()
    return render_template("subject/for_you_ended.html")


@blueprint.get("/case/your-words")
@policy("case-holder")
def confirmed() -> Page:
    """The person's own words, until they say that these are kept, or for 15 minutes."""
    if "words" not in session or session.get("words_until", 0) < clock.now().timestamp():
        return redirect(url_for("following.overview"), 303)
    case = sessions.held_case(g.session)
    return render_template("subject/for_you_words.html", case=case, words=session["words"])


@blueprint.get("/case/permission")
@policy("case-holder")
def own() -> Page:
    return _own_page(NewPermission(formdata=None))


def _own_page(form: FlaskForm, status: int = 200) -> Page:
    case = sessions.case_to_renew(g.session)
    mandate = _mandate_of(case)
    page = render_template(
        "subject/permission.html",
        form=form,
        as_person=sessions.is_person(),
        over=mandates.over(g.session, mandate),
        may_renew=renewing.may_renew(g.session, case, mandate),
        **_facts(case, mandate),
    )
    return page, 422 if form.errors and status == 200 else status


@blueprint.post("/case/permission/end")
@policy("case-holder")
def end() -> Page:
    """The person goes on alone."""
    case = sessions.held_case(g.session)
    if not sessions.is_person():
        raise NotFound(_("Only the person can end the permission. You can take the request back."))
    person_link.take_back(g.session, case, _mandate_of(case))
    g.session.commit()
    flash(_("The permission has ended. From now on nobody but you sees this request."))
    return redirect(url_for("following.overview"), 303)


@blueprint.post("/case/permission/renew")
@policy("case-holder")
def renew() -> Page:
    """A new paper in place of one that has run out. Opening it is slow, so it comes first."""
    spend("photo")
    form = NewPermission()
    try:
        if not form.validate():
            raise BadInput(_("Write the day as it is asked for, or leave it empty."), "bad-expiry")
        prepared = prepare_paper(settings(), uploaded(form.paper.data))
        case = sessions.case_to_renew(g.session)
        if sessions.is_person():
            raise NotFound(_("Only the one who acts for you can send a new permission."))
        renewing.renew(g.session, case, _mandate_of(case), prepared, form.expires_on.data)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        field = form.expires_on if problem.code == "bad-expiry" else form.paper
        field.errors = [problem.sentence]
        return _own_page(form, problem.status)
    g.session.commit()
    flash(_("Thank you. Somebody looks at the new permission."))
    return redirect(url_for("permission.own"), 303)


def _mandate_of(case: Case) -> Mandate:
    mandate = mandates.of_case(g.session, case)
    if mandate is None:
        raise NotFound(_("Nobody acts for somebody else in this request."))
    return mandate


def _facts(case: Case, mandate: Mandate) -> dict[str, Any]:
    named = {value: text for value, text, _hint in ask.RIGHTS}
    return {
        "case": case,
        "mandate": mandate,
        "rule": mandates.rule_of(mandate),
        "said": mandates.said_of(g.session, mandate),
        "asked": [_(named[right.right]) for right in case.rights],
        "texts": texts,
        "can_withdraw": withdrawing.may_withdraw(g.session, case),
    }

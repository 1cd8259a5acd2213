"""Asking for somebody else: who it is, what gives the right to, and the papers that show it.

Everything here is the same for a hit and a miss: nothing is looked for until a person has read the papers.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import DateField, RadioField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, Optional

from portal.cases.acting import mandates
from portal.cases.acting.papers import prepare_paper
from portal.cases.arrival import intake as rules
from portal.cases.arrival.addresses import clean_address
from portal.cases.law.acting import Acting, Point
from portal.errors import BadInput, NotFound, TooLarge
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Draft
from portal.web.context import database, settings
from portal.web.limits import spend
from portal.web.person import acting_words as texts
from portal.web.person import questions as ask
from portal.web.person.intake import Page, back_from, go_on, held_draft, shown
from portal.web.person.photos import too_big_sentence, uploaded
from portal.web.policy import policy

blueprint = Blueprint("agents", __name__, url_prefix="/request")

# Which field each mistake is about.
FIELD_OF = {
    "bad-basis": "basis",
    "bad-person": "person",
    "bad-requester": "requester",
    "bad-scope": "rights",
    "bad-expiry": "expires_on",
    "same-address": "email",
    "bad-address": "email",
}


class WhoActs(FlaskForm):  # type: ignore[misc]
    person = StringField(
        _l("What is the name of the person?"),
        [InputRequired(_l("Enter the name of the person")), Length(max=mandates.NAME_LONGEST)],
    )
    requester = StringField(
        _l("What is your own name?"),
        [InputRequired(_l("Enter your own name")), Length(max=mandates.NAME_LONGEST)],
    )
    basis = RadioField(
        _l("What gives you the right to act?"), [InputRequired(_l("Choose what gives you the right to act"))]
    )
    rights = SelectMultipleField(
        _l("What does it let you ask for?"), [InputRequired(_l("Choose what it lets you ask for"))]
    )
    expires_on = DateField(
        _l("Until which day does it hold?"), [Optional()], description=_l("Leave it empty if no day is written on it.")
    )
    email = StringField(
        _l("What is the e-mail address of the person?"),
        [Optional(), Length(max=254, message=_l("This address is too long"))],
        description=_l(
            "Theirs, not yours. We ask them there to say yes. You can leave it empty: then we find another way to ask."
        ),
    )

    def __init__(self, rule: Acting, asked: list[str], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.basis.choices = ask.listed([(name, texts.BASES[name], "") for name in rule.bases])
        self.rights.choices = ask.listed([(value, text, "") for value, text, _hint in ask.RIGHTS])
        # A parent's right covers everything and has no end; only somebody's agent is told what they may.
        if rule.role != "agent":
            del self.rights, self.expires_on
        # Where only an opt-out is asked, nobody may ask the person, so not even their address is.
        if not set(asked) & set(rule.confirm):
            del self.email


class PaperFile(FlaskForm):  # type: ignore[misc]
    paper = FileField(_l("Add a photo of the paper, or a PDF"))


@blueprint.route("/acting", methods=["GET", "POST"])
@policy("public")
def acting() -> Page:
    """For whom, and by what right."""
    draft = held_draft()
    answers = rules.read_answers(g.session, draft)
    if not mandates.is_acted_for(answers):
        return go_on(draft)
    rule = mandates.rule_of_draft(g.session, draft)
    form = WhoActs(rule, answers.get("rights", []), data=_as_in_form(draft))
    if form.validate_on_submit() and _say(draft, form, answers.get("rights", [])):
        g.session.commit()
        return go_on(draft)
    return shown("acting", draft, form, rule=rule, texts=texts)


def _say(draft: Draft, form: WhoActs, asked: list[str]) -> bool:
    """Keep what was typed. False, with the sentence beside its field, when something is wrong with it."""
    email = (form.email.data or "").strip() if form.email else ""
    said = mandates.Said(
        basis=form.basis.data,
        person=form.person.data,
        requester=form.requester.data,
        rights=tuple(form.rights.data) if form.rights else tuple(asked),
        email=email,
        expires_on=form.expires_on.data if form.expires_on else None,
    )
    try:
        if email:
            clean_address(email)
        mandates.say(g.session, draft, said)
    except BadInput as problem:
        g.session.rollback()
        field = form[FIELD_OF[problem.code]] if FIELD_OF.get(problem.code, "") in form else form.basis
        field.errors = [problem.sentence]
        return False
    return True


def _as_in_form(draft: Draft) -> dict[str, Any]:
    mandate = mandates.of_draft(g.session, draft)
    if mandate is None:
        return {}
    said = mandates.said_of(g.session, mandate)
    return {name: getattr(said, name) for name in ("person", "requester", "basis", "rights", "email", "expires_on")}


@blueprint.get("/papers")
@policy("public")
def papers() -> Page:
    """What must be sent to show the right, and what was."""
    draft = held_draft()
    return _papers_page(draft)


def _papers_page(draft: Draft, point: str = "", sentence: str = "", status: int = 200) -> Page:
    mandate = mandates.of_draft(g.session, draft)
    if mandate is None:
        return go_on(draft)
    there = {name for name, proof in mandates.proofs_of(g.session, mandate).items() if proof.blob_id}
    page = render_template(
        "subject/agent_papers.html",
        form=PaperFile(formdata=None),
        points=_wanted(draft, mandate.basis),
        there=there,
        texts=texts,
        wrong={point: sentence},
        back_to=back_from("papers", draft),
    )
    return page, status


def _wanted(draft: Draft, basis: str) -> list[Point]:
    return [point for point in mandates.rule_of_draft(g.session, draft).points_for(basis) if point.paper]


@blueprint.post("/papers/<point>")
@policy("public")
def paper(point: str) -> Page:
    """One paper. Opening it is slow, so it comes before anything is read or written."""
    spend("photo")
    with database().reading() as reading:
        rules.find_draft(reading, session.get("draft", ""))
    try:
        prepared = prepare_paper(settings(), uploaded(PaperFile().paper.data))
        draft = held_draft()
        mandate = mandates.of_draft(g.session, draft)
        if mandate is None:
            raise NotFound(_("Say first for whom you act."))
        mandates.add_paper(g.session, mandate, mandates.rule_of_draft(g.session, draft), point, prepared)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        return _papers_page(held_draft(), point, problem.sentence, problem.status)
    g.session.commit()
    return redirect(url_for("agents.papers"), 303)


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    """The same page again, with what was wrong beside the field."""
    point = (request.view_args or {}).get("point", "")
    return _papers_page(held_draft(), point, too_big_sentence(), 413)

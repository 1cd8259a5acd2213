"""A request that came by phone, by post or at the counter: a caseworker enters it, and prints a letter for the person.

It goes the same way as one that was typed in, with the same ladder. Only its clock runs from the day it came.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal import audit, clock
from portal.cases.acting import mandates
from portal.cases.acting.papers import Paper, prepare_paper
from portal.cases.arrival import arrivals, limits
from portal.cases.arrival import intake as rules
from portal.cases.arrival.addresses import clean_contact
from portal.errors import BadInput, Conflict, EffaceError, TooLarge
from portal.languages import LANGUAGES, current, speaking
from portal.tables import Case, Draft
from portal.web.context import database, settings
from portal.web.desk import caseworker
from portal.web.desk.caseworker import Page, find_case, framed
from portal.web.desk.mandates import sent
from portal.web.person import acting_words
from portal.web.person import questions as ask
from portal.web.person.intake import WORDS_SHOWN
from portal.web.person.photos import too_big_sentence
from portal.web.policy import policy

blueprint = Blueprint("desk_intake", __name__, url_prefix="/staff")

HOW = {"post": "By post", "phone": "By phone", "in-person": "At the counter"}
# Which field each mistake is about; all others are said at the top.
FIELD_OF = {
    "bad-day": "received_on",
    "bad-how": "how",
    "bad-address": "email",
    "bad-number": "email",
    "no-mobile": "email",
    "bad-expiry": "expires_on",
    "bad-scope": "rights",
    "bad-person": "person",
    "bad-requester": "requester",
    "bad-basis": "basis",
    "missing-ways": "link",
    "no-scan": "scan",
}


class Entry(FlaskForm):  # type: ignore[misc]
    once = HiddenField()
    how = RadioField(
        "How did it come?",
        [InputRequired("Choose how it came.")],
        choices=[SelectChoice(value, text) for value, text in HOW.items()],
    )
    received_on = DateField(
        "On which day did it come?",
        [InputRequired("Enter the day on which it came.")],
        description="The day it reached the organisation, not the day you read it. The clock runs from it.",
    )
    rights = SelectMultipleField(
        "What does the person ask for?",
        [InputRequired("Choose what the person asks for.")],
        choices=[SelectChoice(value, text) for value, text, _hint in ask.RIGHTS],
    )
    residence = SelectField("Where does the person live?", choices=[], default=ask.RATHER_NOT)
    language = SelectField("In which language do we write to them?", choices=[])
    link = StringField("A link to a profile or a picture", [Length(max=2000)])
    account = StringField("An account name", [Length(max=300)])
    picture = FileField("A picture file or a photograph that was sent")
    consent = BooleanField("It shows their face, and they agreed in writing that we compare it")
    address = TextAreaField(
        "Name and postal address",
        [Length(max=arrivals.ADDRESS_LONGEST)],
        description="For the letter. Leave it empty if you hand the letter over.",
    )
    email = StringField(
        "Mail address or mobile number",
        [Optional()],
        description="Only if the person gave one; a number only where texts are sent. Without it we answer by letter.",
    )
    helps = TextAreaField("What else did they say that helps to find them?", [Length(max=500)])
    scan = FileField("Scan of the letter", description="A picture or a PDF. Nothing that shows an identity card.")
    for_whom = RadioField(
        "For whom is it?", choices=[SelectChoice(value, text) for value, text, _hint in ask.WHOM], default="me"
    )
    person = StringField("Name of the person it is about", [Length(max=mandates.NAME_LONGEST)])
    requester = StringField("Name of the one who asks", [Length(max=mandates.NAME_LONGEST)])
    basis = SelectField("What gives them the right?", choices=[], default="")
    expires_on = DateField("Until when does it hold?", [Optional()], description="Empty if no day is written on it.")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.residence.choices = [SelectChoice(value, text) for value, text, _hint in ask.places()]
        self.language.choices = [SelectChoice(one.code, one.name) for one in LANGUAGES.values()]
        bases = {"": "Choose one"} | acting_words.BASES
        self.basis.choices = [SelectChoice(value, text) for value, text in bases.items()]


@blueprint.route("/entry", methods=["GET", "POST"])
@policy("caseworker")
def enter() -> Page:
    form = Entry()
    if not form.validate_on_submit():
        return _page(form, 422 if form.errors else 200)
    try:
        # Opening pictures is slow, so it comes before anything is written.
        scan = _prepared(form.scan.data)
        picture = _file(form.picture.data)
        prepared = rules.prepare_picture(settings(), picture) if picture else None
        entered = _enter(form, scan, prepared)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        _say(form, problem)
        return _page(form, problem.status)
    g.session.commit()
    _remember(entered.case, entered.secret_words)
    return redirect(url_for("desk_intake.letter", case_id=entered.case.id), 303)


def _page(form: Entry, status: int) -> Page:
    form.once.data = form.once.data or secrets.token_urlsafe(16)
    return render_template("caseworker/entry.html", form=form), status


def _say(form: Entry, problem: EffaceError) -> None:
    name = FIELD_OF.get(problem.code)
    if name is None:
        form.form_errors.append(problem.sentence)
    else:
        form[name].errors = [problem.sentence]


def _enter(form: Entry, scan: Paper | None, picture: rules.Prepared | None) -> rules.Submitted:
    # Two presses of one button make one request.
    if not limits.spend(g.session, "entry", form.once.data or "", 1, timedelta(days=1)):
        raise Conflict("This was entered a moment ago. You find it in the inbox.", "entered-already")
    draft = rules.open_draft(g.session)
    home = "" if form.residence.data == ask.RATHER_NOT else form.residence.data
    contact = clean_contact(g.session, form.email.data, home) if form.email.data else None
    rules.save_answers(
        g.session,
        draft,
        rights=form.rights.data,
        residence=home,
        for_whom=form.for_whom.data,
        language=form.language.data,
        helps=(form.helps.data or "").strip(),
        contact=contact,
        no_contact=contact is None,
        consent=bool(form.consent.data) or None,
    )
    _add_ways(form, draft, picture)
    if form.for_whom.data != "me":
        _add_mandate(form, draft, scan)
    came = arrivals.Came(form.how.data, form.received_on.data, form.address.data or "")
    return arrivals.enter(g.session, draft, current_user.id, came, scan)


def _add_ways(form: Entry, draft: Draft, picture: rules.Prepared | None) -> None:
    """A picture is looked for as it is; the face in it is compared only where the person agreed to that in writing."""
    if form.link.data:
        rules.add_link(g.session, draft, form.link.data)
    if form.account.data:
        rules.add_account(g.session, draft, form.account.data)
    if picture is not None:
        rules.add_picture(g.session, draft, picture, "selfie" if form.consent.data else "picture")


def _add_mandate(form: Entry, draft: Draft, scan: Paper | None) -> None:
    """Whoever acts for another by post has sent the papers with the letter: the scan holds them all."""
    if scan is None:
        raise BadInput("Scan the letter with the papers that show that they may act.", "no-scan")
    said = mandates.Said(
        form.basis.data, form.person.data or "", form.requester.data or "", tuple(form.rights.data), "",
        form.expires_on.data,
    )  # fmt: skip
    mandate = mandates.say(g.session, draft, said)
    rule = mandates.rule_of_draft(g.session, draft)
    for point in rule.points_for(said.basis):
        if point.paper:
            mandates.add_paper(g.session, mandate, rule, point.name, scan)


def _file(given: FileStorage | None) -> bytes:
    return given.read() if given and given.filename else b""


def _prepared(given: FileStorage | None) -> Paper | None:
    return prepare_paper(settings(), _file(given)) if given and given.filename else None


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    form = Entry(formdata=None)
    form.scan.errors = [too_big_sentence()]
    return _page(form, 413)


def _remember(case: Case, words: str) -> None:
    until = (clock.now() + WORDS_SHOWN).timestamp()
    session["entered"] = {"case": case.id, "words": words, "until": until}


@blueprint.get("/cases/<case_id>/first-letter")
@policy("caseworker")
def letter(case_id: str) -> Page:
    """The letter with reference and secret words, to be printed; for 15 minutes, and only by whoever entered it."""
    case = find_case(g.session, case_id)
    kept = session.get("entered") or {}
    if kept.get("case") != case.id or kept.get("until", 0) < clock.now().timestamp():
        return redirect(url_for("desk_intake.arrival", case_id=case.id), 303)
    with speaking(case.language):
        return render_template(
            "caseworker/first_letter.html",
            case=case,
            words=kept["words"],
            code=arrivals.letter_code(g.session, case),
            address=arrivals.address_of(g.session, case),
            received_on=clock.local_date(case.received_at, settings().zone),
            today=clock.local_date(clock.now(), settings().zone),
            direction=current().direction,
            link=f"{settings().address}/case",
            asked=[text for value, text, _hint in ask.RIGHTS if value in {right.right for right in case.rights}],
        )


@blueprint.post("/cases/<case_id>/first-letter/printed")
@policy("caseworker")
def printed(case_id: str) -> Page:
    session.pop("entered", None)
    return redirect(url_for("caseworker.case", case_id=case_id), 303)


@blueprint.post("/cases/<case_id>/new-words")
@policy("caseworker")
def new_words(case_id: str) -> Page:
    """Another letter, where the first was lost."""
    case = find_case(g.session, case_id)
    words = arrivals.new_words(g.session, case, current_user.id)
    g.session.commit()
    _remember(case, words)
    return redirect(url_for("desk_intake.letter", case_id=case.id), 303)


@blueprint.get("/cases/<case_id>/arrival")
@policy("caseworker")
def arrival(case_id: str) -> Page:
    """How it came, and what may show who asks without a screen."""
    case = find_case(g.session, case_id)
    found = arrivals.of_case(g.session, case)
    if found is None:
        return redirect(url_for("caseworker.case", case_id=case.id), 303)
    return render_template(
        "caseworker/arrival.html",
        **framed(g.session, case),
        arrival=found,
        how=HOW,
        code=arrivals.letter_code(g.session, case),
        by=caseworker.names_of(g.session, {found.entered_by}).get(found.entered_by, "A former account"),
        received_on=clock.local_date(case.received_at, settings().zone),
        by_post=arrivals.BY_POST,
        no_document=arrivals.NO_DOCUMENT,
    )


@blueprint.get("/cases/<case_id>/arrival/scan")
@policy("caseworker")
def scan(case_id: str) -> Response:
    """The scan of the letter. No bytes leave before the log has the line."""
    case = find_case(g.session, case_id)
    found = arrivals.open_scan(g.session, case)
    with database().writing() as writing:
        audit.append(writing, "paper-revealed", {"account": current_user.id, "case": case.id, "point": "letter"})
    return sent(found, f"{case.reference}-letter")


@blueprint.post("/cases/<case_id>/arrival/address")
@policy("caseworker")
def address(case_id: str) -> Page:
    """Name and postal address, for an envelope. The log has the line before they leave."""
    case = find_case(g.session, case_id)
    found = arrivals.address_of(g.session, case)
    audit.append(g.session, "contact-revealed", {"case": case.id, "account": current_user.id})
    g.session.commit()
    return render_template("caseworker/envelope.html", case=case, address=found)

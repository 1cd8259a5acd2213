"""A request, one question on a page. Answers are kept on the server as they come; the browser holds only a token."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from portal import clock
from portal.cases import mails
from portal.cases.acting import mandates
from portal.cases.answer import answers
from portal.cases.arrival import addresses
from portal.cases.arrival import intake as rules
from portal.cases.requester import assurance, identity
from portal.errors import BadInput, NotFound, TooMany
from portal.languages import current
from portal.languages import gettext as _
from portal.tables import Draft, Probe
from portal.web import sessions
from portal.web.context import settings
from portal.web.limits import public_network, spend
from portal.web.person import acting_words
from portal.web.person import questions as ask
from portal.web.policy import policy

blueprint = Blueprint("intake", __name__, url_prefix="/request")

Page = str | tuple[str, int] | Response

FORMS: dict[str, type[FlaskForm]] = {
    "rights": ask.Rights,
    "whom": ask.Whom,
    "residence": ask.Residence,
    "ways": ask.Ways,
    "consent": ask.Consent,
    "helps": ask.Helps,
}
# Each way to look, and the kind of probe it gives.
KIND_OF = {"face": "selfie", "link": "link", "file": "picture", "account": "account"}
# A page that asks the same question in another way.
STEP_OF = {"number": "contact"}
# So long the secret words can be seen again, in case the page is closed too soon.
WORDS_SHOWN = timedelta(minutes=15)


def held_draft() -> Draft:
    """The draft this browser fills in. Raises NotFound with what to do now."""
    draft_id = session.get("draft")
    if draft_id is None:
        raise NotFound(_("There is no request being filled in here. Please start on the first page."), "draft-gone")
    return rules.find_draft(g.session, draft_id)


def step_url(step: ask.Step | None) -> str:
    """Address of a question; of the last page when there is none left."""
    if step is None:
        return url_for("intake.check")
    if step.endpoint in {"intake.question", "intake.names"}:
        return url_for(step.endpoint, name=step.name)
    return url_for(step.endpoint)


def go_on(draft: Draft) -> Response:
    """To the first question that is still open."""
    return redirect(step_url(ask.next_open(ask.progress_of(g.session, draft))), 303)


def back_from(name: str, draft: Draft) -> str:
    """Where Back leads from a question."""
    step = ask.before(name, ask.progress_of(g.session, draft))
    return step_url(step) if step else url_for("subject.start")


def shown(name: str, draft: Draft, form: FlaskForm, status: int = 200, **more: Any) -> Page:
    """The page of a question; 422 when something in the form needs another look."""
    acting = rules.read_answers(g.session, draft).get("for_whom", "me")
    page = render_template(
        f"subject/{name}.html",
        form=form,
        name=name,
        back_to=back_from(STEP_OF.get(name, name), draft),
        acting=acting,
        **more,
    )
    return page, 422 if form.errors and status == 200 else status


@blueprint.post("/start")
@policy("public")
def start() -> Response:
    spend("draft")
    draft = rules.open_draft(g.session)
    g.session.commit()
    sessions.hold_draft(draft.id)
    if settings().stay_safe:
        return redirect(url_for("subject.stay_safe"), 303)
    return redirect(url_for("intake.question", name="rights"), 303)


@blueprint.route("/<any(rights, whom, residence, ways, consent, helps):name>", methods=["GET", "POST"])
@policy("public")
def question(name: str) -> Page:
    draft = held_draft()
    before = rules.read_answers(g.session, draft)
    form = FORMS[name](data=_as_in_form(before))
    if name == "residence" and mandates.is_acted_for(before):
        form.residence.label.text = _("Where does the person live, or where did they?")
    if not form.validate_on_submit():
        return shown(name, draft, form)
    answers = {field.name: field.data for field in form if field.type != "CSRFTokenField"}
    if answers.get("residence") == ask.RATHER_NOT:
        answers["residence"] = ""
    if ask.NOT_SURE[0] in answers.get("rights", []):
        answers["rights"] = [right for right, *_words in ask.RIGHTS if right in {"access", *answers["rights"]}]
    rules.save_answers(g.session, draft, **answers)
    if name == "whom":
        mandates.drop_other(g.session, draft)
    if name == "ways":
        _drop_other_ways(draft, answers["ways"])
    g.session.commit()
    return go_on(draft)


@blueprint.get("/next")
@policy("public")
def next_page() -> Response:
    return go_on(held_draft())


def _as_in_form(answers: dict[str, Any]) -> dict[str, Any]:
    return answers | ({"residence": ask.RATHER_NOT} if answers.get("residence") == "" else {})


def _drop_other_ways(draft: Draft, ways: list[str]) -> None:
    """What was given for a way that is not wanted any more goes at once."""
    wanted = {KIND_OF[way] for way in ways}
    for probe in rules.probes_of(g.session, draft):
        if probe.kind not in wanted:
            rules.remove_probe(g.session, probe)
    if "face" not in ways:
        rules.save_answers(g.session, draft, consent=None)


@blueprint.post("/no-face")
@policy("public")
def no_face() -> Response:
    """The person would rather not send their face: it is left out of the ways, and nothing else changes."""
    draft = held_draft()
    ways = [way for way in rules.read_answers(g.session, draft).get("ways", []) if way != "face"]
    rules.save_answers(g.session, draft, ways=ways)
    _drop_other_ways(draft, ways)
    g.session.commit()
    if not ways:
        flash(_("That is fine. Choose another way in which we can look for you."))
    return go_on(draft)


@blueprint.route("/<any(links, accounts):name>", methods=["GET", "POST"])
@policy("public")
def names(name: str) -> Page:
    """Links or account names, one at a time."""
    draft = held_draft()
    form = ask.Link() if name == "links" else ask.AccountName()
    there = _given(draft, "link" if name == "links" else "account")
    if form.validate_on_submit():
        typed = (form.text.data or "").strip()
        if typed:
            add = rules.add_link if name == "links" else rules.add_account
            try:
                add(g.session, draft, typed)
            except BadInput as problem:
                form.text.errors = [problem.sentence]
        elif not there or "more" in request.form:
            form.text.errors = [_("Enter it here, or go back and choose another way")]
        if not form.text.errors:
            g.session.commit()
            return redirect(request.path, 303) if "more" in request.form else go_on(draft)
    return shown(name, draft, form, there=there)


def _given(draft: Draft, kind: str) -> list[tuple[Probe, str]]:
    probes = rules.probes_of(g.session, draft)
    return [(probe, rules.opened(g.session, probe) or "") for probe in probes if probe.kind == kind]


@blueprint.post("/remove/<probe_id>")
@policy("public")
def remove(probe_id: str) -> Response:
    draft = held_draft()
    probe = rules.find_probe(g.session, draft, probe_id)
    page = {"selfie": "photos", "picture": "files", "link": "links", "account": "accounts"}[probe.kind]
    rules.remove_probe(g.session, probe)
    g.session.commit()
    flash(_("Removed. We do not keep it."))
    return redirect(step_url(ask.NAMES[page]), 303)


@blueprint.route("/contact", methods=["GET", "POST"])
@policy("public")
def contact() -> Page:
    return _ask_contact("contact", ask.Contact, "email")


@blueprint.route("/number", methods=["GET", "POST"])
@policy("public")
def number() -> Page:
    """The same by text message, where the organisation sends any."""
    if not settings().text_url:
        return redirect(url_for("intake.contact"), 303)
    return _ask_contact("number", ask.Number, "number")


def _ask_contact(name: str, kind: type[FlaskForm], field: str) -> Page:
    """Where the person can be written to: a code goes there."""
    if request.method == "POST":
        spend("code")
    draft = held_draft()
    given = rules.read_answers(g.session, draft).get("contact", "")
    fits = bool(given) and addresses.is_number(given) == (name == "number")
    form = kind(data={field: addresses.written(given)} if fits else None)
    if form.validate_on_submit():
        try:
            identity.send_code(g.session, draft, form[field].data)
        except (BadInput, TooMany) as problem:
            g.session.rollback()
            form[field].errors = [problem.sentence]
            return shown(name, draft, form, problem.status)
        g.session.commit()
        return redirect(url_for("intake.code"), 303)
    return shown(name, draft, form)


@blueprint.post("/no-contact")
@policy("public")
def no_contact() -> Response:
    draft = held_draft()
    if rules.read_answers(g.session, draft).get("for_whom") == "agent":
        flash(_("Somebody who acts for another must leave an address."))
        return redirect(url_for("intake.contact"), 303)
    rules.save_answers(g.session, draft, no_contact=True, contact=None)
    g.session.commit()
    return go_on(draft)


@blueprint.route("/code", methods=["GET", "POST"])
@policy("public")
def code() -> Page:
    draft = held_draft()
    contact = rules.read_answers(g.session, draft).get("contact")
    if not contact or draft.contact_confirmed_at is not None:
        return go_on(draft)
    form = ask.CodeTyped()
    if form.validate_on_submit():
        result = identity.confirm_code(g.session, draft, form.code.data)
        # A wrong try counts, too.
        g.session.commit()
        if result == "confirmed":
            return go_on(draft)
        form.code.errors = [_(identity.SENTENCES[result])]
    is_text = addresses.is_number(contact)
    back = url_for("intake.number" if is_text else "intake.contact")
    page = render_template("subject/code.html", form=form, to=addresses.written(contact), is_text=is_text, back_to=back)
    return page, 422 if form.errors else 200


@blueprint.post("/code/again")
@policy("public")
def code_again() -> Response:
    spend("code")
    draft = held_draft()
    identity.send_code(g.session, draft, rules.read_answers(g.session, draft).get("contact", ""))
    g.session.commit()
    flash(_("We sent a new code. The old one does not work any more."))
    return redirect(url_for("intake.code"), 303)


@blueprint.route("/check", methods=["GET", "POST"])
@policy("public")
def check() -> Page:
    try:
        draft = held_draft()
    except NotFound:
        if sessions.has_sent(g.session):
            return redirect(url_for("intake.sent"), 303)
        raise
    progress = ask.progress_of(g.session, draft)
    if ask.next_open(progress) is not None:
        return go_on(draft)
    form = ask.Send()
    if not form.validate_on_submit():
        rows = summary(draft, progress)
        back = step_url(ask.NAMES["helps"])
        return render_template("subject/check.html", form=form, rows=rows, back_to=back, **_pictures(draft))
    rules.save_answers(g.session, draft, language=current().code)
    _remember(rules.submit(g.session, draft, public_network()))
    g.session.commit()
    return redirect(url_for("intake.sent"), 303)


def summary(draft: Draft, progress: ask.Progress) -> list[dict[str, Any]]:
    """Rows of the check page: what was answered, and where to change it."""
    answers = progress.answers
    home = answers.get("residence") or ask.RATHER_NOT
    said: dict[str, Any] = {
        "rights": [_(text) for value, text, _hint in ask.RIGHTS if value in answers["rights"]],
        "whom": _text(ask.WHOM, answers["for_whom"]),
        "residence": _text(ask.places(), home),
        "acting": _acting(draft),
        "ways": [_(text) for value, text, _hint in ask.WAYS if value in progress.ways],
        "consent": _("Yes, you may compare my face"),
        "links": [text for _probe, text in _given(draft, "link")],
        "accounts": [text for _probe, text in _given(draft, "account")],
        "contact": _contact(answers) or _("No address. I will come back with my reference and secret words."),
        "helps": answers.get("helps") or _("Nothing"),
    }
    asked = [step for step in ask.STEPS if step.asked(progress) and step.name in said]
    return [{"key": _(step.title), "value": said[step.name], "change": step_url(step)} for step in asked]


def _contact(answers: dict[str, Any]) -> str:
    return addresses.written(answers["contact"]) if answers.get("contact") else ""


def _acting(draft: Draft) -> list[str]:
    """For whom, and by what right, in words."""
    mandate = mandates.of_draft(g.session, draft)
    if mandate is None:
        return []
    said = mandates.said_of(g.session, mandate)
    return [said.person, _(acting_words.BASES[said.basis])]


def _text(choices: list[tuple[str, str, str]], chosen: str) -> str:
    return next((_(text) for value, text, _hint in choices if value == chosen), "")


def _pictures(draft: Draft) -> dict[str, list[Probe]]:
    probes = rules.probes_of(g.session, draft)
    return {kind: [probe for probe in probes if probe.kind == kind] for kind in ("selfie", "picture")}


def _remember(sent: rules.Submitted) -> None:
    until = (clock.now() + WORDS_SHOWN).timestamp()
    sessions.exchange_draft_for_case(g.session, case=sent.case.id, words=sent.secret_words, words_until=until)


@blueprint.get("/sent")
@policy("case-holder")
def sent() -> Page:
    """The reference and the secret words. They can be seen until the person says they are kept, or 15 minutes."""
    until = datetime.fromtimestamp(session.get("words_until", 0), clock.now().tzinfo)
    if "words" not in session or until < clock.now():
        return redirect(url_for("following.overview"), 303)
    case = sessions.held_case(g.session)
    authority = answers.authority_of(case.rights[0])
    more = assurance.waits_for_person(g.session, case)
    is_text = addresses.is_number(mails.contact_of(g.session, case) or "@")
    return render_template(
        "subject/sent.html",
        case=case,
        words=session["words"],
        authority=authority,
        more=more,
        is_text=is_text,
        today=clock.local_date(clock.now(), settings().zone),
    )


@blueprint.post("/kept")
@policy("case-holder")
def kept() -> Response:
    session.pop("words", None)
    session.pop("words_until", None)
    return redirect(url_for("following.overview"), 303)

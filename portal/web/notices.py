"""For recipients: the page on which they answer a notice, and the public feeds of what was taken out of a dataset."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal.errors import BadInput, NotFound, TooLarge
from portal.languages import day, isolated, mark
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.notices import answering, feeds, links, making, wire
from portal.tables import Notice
from portal.web.context import database
from portal.web.limits import spend
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("notices", __name__)

RESULTS = {
    "erased": mark("We found them and erased all of them"),
    "nothing-held": mark("We looked and hold none of them"),
    "partly": mark("We erased some of them"),
    "refused": mark("We do not erase them"),
}


class AnswerForm(FlaskForm):  # type: ignore[misc]
    result = RadioField(_l("What did you do?"), [InputRequired(_l("Choose one answer."))])
    words = TextAreaField(
        _l("Anything that we should know"),
        description=_l("If not all of it was erased, say why. It stands on the person’s certificate."),
    )
    signed = FileField(
        _l("Or send a signed answer"),
        description=_l("The receipt that the program wrote. Its signature must be by the key that we have of you."),
    )


@blueprint.get("/notices/<notice_id>/<token>")
@policy("public")
def question(notice_id: str, token: str) -> Page:
    """What was erased here, what is asked of them, and the form. Opened once, the notice counts as read."""
    spend("notice")
    with database().writing() as writing:
        answering.read(writing, links.find(writing, notice_id, token))
        writing.commit()
    return _page(links.find(g.session, notice_id, token), token, _form(fresh=True))


@blueprint.post("/notices/<notice_id>/<token>")
@policy("public")
def answer(notice_id: str, token: str) -> Page:
    spend("notice")
    form, notice = _form(), links.find(g.session, notice_id, token)
    try:
        if form.signed.data and form.signed.data.filename:
            answering.take_signed(g.session, _text(form.signed.data.read()), notice.recipient)
        elif form.validate():
            answering.answer(g.session, notice, form.result.data, form.words.data or "")
        else:
            return _page(notice, token, form, 422)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        field = form.words if problem.code in ("reason-missing", "too-long", "zero-byte") else form.signed
        field.errors = [problem.sentence]
        return _page(links.find(g.session, notice_id, token), token, form, 422)
    g.session.commit()
    # The answer may have been the last that a certificate waited for: then seals were purged.
    database().forget_deleted_bytes()
    flash(_("Thank you. We have your answer."))
    return redirect(url_for("notices.question", notice_id=notice_id, token=token), 303)


@blueprint.post("/notices/<notice_id>/<token>/signed")
@policy("public")
def signed(notice_id: str, token: str) -> Response:
    """The same for programs: a signed answer as the whole body. The signature stands in for the form's token."""
    spend("notice")
    if (request.content_length or 0) > wire.LARGEST_ANSWER:
        raise TooLarge(_("This file is too big for an answer."))
    recipient = links.find(g.session, notice_id, token).recipient
    kept = answering.take_signed(g.session, _text(request.get_data()), recipient)
    g.session.commit()
    database().forget_deleted_bytes()
    return _plain("".join(f"{one.id} {one.state}\n" for one in kept))


@blueprint.record_once
def _without_a_form(state: BlueprintSetupState) -> None:
    state.app.extensions["csrf"].exempt(signed)


@blueprint.get("/notices/<notice_id>/<token>/file")
@policy("public")
def file(notice_id: str, token: str) -> Response:
    """The signed notice, to be kept or read by a program."""
    spend("notice")
    text = making.text_of(g.session, links.find(g.session, notice_id, token))
    if not text:
        raise NotFound(_("The file was deleted: its time was over."))
    return _plain(text, f"notice-{notice_id[:8]}.txt")


@blueprint.get("/feeds/<name>/<version>")
@policy("public")
def feed_head(name: str, version: str) -> Response:
    """The signed head of a dataset version's removal feed."""
    return _plain(feeds.find(g.session, links.read(name), links.read(version)).note)


@blueprint.get("/feeds/<name>/<version>/<int:number>")
@policy("public")
def feed_page(name: str, version: str, number: int) -> Response:
    """One page of the feed, from 0, with at most 1,000 lines."""
    return _plain(feeds.page(g.session, feeds.find(g.session, links.read(name), links.read(version)), number))


def _page(notice: Notice, token: str, form: AnswerForm, status: int = 200) -> Page:
    last = next((one["result"] for one in reversed(answering.answers_of(g.session, notice))), "")
    facts = making.facts_of(g.session, notice)
    page = render_template(
        "subject/notice.html",
        notice=notice,
        facts=facts,
        received=[(received_in_words(one), one.get("feed")) for one in facts.get("received", [])],
        token=token,
        form=form,
        answered=_(RESULTS[last]) if last in RESULTS else None,
    )
    return page, status


def received_in_words(one: dict[str, Any]) -> str:
    """What they got and when, in words."""
    name, on = isolated(one["name"]), isolated(day(date.fromisoformat(one["on"])))
    version = isolated(one["version"])
    if one["what"] == "dataset":
        return _("The dataset %(name)s, version %(version)s, on %(day)s", name=name, version=version, day=on)
    if one["what"] == "model":
        return _("The model %(name)s, version %(version)s, on %(day)s", name=name, version=version, day=on)
    return _("The photos in the store %(name)s, which we know since %(day)s", name=name, day=on)


def _form(fresh: bool = False) -> AnswerForm:
    form = AnswerForm(formdata=None) if fresh else AnswerForm()
    form.result.choices = [SelectChoice(value, _(text)) for value, text in RESULTS.items()]
    return form


def _text(data: bytes) -> str:
    if len(data) > wire.LARGEST_ANSWER:
        raise TooLarge(_("This file is too big for an answer."))
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        raise BadInput(_("This file is not a signed answer."), "not-text") from problem


def _plain(text: str, download: str = "") -> Response:
    response = Response(text, mimetype="text/plain")
    if download:
        response.headers["Content-Disposition"] = f'attachment; filename="{download}"'
    return response

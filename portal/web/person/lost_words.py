"""New secret words for who lost theirs: a code to the address they gave, and where it is closed then, what opens it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal import clock
from portal.cases import messages
from portal.cases.requester import lost_words
from portal.errors import BadInput, TooMany
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.web import sessions
from portal.web.context import settings
from portal.web.desk.caseworker import find_case
from portal.web.limits import spend
from portal.web.person.intake import WORDS_SHOWN, Page
from portal.web.person.messages import MessageForm
from portal.web.person.questions import CodeTyped
from portal.web.policy import policy

blueprint = Blueprint("lost_words", __name__)


class Lost(FlaskForm):  # type: ignore[misc]
    reference = StringField(
        _l("Your reference"),
        [InputRequired(_l("Enter your reference")), Length(max=40, message=_l("A reference looks like EF-7K3M-Q2WX"))],
        description=_l("It looks like EF-7K3M-Q2WX. It stands in all that we sent you."),
    )
    email = StringField(
        _l("The e‑mail address you gave us"),
        [InputRequired(_l("Enter where we can write to you, as you told us with your request"))],
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if settings().text_url:
            self.email.label.text = _("The e‑mail address or mobile number you gave us")
            self.email.description = _("Type a number with the code of the country, such as +44 7700 900123.")


@blueprint.route("/case/lost-words", methods=["GET", "POST"])
@policy("public")
def ask() -> Page:
    """Which request, and which address. The page after it is the same whether the two fit together or not."""
    form = Lost()
    if form.validate_on_submit():
        spend("code")
        try:
            lost_words.ask(g.session, form.reference.data, form.email.data)
        except (BadInput, TooMany) as problem:
            g.session.rollback()
            form.email.errors = [problem.sentence]
            return render_template("subject/lost_words.html", form=form), problem.status
        g.session.commit()
        session["lost"] = [form.reference.data, form.email.data]
        return redirect(url_for("lost_words.code"), 303)
    return render_template("subject/lost_words.html", form=form), 422 if form.errors else 200


@blueprint.route("/case/lost-words/code", methods=["GET", "POST"])
@policy("public")
def code() -> Page:
    if "lost" not in session:
        return redirect(url_for("lost_words.ask"), 303)
    form = CodeTyped()
    if form.validate_on_submit():
        spend("case-sign-in")
        reference, email = session["lost"]
        given = lost_words.give(g.session, reference, email, form.code.data)
        # A wrong try counts, too.
        g.session.commit()
        if given is not None:
            return _told(given)
        form.code.errors = [_("This code does not work. Check it, or ask for a new code.")]
    return render_template("subject/lost_words_code.html", form=form), 422 if form.errors else 200


def _told(given: lost_words.Given) -> Page:
    """The browser holds the request, and shows the words for a while."""
    sessions.hold_case(given.case.id)
    session.pop("lost", None)
    session["words"], session["words_until"] = given.secret_words, (clock.now() + WORDS_SHOWN).timestamp()
    return redirect(url_for("lost_words.shown"), 303)


@blueprint.get("/case/new-words")
@policy("case-holder")
def shown() -> Page:
    """The new words, until they are kept, or for 15 minutes."""
    if "words" not in session or session.get("words_until", 0) < clock.now().timestamp():
        return redirect(url_for("following.overview"), 303)
    return render_template("subject/new_words.html", case=sessions.any_case(g.session), words=session["words"])


@blueprint.route("/case/who-asks", methods=["GET", "POST"])
@policy("case-holder")
def waiting() -> Page:
    """What opens the request to its new words, and a box to write in. Nothing written before is shown."""
    case = sessions.any_case(g.session)
    since = lost_words.since(g.session, case)
    if since is None or sessions.is_person():
        return redirect(url_for("following.overview"), 303)
    form = MessageForm()
    if form.validate_on_submit():
        try:
            messages.write(g.session, case, "subject", form.text.data or "")
        except BadInput as problem:
            form.text.errors = [problem.sentence]
        else:
            g.session.commit()
            flash(_("Your message is sent. We answer here."))
            return redirect(url_for("lost_words.waiting"), 303)
    said = [one for one in messages.of_case(g.session, case, with_person=False) if one.at >= since]
    return render_template("subject/who_asks.html", form=form, case=case, said=said), 422 if form.errors else 200


@blueprint.post("/staff/cases/<case_id>/words-cleared")
@policy("caseworker")
def clear(case_id: str) -> Page:
    """The caseworker is sure again who asks."""
    case = find_case(g.session, case_id)
    lost_words.clear(g.session, case, current_user.id, request.form.get("text", ""))
    g.session.commit()
    flash("It is written down. The person sees the request again.")
    return redirect(url_for("caseworker.case", case_id=case.id), 303)

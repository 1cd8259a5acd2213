"""A token in a profile: the person's page, and what the caseworker sees and decides of it."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField

from portal.cases.requester import assurance, profiles
from portal.errors import BadInput, Conflict, TooMany
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.languages import mark
from portal.tables import Case
from portal.web import sessions
from portal.web.desk.caseworker import find_case
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("profiles", __name__)

# What the person reads of a look that found nothing. Who was not checked reads nothing about our photographs here.
TOLD = {
    "not-seen": mark("We looked, and the words were not on the page. Can everybody see your profile, without a login?"),
    "not-there": mark("The website gave us no page for this link. Can everybody see your profile, without a login?"),
    "too-slow": mark("The website took too long to answer. Please try again later."),
    "unreachable": mark("We could not reach the website. Please try again later."),
}
OTHER = mark("We could not read this page. Please try again later, or show us in another way that it is you.")
# The same for staff, shorter.
SEEN = {
    "seen": "The token was on the page.",
    "not-seen": "The page was read, and the token was not on it.",
    "not-https": "Refused: it led to a page that is not read over https.",
    "host-not-allowed": "Refused: it led to a website that is not on your list.",
    "no-such-host": "There is no website of that name.",
    "private-address": "Refused: the name leads to an address inside a network.",
    "bad-certificate": "Refused: the website's certificate is not in order.",
    "unreachable": "The website could not be reached, or answered in an odd way.",
    "too-many-redirects": "Refused: the page led on more than three times.",
    "not-there": "The website had no page there.",
    "not-a-page": "Refused: what came was no web page.",
    "too-big": "Refused: the page was too big.",
    "too-slow": "Refused: the website took too long.",
}


class LinkForm(FlaskForm):  # type: ignore[misc]
    link = StringField(_l("The link of your profile"))


class PlacedForm(FlaskForm):  # type: ignore[misc]
    token = HiddenField()


class TheirsForm(FlaskForm):  # type: ignore[misc]
    note = TextAreaField("Why this profile is the person's")


@blueprint.route("/case/profile", methods=["GET", "POST"])
@policy("case-holder")
def for_person() -> Page:
    """Give a link, get the words to put there."""
    case, form = sessions.held_case(g.session), LinkForm()
    if form.validate_on_submit():
        try:
            profiles.ask(g.session, case, form.link.data or "")
        except (BadInput, Conflict, TooMany) as problem:
            g.session.rollback()
            form.link.errors = [problem.sentence]
            return _page(case, form, problem.status)
        g.session.commit()
        return redirect(url_for("profiles.for_person"), 303)
    return _page(case, form)


@blueprint.post("/case/profile/placed")
@policy("case-holder")
def placed() -> Page:
    """The person says that the words are there."""
    case, form = sessions.held_case(g.session), PlacedForm()
    form.validate()
    try:
        profiles.placed(g.session, case, form.token.data or "")
    except (Conflict, TooMany) as problem:
        g.session.rollback()
        again = LinkForm(formdata=None)
        again.link.errors = [problem.sentence]
        return _page(case, again, problem.status)
    g.session.commit()
    flash(_("Thank you. We look for the words now. Come back to this page in a few minutes."))
    return redirect(url_for("profiles.for_person"), 303)


def _page(case: Case, form: LinkForm, status: int = 200) -> Page:
    row = profiles.of_case(g.session, case)
    valid = row is not None and profiles.is_valid(row)
    told = TOLD.get(row.seen, OTHER) if row is not None and row.state == "not-found" and row.seen else None
    page = render_template(
        "subject/profile.html",
        case=case,
        form=form,
        wanted=profiles.is_open(g.session, case),
        row=row,
        valid=valid,
        link=profiles.link_of(g.session, row) if row is not None and valid else None,
        told=_(told) if told else None,
        sites=profiles.hosts(g.session),
    )
    return page, status


@blueprint.route("/staff/cases/<case_id>/profile", methods=["GET", "POST"])
@policy("caseworker")
def of_person(case_id: str) -> Page:
    """What was seen of the token. A caseworker says whether the profile is the person's."""
    case, form, status = find_case(g.session, case_id), TheirsForm(), 200
    if form.validate_on_submit():
        try:
            assurance.accept_profile(g.session, case, current_user.id, form.note.data or "")
        except (BadInput, Conflict) as problem:
            g.session.rollback()
            form.note.errors, status = [problem.sentence], problem.status
        else:
            g.session.commit()
            return redirect(url_for("signs.with_person", case_id=case.id), 303)
    row = profiles.of_case(g.session, case)
    page = render_template(
        "caseworker/profile.html",
        case=case,
        form=form,
        row=row,
        link=profiles.link_of(g.session, row) if row else None,
        seen=SEEN.get(row.seen or "") if row else None,
        known=profiles.known_photographs(g.session, row) if row else 0,
        sites=profiles.hosts(g.session),
        still_open=case.state in assurance.OPEN_STATES,
        there=assurance.standing(g.session, case),
    )
    return page, status

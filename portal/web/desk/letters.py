"""Letters: read before they are sent, sent once, printed and saved; the person reads theirs on their own page."""

from __future__ import annotations

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal import look
from portal.cases import letters
from portal.cases.acting import mandates
from portal.cases.answer import answers
from portal.errors import NotFound
from portal.languages import gettext as _
from portal.languages import known
from portal.tables import Case, CaseRight
from portal.web import sessions
from portal.web.context import settings
from portal.web.desk.caseworker import find_case, framed
from portal.web.limits import spend
from portal.web.policy import policy

blueprint = Blueprint("letters", __name__)

Page = str | AnyResponse


@blueprint.get("/staff/cases/<case_id>/letters")
@policy("caseworker")
def of_case(case_id: str) -> Page:
    """All letters of a case that there are by now."""
    case = find_case(g.session, case_id)
    found = [
        (right, kind, letters.write(g.session, right, kind))
        for right in case.rights
        for kind in letters.kinds_of(g.session, right)
    ]
    return render_template(
        "caseworker/letters.html", **framed(g.session, case), found=found, asked=answers.RIGHTS, names=letters.NAMES
    )


@blueprint.get("/staff/cases/<case_id>/letters/<right>/<kind>")
@policy("caseworker")
def show(case_id: str, right: str, kind: str) -> Page:
    """The letter as the person reads it, and below it what is for the file only."""
    case = find_case(g.session, case_id)
    chosen = _right(case, right)
    letter = letters.write(g.session, chosen, kind)
    return render_template(
        "caseworker/letter.html",
        case=case,
        right=right,
        kind=kind,
        letter=letter,
        spoken=known(letter.language),
        name=letters.NAMES[kind],
        may_send=letters.may_send(g.session, chosen, kind),
        holds=chosen.outcome is not None or kind in letters.BEFORE,
    )


@blueprint.get("/staff/cases/<case_id>/letters/<right>/<kind>.pdf")
@policy("caseworker")
def pdf(case_id: str, right: str, kind: str) -> Page:
    """The letter on paper; with `?copy=internal` the copy for the file."""
    case = find_case(g.session, case_id)
    return _pdf(case, _right(case, right), kind, internal=request.args.get("copy") == "internal")


@blueprint.post("/staff/cases/<case_id>/letters/<right>/<kind>/send")
@policy("caseworker")
def send(case_id: str, right: str, kind: str) -> Page:
    case = find_case(g.session, case_id)
    letters.send(g.session, _right(case, right), kind, current_user.id, request.form.get("seen", ""))
    g.session.commit()
    flash("The letter is on the person's page.")
    return redirect(url_for("letters.show", case_id=case_id, right=right, kind=kind), 303)


@blueprint.get("/case/letters/<right>/<kind>.pdf")
@policy("case-holder")
def own(right: str, kind: str) -> Page:
    """A letter that was sent to the person who is signed in to the case."""
    case = sessions.held_case(g.session)
    reads = mandates.may_read_answer(g.session, case, sessions.is_person())
    for one, found in letters.of_person(g.session, case) if reads else ():
        if (one.right, found) == (right, kind):
            spend("pdf", case.id)
            return _pdf(case, one, kind)
    raise NotFound(_("There is no such letter."))


def _pdf(case: Case, right: CaseRight, kind: str, internal: bool = False) -> Response:
    letter = letters.write(g.session, right, kind)
    config = settings()
    data = letters.as_pdf(letter, config.organisation, case.reference, internal, look.logo_of(config))
    name = f"{case.reference}-{right.right}-{kind}{'-internal' if internal else ''}.pdf"
    return Response(data, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _right(case: Case, right: str) -> CaseRight:
    for one in case.rights:
        if one.right == right:
            return one
    raise NotFound("This was not asked in this request.")

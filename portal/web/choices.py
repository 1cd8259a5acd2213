"""The photographs of an answer: looking at them one by one, saying who is in them, and asking for what is next."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from portal import audit
from portal.cases import choosing, mandates, packages
from portal.errors import BadInput, NotAllowed, NotFound
from portal.languages import gettext as _
from portal.tables import Case
from portal.tables.matching import SAID
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.intake import Page
from portal.web.limits import spend
from portal.web.policy import policy

blueprint = Blueprint("choices", __name__, url_prefix="/case")


@blueprint.get("/photographs/<int:number>.jpg")
@policy("case-holder")
def picture(number: int) -> Response:
    """One photograph of the answer, with other people's faces covered as in the copy. The log says that it was seen."""
    case = _case()
    spend("photograph", case.id)
    if number not in choosing.shown(g.session, case):
        raise NotFound(_("There is no such photograph in your answer."))
    contents = packages.gather(g.session, case)
    case_id, read = case.id, packages.reader_of(g.session, contents)
    # Reading from a store is slow: nothing is held meanwhile.
    g.session.rollback()
    seen = packages.look_at(contents, number, read)
    if seen.jpeg is None:
        raise NotFound(seen.withheld or _(packages.NO_READ))
    with database().writing() as session:
        audit.append(session, "image-shown", {"case": case_id, "image": seen.held.image_id})
    return send_file(BytesIO(seen.jpeg), mimetype="image/jpeg", max_age=0)


@blueprint.post("/photographs")
@policy("case-holder")
def say() -> Page:
    """What the person says about each photograph, for the caseworker."""
    case = _case()
    said = {number: word for number in choosing.shown(g.session, case) if (word := _said(number)) is not None}
    choosing.say(g.session, case, said)
    g.session.commit()
    flash(_("Thank you. Your answers about the photographs are saved."))
    return redirect(url_for("following.overview"), 303)


def _said(number: int) -> str | None:
    word = request.form.get(f"said-{number}")
    if word is not None and word not in SAID:
        raise BadInput(_("Choose an answer for at least one photograph."), "nothing-said")
    return word


@blueprint.get("/choose")
@policy("case-holder")
def choose() -> Page:
    """What should happen to the photographs: all of them, or some."""
    return _choose_page(_case())


def _choose_page(case: Case, mistake: str | None = None, field: str = "wish-0") -> Page:
    wishes = choosing.wishes(g.session, case)
    if not wishes:
        raise NotFound(_("There is nothing more to choose here. You can write us a message."))
    page = render_template(
        "subject/choose.html",
        wishes=wishes,
        photographs=choosing.left(g.session, case),
        asked=request.args.get("wish"),
        every=request.args.get("which") != "some",
        picked=_picked(),
        mistake=mistake,
        field=field,
    )
    return page, 422 if mistake else 200


@blueprint.get("/choose/check")
@policy("case-holder")
def check() -> Page:
    """What would be asked, in words, before it is sent. Nothing is asked by looking at it."""
    case = _case()
    wish, there = request.args.get("wish", ""), choosing.left(g.session, case)
    if wish not in choosing.wishes(g.session, case):
        return _choose_page(case, _("Choose what should happen"))
    numbers = [number for number in there if number in _picked()]
    if wish == "copy" or request.args.get("which") != "some":
        numbers = there
    if not numbers:
        return _choose_page(case, _("Pick at least one photograph."), f"photograph-{there[0]}")
    cooling = round(settings().cooling_hours)
    return render_template("subject/choose_check.html", wish=wish, numbers=numbers, cooling=cooling)


@blueprint.post("/choose")
@policy("case-holder")
def ask() -> Page:
    case = _case()
    choosing.ask(g.session, case, request.form.get("wish", ""), _picked())
    g.session.commit()
    flash(_("We got it. You see here when there is an answer."))
    return redirect(url_for("following.overview"), 303)


@blueprint.post("/choose/<wish>/undo")
@policy("case-holder")
def undo(wish: str) -> Page:
    """The person changes their mind."""
    choosing.undo(g.session, _case(), wish)
    g.session.commit()
    flash(_("You changed your mind about this, so we did nothing."))
    return redirect(url_for("following.overview"), 303)


def _picked() -> set[int]:
    """The numbers that were picked, as far as they are numbers at all."""
    return set(request.values.getlist("photograph", type=int))


def _case() -> Case:
    """The case, for those to whom its answer goes. Raises NotAllowed."""
    case = sessions.held_case(g.session)
    if not mandates.may_read_answer(g.session, case, sessions.is_person()):
        raise NotAllowed(_("The answer is ready. It went to the person you act for, and not to you."))
    return case

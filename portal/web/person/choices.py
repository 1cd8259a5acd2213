"""The photographs of an answer: looking at them one by one, saying who is in them, and asking for what is next."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from portal import audit
from portal.cases.acting import mandates
from portal.cases.answer import answers, choosing, keeping, packages
from portal.errors import BadInput, NotAllowed, NotFound
from portal.languages import formats, mark
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.notices import forgetting
from portal.tables import Case
from portal.tables.matching import SAID, WISHES
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.limits import spend
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("choices", __name__, url_prefix="/case")

FORGOTTEN = {
    "face": mark("We deleted the template of your face. We cannot know your face in new photographs any more."),
    "photographs": mark("We deleted the numbers made from your photographs. The photographs may come in again."),
}


class Keep(FlaskForm):  # type: ignore[misc]
    keeps = RadioField(
        _l("What may we keep of the photographs that we delete?"), [InputRequired(_l("Choose what we may keep"))]
    )

    agrees = BooleanField(
        _l(
            "I agree that you keep a template of my face for this. It is biometric data. "
            "I can take this back at any time, without a reason."
        )
    )

    def __init__(self, offered: list[str], ends: datetime, **more: object) -> None:
        super().__init__(**more)
        years = f"{settings().suppression_years:g}"
        number = _(
            "The same photograph is then stopped when it comes again. Nobody can see the photograph in the number. "
            "Years until we delete the number, too: %(years)s.",
            years=years,
        )
        nothing = _("Then we cannot know the photograph again. It may come in again, for example from another website.")
        face = _(
            "A template is numbers made from your face in the photographs that we delete. We use it for one thing: "
            "when a new photograph of you comes in, we hold it back, and a person looks at it. We search nothing with "
            "it, and give it to nobody. We delete it on %(day)s at the latest, and at once when you ask.",
            day=formats.day(ends.date()),
        )
        words = {
            "photographs": (_("A number made from each photograph"), number),
            "face": (_("That number, and a protected template of my face"), face),
            "none": (_("Nothing of them"), nothing),
        }
        self.keeps.choices = [SelectChoice(one, words[one][0], {"hint": words[one][1]}) for one in offered]


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
        which=request.args.get("which", "all"),
        picked=_picked(),
        each=_each(),
        mistake=mistake,
        field=field,
    )
    return page, 422 if mistake else 200


@blueprint.get("/choose/check")
@policy("case-holder")
def check() -> Page:
    """What would be asked, in words, before it is sent. Nothing is asked by looking at it."""
    case = _case()
    if request.args.get("which") == "each":
        return _check_each(case)
    wish, there = request.args.get("wish", ""), choosing.left(g.session, case)
    if wish not in choosing.wishes(g.session, case):
        return _choose_page(case, _("Choose what should happen"))
    numbers = [number for number in there if number in _picked()]
    if wish == "copy" or request.args.get("which") != "some":
        numbers = there
    if not numbers:
        return _choose_page(case, _("Pick at least one photograph."), f"photograph-{there[0]}")
    return _check_page({wish: numbers})


def _check_each(case: Case) -> Page:
    # A copy is always of all of them, so it is no wish for one.
    there, wishes = choosing.left(g.session, case), set(choosing.wishes(g.session, case)).intersection(WISHES)
    picked = {number: wish for number, wish in _each().items() if number in there and wish in wishes}
    if not picked:
        return _choose_page(case, _("Pick at least one photograph."), f"each-{there[0]}-none" if there else "which-0")
    return _check_page({wish: [each for each in there if picked.get(each) == wish] for wish in WISHES})


def _check_page(asked: dict[str, list[int]]) -> Page:
    """What would be asked: the numbers of the photographs for each wish."""
    named = {wish: numbers for wish, numbers in asked.items() if numbers}
    cooling = round(settings().cooling_hours)
    return render_template("subject/choose_check.html", asked=named, cooling=cooling)


@blueprint.post("/choose")
@policy("case-holder")
def ask() -> Page:
    case = _case()
    if _each():
        choosing.ask_each(g.session, case, _each())
    else:
        choosing.ask(g.session, case, request.form.get("wish", ""), _picked())
    g.session.commit()
    flash(_("We got it. You see here when there is an answer."))
    return redirect(url_for("following.overview"), 303)


@blueprint.route("/keep", methods=["GET", "POST"])
@policy("case-holder")
def keep() -> Page:
    """What may be kept so that deleted photographs are known when they come again."""
    case = sessions.held_case(g.session)
    offered = keeping.choices(g.session, case)
    form = Keep(offered, keeping.face_ends(g.session, case), data={"keeps": keeping.chosen(case)})
    if form.validate_on_submit():
        try:
            keeping.choose(g.session, case, form.keeps.data, form.agrees.data)
        except BadInput as problem:
            form.agrees.errors = [problem.sentence]
        else:
            g.session.commit()
            flash(_("We saved what you chose."))
            return redirect(url_for("following.overview"), 303)
    if keeping.chosen(case) is not None:
        days = f"{settings().backup_days:g}"
        page = render_template("subject/keep.html", form=form, offered=offered, days=days)
        return page, 422 if form.errors else 200
    forgettable = keeping.forgettable(g.session, case, answers.is_answered(g.session, case))
    if not forgettable:
        raise NotFound(_("There is nothing more to choose here. You can write us a message."))
    return render_template("subject/kept.html", forgettable=forgettable)


@blueprint.post("/keep/forget")
@policy("case-holder")
def forget() -> Page:
    """The person takes back what they let us keep. It is destroyed before the answer is given."""
    case, what = sessions.held_case(g.session), request.form.get("what", "")
    forgetting.forget(g.session, case, what)
    g.session.commit()
    database().forget_deleted_bytes()
    flash(_(FORGOTTEN[what]))
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


def _each() -> dict[int, str]:
    """What was chosen for single photographs, by number; those that stay as they are left out."""
    named = [(name.removeprefix("each-"), wish) for name, wish in request.values.items() if name.startswith("each-")]
    return {int(number): wish for number, wish in named if number.isdecimal() and len(number) < 10 and wish != "none"}


def _case() -> Case:
    """The case, for those to whom its answer goes. Raises NotAllowed."""
    case = sessions.held_case(g.session)
    if not mandates.may_read_answer(g.session, case, sessions.is_person()):
        raise NotAllowed(_("The answer is ready. It went to the person you act for, and not to you."))
    return case

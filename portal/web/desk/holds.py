"""Legal holds: what must not be erased for now, placed by one person and agreed to by another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from portal.erasure import held_things, holds
from portal.errors import BadInput, Conflict, NotFound
from portal.tables import Dataset, Erasure, Hold, Source, Store
from portal.web.context import settings
from portal.web.desk.caseworker import names_of
from portal.web.policy import policy

blueprint = Blueprint("holds", __name__, url_prefix="/staff/holds")

Page = str | Response | tuple[str, int]

BASES = {
    "court-order": "A court ordered it",
    "regulator": "An authority asked for it",
    "legal-claim": "It is needed for a legal claim",
    "investigation": "It is needed for an investigation",
    "statute": "A law says that it must be kept for now",
}
SCOPES = {
    "image": "One photograph (write the store’s name, a colon and the file’s name)",
    "account": "All photographs of an account (write its name)",
    "case": "All photographs of a request (write its reference)",
    "store": "Everything in a store",
    "source": "Everything from a source",
    "dataset": "Everything in a dataset",
}
ENDS = {"lifted": "Lifted", "over": "Its last day is over", "not-approved": "No second person agreed in time"}
ENDED_SHOWN = 50


def _choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


class HoldForm(FlaskForm):  # type: ignore[misc]
    scope = SelectField("What must not be erased?", choices=_choices(SCOPES))
    target = StringField("Which?", [InputRequired("Say which.")], description="A name or reference.")
    basis = SelectField(
        "On what basis?", choices=_choices(BASES), description="Certificates say this, and nothing more."
    )
    why = TextAreaField("Why?", [InputRequired("Say why.")], description="For the team alone.")
    citation = StringField("The order, file or article it rests on", [InputRequired("Say on what it rests.")])
    starts_on = DateField("First day", [Optional()], description="Nothing: today.")
    ends_on = DateField("Last day", [Optional()], description="Nothing, if nobody knows yet.")
    review_on = DateField("Look again on", [Optional()], description="Needed where there is no last day.")


class LiftForm(FlaskForm):  # type: ignore[misc]
    why = TextAreaField("Why is it not needed any more?", [InputRequired("Say why the hold is not needed any more.")])


@blueprint.get("")
@policy("caseworker", "admin", "auditor")
def show() -> str:
    """The holds that stand, and those that ended last."""
    standing = list(g.session.scalars(select(Hold).where(Hold.ended_at.is_(None)).order_by(Hold.placed_at)))
    ended = select(Hold).where(Hold.ended_at.is_not(None)).order_by(Hold.ended_at.desc()).limit(ENDED_SHOWN)
    return render_template(
        "holds/list.html",
        standing=[_row(g.session, hold) for hold in standing],
        ended=[_row(g.session, hold) for hold in g.session.scalars(ended)],
    )


@blueprint.route("/new", methods=["GET", "POST"])
@policy("caseworker", "admin")
def place() -> Page:
    form = HoldForm(scope=request.args.get("scope"), target=request.args.get("target"))
    if not form.validate_on_submit():
        page = render_template("holds/new.html", form=form)
        return (page, 422) if form.errors else page
    try:
        fields = {name: value for name, value in form.data.items() if name != "csrf_token"}
        wish = holds.Wish(**{**fields, "target": _target(g.session, form.scope.data, form.target.data)})
        placed = holds.place(g.session, wish, current_user.id)
    except (BadInput, NotFound, Conflict) as problem:
        form.target.errors = [problem.sentence]
        return render_template("holds/new.html", form=form), 422
    g.session.commit()
    flash("The hold keeps from now on.")
    if placed.late:
        flash(f"It came too late for these, whose erasure has begun: {', '.join(placed.late)}.")
    return redirect(url_for("holds.one", hold_id=placed.hold.id), 303)


@blueprint.get("/<hold_id>")
@policy("caseworker", "admin", "auditor")
def one(hold_id: str) -> str:
    return _one(holds.need_hold(g.session, hold_id), LiftForm(formdata=None))


@blueprint.post("/<hold_id>/approve")
@policy("caseworker", "admin")
def approve(hold_id: str) -> Page:
    holds.approve(g.session, holds.need_hold(g.session, hold_id), current_user.id)
    g.session.commit()
    return redirect(url_for("holds.one", hold_id=hold_id), 303)


@blueprint.post("/<hold_id>/lift")
@policy("caseworker", "admin")
def lift(hold_id: str) -> Page:
    """What it kept is erased after all: the clockwork sees to it within a minute or two."""
    hold, form = holds.need_hold(g.session, hold_id), LiftForm()
    if not form.validate_on_submit():
        return _one(hold, form), 422
    holds.lift(g.session, hold, current_user.id, form.why.data)
    g.session.commit()
    flash("The hold is lifted. What it kept is erased after all, unless another hold keeps it.")
    return redirect(url_for("holds.show"), 303)


def keeping(session: Session, erasure: Erasure) -> list[dict[str, Any]]:
    """The holds that keep photographs of a plan: each with its page's row and how many they are."""
    counts = holds.on_items(session, erasure)
    return [{**_row(session, holds.need_hold(session, one)), "count": count} for one, count in counts.items()]


def _one(hold: Hold, form: LiftForm) -> str:
    people = {one for one in (hold.placed_by, hold.approved_by, hold.lifted_by) if one}
    return render_template(
        "holds/one.html",
        row=_row(g.session, hold),
        hold=hold,
        form=form,
        names=names_of(g.session, people),
        may_agree=hold.placed_by != current_user.id or not settings().two_people,
        may_act=current_user.has("caseworker", "admin"),
    )


def _row(session: Session, hold: Hold) -> dict[str, Any]:
    standing = ENDS[hold.ended_how] if hold.ended_how else "Keeps"
    if hold.ended_how is None and hold.approved_by is None:
        standing = "Keeps, and waits for a second person"
    elif hold.ended_how is None and hold.starts_on > holds.today(session):
        standing = "Not yet begun"
    return {"hold": hold, "what": held_things.name_of(session, hold), "basis": BASES[hold.basis], "standing": standing}


def _target(session: Session, scope: str, written: str) -> str:
    """The id of what was written by its name; the rules say what is wrong where there is none."""
    written = written.strip()
    if scope == "store":
        return session.scalar(select(Store.id).where(Store.name == written)) or written
    if scope == "source":
        return session.scalar(select(Source.id).where(Source.name == written)) or written
    if scope == "dataset":
        name, _, version = written.rpartition(" ")
        return session.scalar(select(Dataset.id).where(Dataset.name == name, Dataset.version == version)) or written
    return written

"""The match queue: two pictures, one question, five answers. No score, no name, no earlier answer, no reference."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import audit
from portal.cases import lifecycle
from portal.errors import Conflict, NotFound
from portal.matching import review
from portal.tables import Case
from portal.tables.matching import ANSWERS
from portal.web.context import database
from portal.web.policy import policy

blueprint = Blueprint("reviewer", __name__, url_prefix="/staff/review")

Page = str | Response | tuple[str, int]

LABELS = dict(zip(ANSWERS, ("Different", "Probably different", "Cannot tell", "Probably same", "Same"), strict=True))
# The keys of compare.html, until somebody chooses others.
KEYS = {str(place): label for place, label in enumerate(LABELS.values(), start=1)}
KEYS |= {"u": "Undo my last answer", "z": "Zoom", "c": "Show the whole picture"}
SECONDS_A_PAIR = 25


@blueprint.get("/")
@policy("reviewer")
def queue() -> Page:
    waiting = review.waiting(g.session, current_user.id)
    minutes = max(1, round(waiting * SECONDS_A_PAIR / 60))
    kept = review.kept_from(g.session, current_user.id)
    note = request.args.get("note")
    more = {"kept": kept, "note": note, "keys": KEYS}
    return render_template("reviewer/queue.html", waiting=waiting, minutes=minutes, **more)


@blueprint.post("/next")
@policy("reviewer")
def take_next() -> Page:
    return _to_next()


@blueprint.get("/<candidate_id>")
@policy("reviewer")
def compare(candidate_id: str) -> Page:
    try:
        pair = review.pair(g.session, current_user.id, candidate_id)
    except (Conflict, NotFound):
        return _not_yours()
    return render_template("reviewer/compare.html", pair=pair, labels=LABELS, whole="whole" in request.args)


@blueprint.post("/<candidate_id>")
@policy("reviewer")
def answer(candidate_id: str) -> Page:
    try:
        given, apart = request.form.get("answer", ""), request.form.getlist("apart")
        candidate = review.answer(g.session, current_user.id, candidate_id, given, apart)
    except (Conflict, NotFound):
        return _not_yours()
    lifecycle.review_finished(g.session, g.session.get_one(Case, candidate.case_id))
    return _to_next()


@blueprint.post("/undo")
@policy("reviewer")
def undo() -> Page:
    try:
        candidate = review.undo(g.session, current_user.id)
    except Conflict:
        return redirect(url_for("reviewer.queue", note="too-late"), 303)
    g.session.commit()
    if candidate is None:
        return redirect(url_for("reviewer.queue", note="nothing"), 303)
    if candidate.lease_account_id != current_user.id:
        return redirect(url_for("reviewer.queue", note="later"), 303)
    return redirect(url_for("reviewer.compare", candidate_id=candidate.id), 303)


@blueprint.get("/<candidate_id>/sent.jpg")
@policy("reviewer")
def sent(candidate_id: str) -> Response:
    """The face that was sent, for the reviewer who holds the pair."""
    data = review.pair(g.session, current_user.id, candidate_id).sent
    if data is None:
        raise NotFound("There is no such picture.")
    return _jpeg(data)


@blueprint.get("/<candidate_id>/found.jpg")
@policy("reviewer")
def found(candidate_id: str) -> Response:
    """The face that was found, for the reviewer who holds the pair."""
    return _jpeg(review.pair(g.session, current_user.id, candidate_id).found)


@blueprint.get("/<candidate_id>/whole.jpg")
@policy("reviewer")
def whole(candidate_id: str) -> Response:
    """The whole found picture, on demand. No bytes leave before the log has the line."""
    data = review.whole(g.session, current_user.id, candidate_id)
    with database().writing() as session:
        review.held_by(session, current_user.id, candidate_id)
        audit.append(session, "image-revealed", {"account": current_user.id, "candidate": candidate_id})
    return _jpeg(data)


def _to_next() -> Page:
    candidate = review.next_pair(g.session, current_user.id)
    g.session.commit()
    if candidate is None:
        return redirect(url_for("reviewer.queue"), 303)
    return redirect(url_for("reviewer.compare", candidate_id=candidate.id), 303)


def _not_yours() -> Page:
    """The pair went to somebody else, or was settled: an everyday thing, with one button to go on."""
    return render_template("reviewer/gone.html"), 409


def _jpeg(data: bytes) -> Response:
    return send_file(BytesIO(data), mimetype="image/jpeg", max_age=0)

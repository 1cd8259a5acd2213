"""The match queue: two pictures, one question, five answers. No score, no name, no earlier answer, no reference.

A pair with a known answer has the same page and the same addresses as one of a case, until it is answered.
"""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import audit
from portal.cases import lifecycle
from portal.errors import Conflict, NotFound
from portal.matching import batch, eligible, practice, review, second_thoughts, thresholds
from portal.matching.looks import Good, Pair
from portal.tables import Candidate, Case, KnownLook
from portal.tables.matching import ANSWERS, PASS_REASONS
from portal.web.context import database, settings
from portal.web.policy import policy

blueprint = Blueprint("reviewer", __name__, url_prefix="/staff/review")

Page = str | Response | tuple[str, int]

LABELS = dict(zip(ANSWERS, ("Different", "Probably different", "Cannot tell", "Probably same", "Same"), strict=True))
REASONS = dict(
    zip(
        PASS_REASONS,
        ("I know this person, or I may", "It is too hard for me", "I do not want to look at this picture"),
        strict=True,
    )
)
# The keys of all pages here, until somebody chooses others.
KEYS = {str(place): label for place, label in enumerate(LABELS.values(), start=1)}
KEYS |= {"←": "Photo before", "→": "Next photo"}
KEYS |= {"u": "Undo my last answer", "z": "Zoom", "f": "Flip", "c": "Show the whole picture"}
KEYS |= {"s": "Leave this pair to others", "x": "Pass it to a senior"}
KEYS |= {"n": "Next pair", "o": "Show what the others said"}
# All keys under one hand; those that lie there already stay.
HANDS = {
    "Keys for the left hand": {"u": "q", "n": "w", "o": "e", "←": "a", "→": "d"},
    "Keys for the right hand": {
        **{"1": "6", "2": "7", "3": "8", "4": "9", "5": "0"},
        **{"z": "i", "f": "k", "c": "l", "s": "j", "x": "m"},
    },
}
WISHES = {
    "blur": "Blur pictures until I point at them or move to them",
    "grey": "Show pictures without colours",
    "contrast": "Strong contrast of texts and lines",
    "enter": "An answer needs two keys: its own, then Enter",
    "breaks": "Remind me of a break every 45 minutes",
}
# To rate part by part made people better at telling faces apart; the ratings themselves are not kept.
PARTS = ("Hair line and forehead", "Brows and eyes", "Nose", "Mouth and chin", "Ears", "Marks on the skin")
SECONDS_A_PAIR = 25


@blueprint.get("/")
@policy("reviewer")
def queue() -> Page:
    waiting = review.waiting(g.session, current_user.id)
    return render_template(
        "reviewer/queue.html",
        waiting=waiting,
        batches=settings().batch,
        minutes=max(1, round(waiting * SECONDS_A_PAIR / 60)),
        kept=review.kept_from(g.session, current_user.id),
        note=request.args.get("note"),
        keys=KEYS,
        hands=HANDS,
        wishes=WISHES,
        standing=practice.standing(g.session, current_user.id),
        gate=practice.GATE,
        least=practice.LEAST_RIGHT,
        errors=thresholds.errors_now(g.session),
    )


@blueprint.post("/next")
@policy("reviewer")
def take_next() -> Page:
    return _to_next()


@blueprint.get("/<look_id>")
@policy("reviewer")
def compare(look_id: str) -> Page:
    look = _known(look_id)
    try:
        if look is not None and look.answer is not None:
            return _told(look, look.answer)
        pair = _pair(look_id)
    except (Conflict, NotFound):
        return _not_yours()
    parts = PARTS if settings().likeness and pair.sent and len(pair.together) == 1 else ()
    shown = {"labels": LABELS, "parts": parts, "whole": "whole" in request.args, "photo": min(_photo(), pair.photos)}
    shown["older"] = request.args.get("note") == "older"
    shown["senior"] = not current_user.has("senior") and bool(eligible.seniors(g.session))
    return render_template("reviewer/compare.html", pair=pair, **shown)


@blueprint.post("/<look_id>")
@policy("reviewer")
def answer(look_id: str) -> Page:
    """Record an answer. A script that has the next pair ready is told where to go; else a browser is led there."""
    led = _answer(look_id)
    if isinstance(led, Response) and request.headers.get("Accept") == "text/plain":
        return Response(led.location, mimetype="text/plain")
    return led


def _answer(look_id: str) -> Page:
    given, apart, shown = request.form.get("answer", ""), request.form.getlist("apart"), request.form.getlist("shown")
    try:
        look = _known(look_id)
        if look is not None:
            practice.answer(g.session, look, given)
            g.session.commit()
            return redirect(url_for("reviewer.compare", look_id=look_id), 303)
        candidate = review.answer(g.session, current_user.id, look_id, given, apart, _good(look_id), shown)
    except (Conflict, NotFound):
        return _not_yours()
    lifecycle.review_finished(g.session, g.session.get_one(Case, candidate.case_id))
    if look_id not in apart and second_thoughts.has_settled(g.session, current_user.id, look_id):
        g.session.commit()
        return redirect(url_for("reviewer.third", look_id=look_id), 303)
    return _to_next()


def _good(look_id: str) -> Good | None:
    """Which pictures were said to be good enough to tell; None where the page did not ask."""
    if "asked-good" not in request.form:
        return None
    poor = set(request.form.getlist("poor"))
    return Good("sent" not in poor if _pair(look_id).sent else None, "found" not in poor)


@blueprint.post("/<look_id>/ahead")
@policy("reviewer")
def ahead(look_id: str) -> Page:
    """Hand out the pair after this one, so that its pictures are there once this one is answered."""
    # After a known pair comes one of a case: what this look is must not be told by what follows.
    found = _next(look_id) if _known(look_id) is None else review.next_pair(g.session, current_user.id)
    g.session.commit()
    return Response("" if found is None else url_for("reviewer.compare", look_id=found.id), mimetype="text/plain")


@blueprint.post("/batch")
@policy("reviewer")
def take_batch() -> Page:
    taken = batch.take(g.session, current_user.id)
    g.session.commit()
    return redirect(url_for("reviewer.many") if taken else url_for("reviewer.queue", note="no-batch"), 303)


@blueprint.get("/batch")
@policy("reviewer")
def many() -> Page:
    """One sent face beside many found ones, to find those that need a look of their own."""
    held = batch.held_by(g.session, current_user.id)
    return render_template("reviewer/many.html", held=held) if held else _not_yours()


@blueprint.post("/batch/answer")
@policy("reviewer")
def answer_many() -> Page:
    try:
        marked = request.form.getlist("marked")
        answered = batch.answer(g.session, current_user.id, request.form.getlist("shown"), marked)
    except (Conflict, NotFound):
        return _not_yours()
    for case_id in {one.case_id for one in answered}:
        lifecycle.review_finished(g.session, g.session.get_one(Case, case_id))
    return _to_next()


@blueprint.get("/<look_id>/third")
@policy("reviewer")
def third(look_id: str) -> Page:
    """Your answer decided. You may see what the two before you said; then it stays."""
    if not second_thoughts.has_settled(g.session, current_user.id, look_id):
        return _not_yours()
    return render_template("reviewer/third.html", look_id=look_id, settled=None, labels=LABELS)


@blueprint.post("/<look_id>/third")
@policy("reviewer")
def show_others(look_id: str) -> Page:
    settled = second_thoughts.show_others(g.session, current_user.id, look_id)
    if settled is None:
        return _not_yours()
    g.session.commit()
    return render_template("reviewer/third.html", look_id=look_id, settled=settled, labels=LABELS)


@blueprint.get("/<look_id>/leave")
@policy("reviewer")
def leave(look_id: str) -> Page:
    return render_template("reviewer/leave.html", look_id=look_id, reasons=REASONS)


@blueprint.post("/<look_id>/leave")
@policy("reviewer")
def leave_to_others(look_id: str) -> Page:
    """Somebody else judges this pair. Of a pair with a known answer it says that one could not tell."""
    reason = request.form.get("reason", "")
    try:
        look = _known(look_id)
        if look is not None:
            second_thoughts.known_reason(reason)
            practice.answer(g.session, look, "cannot-tell")
            g.session.commit()
            return redirect(url_for("reviewer.compare", look_id=look_id), 303)
        second_thoughts.pass_on(g.session, current_user.id, look_id, reason)
    except (Conflict, NotFound):
        return _not_yours()
    return _to_next()


@blueprint.post("/undo")
@policy("reviewer")
def undo() -> Page:
    try:
        undone = second_thoughts.undo(g.session, current_user.id)
    except Conflict:
        return redirect(url_for("reviewer.queue", note="too-late"), 303)
    g.session.commit()
    if undone is None:
        return redirect(url_for("reviewer.queue", note="nothing"), 303)
    if undone.candidate.lease_account_id != current_user.id:
        return redirect(url_for("reviewer.queue", note="later"), 303)
    older = None if undone.last else "older"
    return redirect(url_for("reviewer.compare", look_id=undone.candidate.id, note=older), 303)


@blueprint.get("/<look_id>/sent.jpg")
@policy("reviewer")
def sent(look_id: str) -> Response:
    """The face that was sent, or one of several, for the reviewer who holds the pair."""
    look = _known(look_id)
    if look is not None:
        data = practice.sent_picture(g.session, look, _photo())
    else:
        data = review.sent_picture(g.session, current_user.id, look_id, _photo())
    if data is None:
        raise NotFound("There is no such picture.")
    return _jpeg(data)


@blueprint.get("/<look_id>/found.jpg")
@policy("reviewer")
def found(look_id: str) -> Response:
    """The face that was found, for the reviewer who holds the pair."""
    look = _known(look_id)
    found = (
        practice.found_picture(g.session, look) if look else review.found_picture(g.session, current_user.id, look_id)
    )
    return _jpeg(found)


@blueprint.get("/<look_id>/whole.jpg")
@policy("reviewer")
def whole(look_id: str) -> Response:
    """The whole found picture, on demand. No bytes leave before the log has the line."""
    look = _known(look_id)
    data = practice.whole(g.session, look) if look else review.whole(g.session, current_user.id, look_id)
    with database().writing() as session:
        if look is None:
            review.held_by(session, current_user.id, look_id)
        audit.append(session, "image-revealed", {"account": current_user.id, "candidate": look_id})
    return _jpeg(data)


def _photo() -> int:
    """Which of the sent photographs is asked for, from 1."""
    return max(1, request.args.get("photo", 1, int))


def _known(look_id: str) -> KnownLook | None:
    return practice.find_look(g.session, current_user.id, look_id)


def _pair(look_id: str) -> Pair:
    look = _known(look_id)
    return practice.pair(g.session, look) if look else review.pair(g.session, current_user.id, look_id)


def _told(look: KnownLook, given: str) -> Page:
    """The true answer, after one's own."""
    right = practice.is_right(look.pair.same, given)
    hasty = look.seconds is not None and look.seconds < practice.HASTY
    return render_template("reviewer/told.html", look=look, given=LABELS[given], right=right, hasty=hasty)


def _to_next() -> Page:
    found = _next()
    g.session.commit()
    if found is None:
        return redirect(url_for("reviewer.queue"), 303)
    return redirect(url_for("reviewer.compare", look_id=found.id), 303)


def _next(after: str | None = None) -> KnownLook | Candidate | None:
    """Hand out the next look; `after`: the one that they look at now."""
    me = current_user.id
    look = practice.next_look(g.session, me, lambda: review.has_next(g.session, me), ahead=after is not None)
    return look or review.next_pair(g.session, me, but=after)


def _not_yours() -> Page:
    """The pair went to somebody else, or was settled: an everyday thing, with one button to go on."""
    return render_template("reviewer/gone.html"), 409


def _jpeg(data: bytes) -> Response:
    return send_file(BytesIO(data), mimetype="image/jpeg", max_age=0)

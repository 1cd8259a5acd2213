"""The gate for other programs: may this content come in? They show the token that EFFACE_GATE_TOKEN holds.

Whoever may ask can learn whether a photograph was erased, so nobody may without the token; without a setting nobody
may at all. What is sent is looked at and not kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, g, jsonify, request
from sqlalchemy.orm import Session

from portal import images, suppression
from portal.errors import BadInput, BadPicture, EffaceError, NotAllowed, TooLarge
from portal.suppression import Gate
from portal.suppression.asking import FaceAsker
from portal.suppression.faces import any_kept
from portal.web.context import settings
from portal.web.limits import spend
from portal.web.policy import policy

blueprint = Blueprint("gate", __name__, url_prefix="/gate")

DIGEST = re.compile(r"[0-9a-f]{64}")
MOST_DIGESTS = 100_000
LEAST = 256
PLACES = ("intake", "datasets")
# So that two requests at once start one process.
ASKING = threading.Lock()


@blueprint.post("")
@policy("public")
def look() -> Response:
    """The body is a file. `{"stopped": true, "by": "bytes"}`; `by` is null, `bytes`, or `likeness` when saved anew.

    With `?faces=yes` what is not stopped is looked at for faces that people asked to keep out. `held` says then
    whether a person has to look before it comes in, and `by` is `face`.
    """
    _see_token()
    data = request.get_data(cache=False)
    if not data:
        raise BadInput("Send the file as the body of the request.", "no-file")
    blocks, gate, digest = _place(), _gate(g.session), hashlib.sha256(data).digest()
    near = _near_digest(data)
    by = "bytes" if gate.stops(digest, None, blocks) else "likeness" if gate.stops(digest, near, blocks) else None
    answer = {"stopped": by is not None, "by": by, "picture": near is not None}
    if _asks_for_faces():
        held = by is None and near is not None and _is_held(data)
        answer |= {"held": held, "by": "face" if held else by}
    return jsonify(answer)


@blueprint.post("/digests")
@policy("public")
def look_at_digests() -> Response:
    """The body has a SHA-256 in hexadecimal on each line. The answer has a line of JSON for each, in their order.

    Only the very bytes are told by it: a photograph that was saved anew is not.
    """
    _see_token()
    lines = request.get_data(cache=False, as_text=True).split()
    if len(lines) > MOST_DIGESTS:
        raise TooLarge(f"Ask for at most {MOST_DIGESTS} digests at once.")
    for number, line in enumerate(lines, 1):
        if not DIGEST.fullmatch(line):
            raise BadInput(f"Line {number} is not a SHA-256 in 64 small hexadecimal signs.", "no-digest")
    blocks, gate = _place(), _gate(g.session)

    def answers() -> Iterator[str]:
        for line in lines:
            stopped = gate.stops(bytes.fromhex(line), None, blocks)
            yield json.dumps({"sha256": line, "stopped": stopped}) + "\n"

    return Response(answers(), mimetype="application/x-ndjson")


@blueprint.errorhandler(EffaceError)
def in_json(problem: EffaceError) -> tuple[Response, int]:
    """Programs read this, not people."""
    return jsonify({"error": problem.code, "sentence": problem.sentence}), problem.status


def _see_token() -> None:
    """Raises NotAllowed without the right one. Only wrong ones are counted: a program asks for many files."""
    wanted = settings().gate_token
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if wanted and hmac.compare_digest(shown.encode(), wanted.encode()):
        return
    spend("gate-token")
    raise NotAllowed("This needs the token of the gate, as `Authorization: Bearer TOKEN`.", "no-token")


def _asks_for_faces() -> bool:
    asked = request.args.get("faces", "no")
    if asked not in ("yes", "no"):
        raise BadInput("`faces` is yes or no.", "unknown-word")
    return asked == "yes"


def _is_held(data: bytes) -> bool:
    """Asks a process apart: this one never loads a network. Where no face is kept, nobody is asked."""
    if not any_kept(g.session):
        return False
    # Looking is slow: nothing is held meanwhile.
    g.session.rollback()
    with ASKING:
        asker: FaceAsker = current_app.extensions.setdefault("faces", FaceAsker(settings()))
    return asker.ask(data) == "held"


def _place() -> str:
    place = request.args.get("for", "intake")
    if place not in PLACES:
        raise BadInput("`for` is intake or datasets.", "unknown-place")
    return place


def _gate(session: Session) -> Gate:
    """Read once, and again when something was added. A promise that ended meanwhile may count until then."""
    newest = suppression.newest(session)
    kept: tuple[object, Gate] | None = current_app.extensions.get("gate")
    if kept is None or kept[0] != newest:
        kept = current_app.extensions["gate"] = (newest, Gate(session))
    return kept[1]


def _near_digest(data: bytes) -> bytes | None:
    """None for what is no picture: it is compared by its exact bytes only."""
    try:
        return images.near_digest(images.open_picture(data, least=LEAST).pixels)
    except BadPicture:
        return None

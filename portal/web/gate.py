"""The gate for other programs: may this content come in? They show the token that EFFACE_GATE_TOKEN holds.

Whoever may ask can learn whether a photograph was erased, so nobody may without the token; without a setting nobody
may at all. What is sent is looked at and not kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, g, jsonify, request
from sqlalchemy.orm import Session

from portal import images, suppression
from portal.errors import BadInput, BadPicture, EffaceError, NotAllowed, TooLarge
from portal.suppression import Gate
from portal.web.context import settings
from portal.web.limits import spend
from portal.web.policy import policy

blueprint = Blueprint("gate", __name__, url_prefix="/gate")

DIGEST = re.compile(r"[0-9a-f]{64}")
MOST_DIGESTS = 100_000
LEAST = 256
PLACES = ("intake", "datasets")


@blueprint.post("")
@policy("public")
def look() -> Response:
    """The body is a file. `{"stopped": true, "by": "bytes"}`; `by` is null, `bytes`, or `likeness` when saved anew."""
    _see_token()
    data = request.get_data(cache=False)
    if not data:
        raise BadInput("Send the file as the body of the request.", "no-file")
    blocks, gate, digest = _place(), _gate(g.session), hashlib.sha256(data).digest()
    near = _near_digest(data)
    by = "bytes" if gate.stops(digest, None, blocks) else "likeness" if gate.stops(digest, near, blocks) else None
    return jsonify({"stopped": by is not None, "by": by, "picture": near is not None})


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

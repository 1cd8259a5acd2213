"""What is kept out, in numbers; and photographs that were held back because of a face, for a person to look at.

Nobody sees whose face that may be, or any face that is kept: only the photograph, and where it came from.
"""

from __future__ import annotations

import hashlib
from io import BytesIO

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal import audit, images, stores
from portal.errors import BadPicture, NotFound, ObjectUnreadable, TooLarge
from portal.keys import keys_of
from portal.suppression import PURPOSE, held_back, standing
from portal.tables import Image, ManifestEntry, Store
from portal.web.context import database
from portal.web.policy import policy

blueprint = Blueprint("kept_out", __name__, url_prefix="/staff/kept-out")

MODES = {
    "photographs": "Numbers made from photographs",
    "face": "A protected template of the face",
    "none": "Nothing, as the person asked",
    "orders": "Numbers made from photographs, for orders",
}
SHOWN = 20
GONE = "This photograph is not there any more, or has changed. The next scan looks at it again."


@blueprint.get("")
@policy("caseworker", "admin")
def show() -> str:
    """How much is kept by mode and until when; and the oldest of what was held back, for caseworkers."""
    waiting = held_back.waiting(g.session)
    shown = waiting[:SHOWN] if current_user.has("caseworker") else []
    return render_template(
        "gate/kept_out.html",
        modes=[(MODES[one.mode], one) for one in standing.by_mode(g.session)],
        waiting=len(waiting),
        shown=[(row, g.session.get_one(Store, row.image.store_id), _said(row.image)) for row in shown],
    )


@blueprint.get("/<int:held_id>.jpg")
@policy("caseworker")
def picture(held_id: int) -> Response:
    """The photograph as it lies in its store. The log says who looked."""
    row = held_back.need(g.session, held_id)
    image, digest, keys = row.image_id, row.digest, keys_of(g.session)
    store, key = g.session.get_one(Store, row.image.store_id), row.image.key
    # Reading from a store is slow: nothing is held meanwhile.
    g.session.rollback()
    try:
        data = stores.connect(store).open(key)
        if keys.digest(PURPOSE, hashlib.sha256(data).digest()) != digest:
            raise NotFound(GONE)
        jpeg = images.to_jpeg(images.open_picture(data).pixels, longest=960)
    except (BadPicture, ObjectUnreadable, TooLarge) as problem:
        raise NotFound(GONE) from problem
    with database().writing() as session:
        audit.append(session, "image-revealed", {"account": current_user.id, "image": image})
    return send_file(BytesIO(jpeg), mimetype="image/jpeg", max_age=0)


@blueprint.post("/<int:held_id>")
@policy("caseworker")
def decide(held_id: int) -> Response:
    row = held_back.need(g.session, held_id)
    state = request.form.get("state", "")
    held_back.decide(g.session, row, state, current_user.id, request.form.get("note", ""))
    g.session.commit()
    flash("It comes in with the next scan of its store." if state == "let-in" else "It stays outside.")
    return redirect(url_for("kept_out.show"), 303)


def _said(image: Image) -> ManifestEntry | None:
    """What the manifest says of it: where it came from may be all that helps to decide."""
    found: ManifestEntry | None = g.session.scalar(
        select(ManifestEntry).filter_by(store_id=image.store_id, key=image.key)
    )
    return found

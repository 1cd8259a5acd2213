"""Taking one face out of a photograph that stays, in its store, in the database, and looking at it again."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from portal import clock, images, stores
from portal.blobs import purge_blob, put_blob
from portal.cases import lifecycle
from portal.errors import BadPicture, Conflict, NotFound
from portal.images import Box
from portal.tables import Candidate, Case, ErasureItem, Face, Image, Store

MASKED, CROPPED, DROPPED, ABSENT = "masked", "cropped", "template-dropped", "already-absent"
# Pixels of the longer side of a whole picture that reviewers judge.
SHOWN = 960
RESULTS = {"mask": MASKED, "crop": CROPPED}


def make(store: Store, facts: dict[str, Any]) -> bytes | None:
    """The photograph without the face; None when the object is gone, or is that already (`to` in `facts`).

    Raises Conflict when its bytes are others than the approved ones, or no picture that can be written again.
    """
    try:
        data = stores.connect(store).open(facts["key"])
    except NotFound:
        return None
    digest = hashlib.sha256(data).hexdigest()
    if digest == facts.get("to"):
        return None
    if digest != facts["digest"]:
        raise Conflict("The photograph has changed since the plan was approved. It was not touched.", "content-changed")
    try:
        picture = images.open_picture(data)
    except BadPicture as problem:
        raise Conflict("The photograph cannot be opened, so nothing was taken out of it.", "not-a-picture") from problem
    if picture.format not in images.FORMATS:
        raise Conflict("A photograph of this form cannot be written again. It was not touched.", "form-unknown")
    return images.redacted(picture.pixels, picture.format, _box(facts["box"]), _window(facts))


def put(store: Store, facts: dict[str, Any], data: bytes) -> None:
    """Put the new picture in the place of the old one. Raises Conflict when that has changed meanwhile."""
    connector = stores.connect(store)
    if not isinstance(connector, stores.Replacing):
        raise Conflict("This store cannot put another picture in the place of one.", "cannot-replace")
    connector.replace_copy(facts["key"], bytes.fromhex(facts["digest"]), data)


def finish(store: Store, facts: dict[str, Any]) -> None:
    """Take away what a run that was killed left of the old picture behind the new one. Raises Conflict."""
    connector = stores.connect(store)
    if isinstance(connector, stores.Versioned):
        connector.erase_older(facts["key"], bytes.fromhex(facts["digest"]))


def drop_face(session: Session, item: ErasureItem, facts: dict[str, Any]) -> str:
    """Delete the face and with it its templates. Who else was suspected to be it has nothing left to be judged by."""
    if facts["remedy"] == "template":
        _mark(session, int(item.target))
    for candidate in session.scalars(select(Candidate).filter_by(face_id=int(item.target), state="open")):
        candidate.state, candidate.settled_at = "gone", clock.now()
        session.flush()
        lifecycle.review_finished(session, session.get_one(Case, candidate.case_id))
    # The foreign key takes the templates with the face.
    gone = session.execute(delete(Face).where(Face.id == int(item.target)))
    if facts["remedy"] == "template":
        return DROPPED
    return "deleted" if gone.rowcount else ABSENT  # type: ignore[attr-defined]


def record(session: Session, item: ErasureItem, facts: dict[str, Any]) -> str:
    """Write down what the store now holds. Harmless when it is written down already."""
    _mark(session, facts["face"])
    image = session.get_one(Image, item.image_id)
    to = (item.evidence or {}).get("to")
    if to is None:
        return ABSENT
    window = _window(facts)
    if image.digest != bytes.fromhex(to):
        image.digest, image.near_digest = bytes.fromhex(to), None
        image.size = (item.evidence or {}).get("size")
        # The next scan sees that it is another object, and looks at it.
        image.version = None
        if window is not None:
            _move_faces(session, image, window, facts["face"])
    session.flush()
    return RESULTS[facts["remedy"]]


def whole_to_judge(session: Session, facts: dict[str, Any], image_id: int | None) -> list[Candidate]:
    """Candidates of any case that are judged by the whole photograph, because it is not known which face is meant."""
    waiting = (Candidate.face_id.is_(None), Candidate.state == "open", Candidate.crop_id.is_not(None))
    if "box" not in facts:
        return []
    return list(session.scalars(select(Candidate).where(Candidate.image_id == image_id, *waiting)))


def picture_left(store: Store, facts: dict[str, Any]) -> bytes | None:
    """What the store holds now, as reviewers see it; None when it is gone."""
    try:
        pixels = images.open_picture(stores.connect(store).open(facts["key"])).pixels
    except NotFound:
        return None
    return images.to_jpeg(pixels, longest=SHOWN)


def renew(session: Session, item: ErasureItem, facts: dict[str, Any], left: bytes | None) -> None:
    """Whole pictures that somebody still has to judge show what is left of the photograph from now on."""
    for candidate in whole_to_judge(session, facts, item.image_id):
        old = candidate.crop_id
        if left is None:
            candidate.state, candidate.settled_at = "gone", clock.now()
        else:
            candidate.crop_id = put_blob(session, "candidate-crop", left, "image/jpeg").id
        session.flush()
        purge_blob(session, old)
        if left is None:
            lifecycle.review_finished(session, session.get_one(Case, candidate.case_id))


def look_at_face(session: Session, item: ErasureItem) -> dict[str, Any]:
    """Whether the face's row, and with it its templates, is gone."""
    left = session.scalar(text("SELECT count(*) FROM face WHERE id = :id"), {"id": int(item.target)})
    return {"gone": left == 0, "by": "the gallery's rows were counted", "left": left}


def look_at_picture(store: Store, item: ErasureItem, facts: dict[str, Any]) -> dict[str, Any]:
    """The new picture is read back from the store and opened: it must be the one, without anything at that place."""
    to = (item.evidence or {}).get("to")
    seen = {"by": "the picture was read back and opened", "to": to, "size": (item.evidence or {}).get("size")}
    connector = stores.connect(store)
    if isinstance(connector, stores.Versioned) and connector.has_older(facts["key"], bytes.fromhex(facts["digest"])):
        return {**seen, "gone": False, "store": "an older version is there"}
    try:
        data = connector.open(facts["key"])
    except NotFound:
        return {**seen, "gone": True, "store": "absent"}
    pixels = images.open_picture(data).pixels
    window = _window(facts)
    if window is None:
        clean = images.is_covered(pixels, _box(facts["box"]))
    else:
        clean = pixels.shape[:2] == (window[3] - window[1], window[2] - window[0])
    return {**seen, "gone": clean and hashlib.sha256(data).hexdigest() == to, "clean": clean}


def _mark(session: Session, face_id: int) -> None:
    """No later plan of any case takes the photograph up again because of this face."""
    for candidate in session.scalars(select(Candidate).filter_by(face_id=face_id)):
        candidate.remedied_at = candidate.remedied_at or clock.now()
    session.flush()


def _move_faces(session: Session, image: Image, window: Box, own: int) -> None:
    """The other faces lie elsewhere in what is left, or are gone with what was cut away. The own is dropped next."""
    left, top, right, bottom = window
    for face in session.scalars(select(Face).where(Face.image_id == image.id, Face.id != own)):
        if images.holds(window, face.box):
            face.left, face.top = face.left - left, face.top - top
            face.right, face.bottom = face.right - left, face.bottom - top
        else:
            session.delete(face)
    image.width, image.height = right - left, bottom - top


def _box(numbers: list[int]) -> Box:
    left, top, right, bottom = numbers
    return left, top, right, bottom


def _window(facts: dict[str, Any]) -> Box | None:
    return _box(facts["window"]) if facts.get("window") else None

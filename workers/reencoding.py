"""Filling the gallery of an encoder that was added, from the photographs that are held, while the old one is searched.

Each page is recorded in one transaction with its cursor. What cannot be read any more, or has changed since it was
scanned, is counted: the next scan of its store looks at it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import images, stores
from portal.errors import BadPicture, LostLease, NotFound, ObjectUnreadable, TooLarge
from portal.jobs import Lease
from portal.keys import keys_of
from portal.matching import encoders as rules
from portal.stores import Connector
from portal.tables import Encoder as Row
from portal.tables import Face, Image, Reencoding, Store, Template
from workers import encoder as encoders
from workers.encoder import Encoder

log = logging.getLogger(__name__)

PAGE = 32
DROPPED_AT_ONCE = 5000


@dataclass(frozen=True)
class _Held:
    """An image of a page: where it lies, and those of its faces that have no template of the new encoder yet."""

    image_id: int
    connector: Connector
    key: str
    digest: bytes
    faces: list[tuple[int, images.Box]]


def work(lease: Lease) -> None:
    """Go on after the cursor until every image has been gone through, then let the new gallery take over.

    Raises StoreUnavailable when a store is away: it is tried again later.
    """
    database = lease.database
    encoder = _encoder(lease)
    with images.Opener() as opener:
        started = time.monotonic()
        while page := _next_page(lease):
            found = {one.image_id: _templates(one, opener, encoder) for one in page if one.faces}
            if lease.lost.is_set():
                raise LostLease("Another worker goes on with this gallery.")
            _record(lease, page, found, time.monotonic() - started)
            started = time.monotonic()
    with database.writing() as session:
        lease.hold(session)
        rules.make_live(session, session.get_one(Reencoding, lease.row_id).encoder)
    while _drop_some(lease):
        log.info("templates of the retired encoder are being deleted")
    with database.writing() as session:
        rules.finish(session, session.get_one(Reencoding, lease.row_id))
        lease.done(session)


def _encoder(lease: Lease) -> Encoder:
    with lease.database.writing() as session:
        lease.hold(session)
        work = session.get_one(Reencoding, lease.row_id)
        if work.expected is None:
            work.expected = rules.expected(session)
        name, version = work.encoder.name, work.encoder.version
    used = encoders.load_encoders(lease.database)
    return next(one for one in used if (one.name, one.version) == (name, version))


def _next_page(lease: Lease) -> list[_Held]:
    with lease.database.reading() as session:
        work = session.get_one(Reencoding, lease.row_id)
        rows = select(Image).where(Image.id > work.cursor, Image.state == "live").order_by(Image.id).limit(PAGE)
        found = list(session.scalars(rows))
        connectors = {one.store_id: stores.connect(session.get_one(Store, one.store_id)) for one in found}
        return [
            _Held(one.id, connectors[one.store_id], one.key, one.digest or b"", _faces(session, one, work.encoder))
            for one in found
        ]


def _faces(session: Session, image: Image, encoder: Row) -> list[tuple[int, images.Box]]:
    have = select(Template.face_id).where(Template.encoder_id == encoder.id)
    lacking = select(Face).where(Face.image_id == image.id, Face.id.not_in(have)).order_by(Face.id)
    return [(face.id, face.box) for face in session.scalars(lacking)]


def _templates(held: _Held, opener: images.Opener, encoder: Encoder) -> list[bytes] | None:
    """A template for each of the faces; None when the photograph is not there as it was scanned."""
    try:
        data = held.connector.open(held.key)
        if hashlib.sha256(data).digest() != held.digest:
            return None
        pixels = opener.open(data).pixels
    except (BadPicture, NotFound, TooLarge, ObjectUnreadable):
        return None
    found = encoder.encode(encoder.cut(pixels, [box for _, box in held.faces]))
    return [np.asarray(one, "<f4").tobytes() for one in found]


def _record(lease: Lease, page: list[_Held], found: dict[int, list[bytes] | None], seconds: float) -> None:
    with lease.database.writing() as session:
        lease.hold(session)
        work = session.get_one(Reencoding, lease.row_id)
        for held in page:
            templates = found.get(held.image_id, [])
            if templates is None:
                work.missed += 1
            else:
                _write(session, work, held, templates)
        work.seen += len(page)
        work.cursor = page[-1].image_id
        work.working_seconds += seconds
        work.attempts = 1


def _write(session: Session, work: Reencoding, held: _Held, templates: list[bytes]) -> None:
    """The templates of faces that are still there: an erasure may have been faster."""
    image = session.get(Image, held.image_id)
    if image is None or image.state != "live":
        return
    image.encoder_id = work.encoder_id
    keys = keys_of(session)
    for (face_id, _), template in zip(held.faces, templates, strict=True):
        if session.get(Face, face_id) is not None:
            sealed = keys.seal_small(template, "template", face_id)
            session.add(Template(face_id=face_id, encoder_id=work.encoder_id, sealed=sealed))
            work.encoded += 1


def _drop_some(lease: Lease) -> int:
    with lease.database.writing() as session:
        lease.hold(session)
        return rules.drop_retired(session, DROPPED_AT_ONCE)

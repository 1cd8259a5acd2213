"""What is done about many photographs of an order in the database, with a few statements for all of them.

All of it may run twice: what is gone already is not counted again. In the stores it is `in_stores` that erases.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import CursorResult, String, cast, delete, func, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Delete, Update

from portal import clock
from portal.blobs import purge_blob
from portal.cases import lifecycle
from portal.orders import places
from portal.orders.chunks import NO_NEAR, Item
from portal.suppression import suppress_many
from portal.tables import Candidate, Case, Face, Image, ManifestEntry, Order, Template

Counts = dict[str, int]


def changed(session: Session, items: Sequence[Item]) -> set[int]:
    """Images whose bytes are not those of the plan any more, as far as a scan has seen. They are not touched."""
    approved = {item.image: item.digest for item in items}
    rows = select(Image.id, Image.digest).where(Image.id.in_(approved), Image.state.in_(("live", "stopped")))
    return {image for image, digest in session.execute(rows) if digest is not None and digest != approved[image]}


def before_store(session: Session, order: Order, items: Sequence[Item]) -> Counts:
    """Shut the gate first, so that no scan brings back what goes; then take away all that was made of the photographs.

    Returns how much of each kind was there and is not any more; `templates/NAME` for each encoder.
    """
    ids = [item.image for item in items]
    if not ids:
        return {}
    counts: Counts = {}
    if order.suppresses != "nothing":
        near = [None if item.near == NO_NEAR else item.near for item in items] if order.suppresses == "near" else None
        counts["suppressions"] = suppress_many(session, order.id, [item.digest for item in items], near)
    counts["places"] = places.take_out(session, order, ids)
    counts["crops"] = _purge_crops(session, ids)
    counts["records"] = _delete_records(session, items)
    counts |= _templates_of(session, ids)
    # The foreign key takes the templates with the faces.
    counts["faces"] = _count_of(session, delete(Face).where(Face.image_id.in_(ids)))
    return {name: count for name, count in counts.items() if count}


def bury(session: Session, image_ids: Collection[int]) -> None:
    """Leave tombstones without key and digests, and close what cases still suspected about these images."""
    gone = {"state": "erased", "coverage": "not-looked-at", "key": literal("/erased/") + cast(Image.id, String)}
    empty = dict.fromkeys(("digest", "near_digest", "version", "size", "width", "height"))
    if image_ids:
        _count_of(session, update(Image).where(Image.id.in_(image_ids)).values(**gone, **empty))
        _close_suspicions(session, image_ids)


def left(session: Session, order: Order, items: Sequence[Item]) -> Counts:
    """Rows that should not be there any more, counted by another question than the one that took them away."""
    ids = [item.image for item in items]
    faces = select(func.count()).select_from(Face).where(Face.image_id.in_(ids))
    face_ids = select(Face.id).where(Face.image_id.in_(ids))
    return {
        "rows": _number(session, select(func.count()).where(Image.id.in_(ids), Image.state != "erased")),
        "digests": _number(session, select(func.count()).where(Image.id.in_(ids), Image.digest.is_not(None))),
        "faces": _number(session, faces),
        "templates": _number(session, select(func.count()).where(Template.face_id.in_(face_ids))),
        "records": _number(session, select(func.count()).select_from(_records(items).subquery())),
        "places": places.left(session, order, ids),
    }


def _templates_of(session: Session, image_ids: Collection[int]) -> Counts:
    counted = (
        select(Template.encoder_id, func.count())
        .join(Face, Face.id == Template.face_id)
        .where(Face.image_id.in_(image_ids))
        .group_by(Template.encoder_id)
    )
    return {f"templates/{encoder}": count for encoder, count in session.execute(counted)}


def _purge_crops(session: Session, image_ids: Collection[int]) -> int:
    crops = select(Candidate.crop_id).where(Candidate.image_id.in_(image_ids), Candidate.crop_id.is_not(None))
    return sum(purge_blob(session, crop) for crop in session.scalars(crops).all())


def _delete_records(session: Session, items: Sequence[Item]) -> int:
    ids = list(session.scalars(_records(items)))
    return _count_of(session, delete(ManifestEntry).where(ManifestEntry.id.in_(ids))) if ids else 0


def _records(items: Sequence[Item]) -> Any:
    keys: dict[str, list[str]] = {}
    for item in items:
        keys.setdefault(item.store, []).append(item.key)
    parts = [
        select(ManifestEntry.id).where(ManifestEntry.store_id == store, ManifestEntry.key.in_(some))
        for store, some in keys.items()
    ]
    return parts[0].union_all(*parts[1:])


def _close_suspicions(session: Session, image_ids: Collection[int]) -> None:
    found = select(Candidate).where(Candidate.image_id.in_(image_ids), Candidate.state == "open")
    for candidate in session.scalars(found).all():
        candidate.state, candidate.settled_at = "gone", clock.now()
        session.flush()
        # It may have been the last that its case waited for: nobody's answer would move that case on any more.
        lifecycle.review_finished(session, session.get_one(Case, candidate.case_id))


def _count_of(session: Session, statement: Delete | Update) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _number(session: Session, statement: Any) -> int:
    return int(session.scalar(statement) or 0)

"""What is done about many photographs of an order in the database, with a few statements for all of them.

All of it may run twice: what is gone already is not counted again. In the stores it is `in_stores` that erases.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, String, cast, delete, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.dml import Delete, Update

from portal import clock
from portal.blobs import purge_blob
from portal.cases import lifecycle
from portal.erasure.taken import BY_ORDER
from portal.orders import places
from portal.orders.chunks import NO_NEAR, Item
from portal.suppression import suppress_many
from portal.tables import Candidate, Case, Face, Image, ManifestEntry, Order, Template

Counts = dict[str, int]


def changed(session: Session, items: Sequence[Item]) -> set[int]:
    """Images whose bytes are not those of the plan any more, as far as a scan has seen. They are not touched."""
    approved = {item.image: item.digest for item in items}
    rows = select(Image.id, Image.digest).where(
        among(session, Image.id, approved), Image.state.in_(("live", "stopped"))
    )
    return {image for image, digest in session.execute(rows) if digest is not None and digest != approved[image]}


def before_store(session: Session, order: Order, items: Sequence[Item]) -> Counts:
    """Shut the gate first, so that no scan brings back what goes; then take away all that was made of the photographs.

    Returns how much of each kind was there and is not any more; `templates/NAME` for each encoder.
    """
    if not items:
        return {}
    counts: Counts = {}
    if order.suppresses != "nothing":
        near = [None if item.near == NO_NEAR else item.near for item in items] if order.suppresses == "near" else None
        counts["suppressions"] = suppress_many(session, order.id, [item.digest for item in items], near)
    return counts | clear(session, order, items)


def clear(session: Session, order: Order, items: Sequence[Item]) -> Counts:
    """Take away all that was made of the photographs. Returns how much of each kind was there."""
    ids = [item.image for item in items]
    if not ids:
        return {}
    counts: Counts = {}
    counts["places"] = places.take_out(session, order, ids)
    counts["crops"] = _purge_crops(session, ids)
    counts["records"] = _delete_records(session, items)
    counts |= _templates_of(session, ids)
    # The foreign key takes the templates with the faces.
    counts["faces"] = _count_of(session, delete(Face).where(among(session, Face.image_id, ids)))
    return {name: count for name, count in counts.items() if count}


def strays(session: Session, items: Sequence[Item]) -> list[Item]:
    """The same photographs under other numbers: what came back after it was erased, and was scanned, has a new row."""
    found: list[Item] = []
    for store in sorted({item.store for item in items}):
        here = {item.key: item for item in items if item.store == store}
        rows = select(Image.id, Image.key, Image.digest).where(
            Image.store_id == store, among(session, Image.key, here), Image.state != "erased"
        )
        for image, key, digest in session.execute(rows):
            if digest == here[key].digest and image != here[key].image:
                found.append(here[key]._replace(image=image))
    return found


def bury(session: Session, order_id: str, image_ids: Collection[int]) -> None:
    """Leave tombstones without key and digests, and close what cases still suspected about these images."""
    _tell_cases(session, order_id, image_ids)
    gone = {"state": "erased", "coverage": "not-looked-at", "key": literal("/erased/") + cast(Image.id, String)}
    empty = dict.fromkeys(("digest", "near_digest", "version", "size", "width", "height"))
    if image_ids:
        _count_of(session, update(Image).where(among(session, Image.id, image_ids)).values(**gone, **empty))
        _close_suspicions(session, image_ids)


def left(session: Session, order: Order, items: Sequence[Item]) -> Counts:
    """Rows that should not be there any more, counted by another question than the one that took them away."""
    ids = [item.image for item in items]
    images, of_images = among(session, Image.id, ids), among(session, Face.image_id, ids)
    faces = select(func.count()).select_from(Face).where(of_images)
    face_ids = select(Face.id).where(of_images)
    return {
        "rows": _number(session, select(func.count()).where(images, Image.state != "erased")),
        "digests": _number(session, select(func.count()).where(images, Image.digest.is_not(None))),
        "faces": _number(session, faces),
        "templates": _number(session, select(func.count()).where(Template.face_id.in_(face_ids))),
        "records": _number(session, select(func.count()).select_from(_records(session, items).subquery())),
        "places": places.left(session, order, ids),
    }


def among(session: Session, column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column IN (values)` for thousands of values. Bound one by one they would take a fifth of an order's time."""
    if session.get_bind().dialect.name != "sqlite":
        return column.in_(values)
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))


def _templates_of(session: Session, image_ids: Collection[int]) -> Counts:
    counted = (
        select(Template.encoder_id, func.count())
        .join(Face, Face.id == Template.face_id)
        .where(among(session, Face.image_id, image_ids))
        .group_by(Template.encoder_id)
    )
    return {f"templates/{encoder}": count for encoder, count in session.execute(counted)}


def _purge_crops(session: Session, image_ids: Collection[int]) -> int:
    crops = select(Candidate.crop_id).where(
        among(session, Candidate.image_id, image_ids), Candidate.crop_id.is_not(None)
    )
    return sum(purge_blob(session, crop) for crop in session.scalars(crops).all())


def _delete_records(session: Session, items: Sequence[Item]) -> int:
    ids = list(session.scalars(_records(session, items)))
    return _count_of(session, delete(ManifestEntry).where(among(session, ManifestEntry.id, ids))) if ids else 0


def _records(session: Session, items: Sequence[Item]) -> Any:
    keys: dict[str, list[str]] = {}
    for item in items:
        keys.setdefault(item.store, []).append(item.key)
    parts = [
        select(ManifestEntry.id).where(ManifestEntry.store_id == store, among(session, ManifestEntry.key, some))
        for store, some in keys.items()
    ]
    return parts[0].union_all(*parts[1:])


def _tell_cases(session: Session, order_id: str, image_ids: Collection[int]) -> None:
    """Leave with each case what goes of its person: where it has no plan yet, nothing else would say so."""
    mine = (
        select(Candidate.case_id, Candidate.image_id)
        .join(Image, Image.id == Candidate.image_id)
        .where(among(session, Candidate.image_id, image_ids), Candidate.state == "confirmed", Image.state != "erased")
    )
    taken: dict[str, list[int]] = {}
    for case_id, image_id in session.execute(mine):
        taken.setdefault(case_id, []).append(image_id)
    for case_id, images in sorted(taken.items()):
        case = session.get_one(Case, case_id)
        lifecycle.record(session, case, BY_ORDER, "machine", order=order_id, images=sorted(images))


def _close_suspicions(session: Session, image_ids: Collection[int]) -> None:
    found = select(Candidate).where(among(session, Candidate.image_id, image_ids), Candidate.state == "open")
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

"""Writing down what a scan saw: images, faces and templates of one page, with its counts.

A page is recorded in one transaction. Each image says which scan saw it last, so a scan may be killed at any instant:
what was recorded is not looked at again, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from sqlalchemy import CursorResult, delete, func, insert, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import keys_of
from portal.stores.connector import Found
from portal.suppression import held_back
from portal.tables import Encoder, Face, Image, Scan, ScanError, Template

# Kinds of stores in which one file holds many photographs.
ARCHIVES = ("tar", "parquet")

Box = tuple[int, int, int, int]
Coverage = Literal["searched", "fallback", "faceless", "too-small"]
Outcome = Literal["looked-at", "unreadable", "stopped"]
# Why the gate stops a picture: it was erased, or a face in it is near to one that is kept out.
Stopped = Literal["erased", "face"]


@dataclass(frozen=True)
class Look:
    """What was found in the bytes of a picture. `templates` has a list for each encoder, with one for each box.

    A template is here as float32, little-endian. `near_digest` has 32 bytes, width and height are of upright pixels.
    """

    digest: bytes
    near_digest: bytes
    width: int
    height: int
    coverage: Coverage
    boxes: Sequence[Box] = ()
    templates: Sequence[Sequence[bytes]] = field(default=(), repr=False)
    fallback: bool = False


@dataclass(frozen=True)
class Seen:
    """One object of a page and what came of it. `problem` is the code and sentence of an unreadable one.

    `fresh` says that its bytes were looked at for it, and not for an equal one.
    """

    found: Found
    outcome: Outcome
    look: Look | None = None
    digest: bytes | None = None
    problem: tuple[str, str] | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Known:
    """Of listed objects: keys that this scan saw already, and ids of the images that are as they were."""

    seen: set[str]
    unchanged: dict[str, int]


def encoder_id(session: Session, name: str, version: str, dimensions: int) -> int:
    """The id of this encoder, written down when it is new."""
    encoder = session.scalar(select(Encoder).filter_by(name=name, version=version))
    if encoder is None:
        encoder = Encoder(name=name, version=version, dimensions=dimensions)
        session.add(encoder)
        session.flush()
    return encoder.id


def known(session: Session, scan: Scan, found: Sequence[Found], encoders: Sequence[int]) -> Known:
    """What is on record of the objects. Unchanged are those that one of `encoders` looked at as they are."""
    versions = {one.key: one.version for one in found}
    columns = select(Image.key, Image.id, Image.version, Image.last_scan_id, Image.encoder_id, Image.state)
    rows = session.execute(columns.where(Image.store_id == scan.store_id, Image.key.in_(versions))).all()
    seen = {row.key for row in rows if row.last_scan_id == scan.id and row.state != "gone"}
    unchanged = {
        row.key: row.id
        for row in rows
        if row.key not in seen
        and row.state == "live"
        and row.encoder_id in encoders
        and row.version == versions[row.key]
    }
    return Known(seen, unchanged)


def touch(session: Session, scan: Scan, image_ids: Sequence[int]) -> None:
    """Count images that are as they were. One that was erased since is neither seen nor gone."""
    values = {"last_scan_id": scan.id, "last_seen_at": clock.now()}
    same = update(Image).where(Image.id.in_(image_ids), Image.state == "live").values(values)
    result = session.execute(same.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    scan.seen += result.rowcount
    scan.unchanged += result.rowcount


def earlier_look(session: Session, digest: bytes, encoders: Sequence[int]) -> Look | None:
    """What these encoders found in the same bytes before, in whichever store: they need not be looked at again."""
    columns = select(Image.id, Image.near_digest, Image.width, Image.height, Image.coverage)
    same = columns.where(Image.digest == digest, Image.state == "live", Image.encoder_id.in_(encoders))
    image = session.execute(same.order_by(Image.id).limit(1)).first()
    if image is None or image.near_digest is None or image.width is None or image.height is None:
        return None
    of_image = select(Face.id, Face.left, Face.top, Face.right, Face.bottom, Face.fallback)
    faces = session.execute(of_image.where(Face.image_id == image.id).order_by(Face.id)).all()
    templates = _templates(session, [face.id for face in faces], encoders)
    if any(len(found) != len(faces) for found in templates):
        return None
    return Look(
        digest=digest,
        near_digest=image.near_digest,
        width=image.width,
        height=image.height,
        coverage=cast(Coverage, image.coverage),
        boxes=[(face.left, face.top, face.right, face.bottom) for face in faces],
        templates=templates,
        fallback=any(face.fallback for face in faces),
    )


def _templates(session: Session, face_ids: Sequence[int], encoders: Sequence[int]) -> list[list[bytes]]:
    """For each encoder, the templates of these faces in the order of the faces' ids."""
    found: dict[int, list[bytes]] = {encoder: [] for encoder in encoders}
    if face_ids:
        rows = select(Template.encoder_id, Template.face_id, Template.sealed).where(Template.face_id.in_(face_ids))
        keys = keys_of(session)
        for encoder, face_id, sealed in session.execute(rows.order_by(Template.face_id)):
            if encoder in found:
                found[encoder].append(keys.unseal_small(sealed, "template", face_id))
    return list(found.values())


def record_page(
    session: Session, scan: Scan, page: Sequence[Seen], encoders: Sequence[int], stops: Callable[[Look], Stopped | None]
) -> None:
    """Write a page down and count it. `stops` is asked again about each new picture: the gate may have shut since.

    What is stopped because of a face is held back until a person has looked at it; nothing made from it is written.

    All images are written together, then all faces, then all templates: a statement for each would take far longer.
    """
    keys = [seen.found.key for seen in page]
    rows = select(Image).where(Image.store_id == scan.store_id, Image.state != "erased", Image.key.in_(keys))
    images = {image.key: image for image in session.scalars(rows)}
    session.execute(delete(Face).where(Face.image_id.in_([image.id for image in images.values()])))
    written: list[tuple[Image, Seen]] = []
    faces: dict[str, bytes] = {}
    for seen in page:
        why = stops(seen.look) if seen.look is not None else None
        digest = seen.look.digest if seen.look is not None else b""
        if why is not None:
            seen = replace(seen, outcome="stopped", look=None, digest=None)
        image = _write(session, scan, images.get(seen.found.key), seen, encoders[0])
        written.append((image, seen))
        if why == "face":
            faces[image.key] = digest
    session.flush()
    held_back.write_down(session, {image.id: faces.get(image.key) for image, _seen in written})
    _write_faces(session, [(image.id, seen.look) for image, seen in written if seen.look is not None], encoders)


def _write(session: Session, scan: Scan, image: Image | None, seen: Seen, encoder: int) -> Image:
    count = _count_of(image, seen)
    setattr(scan, count, getattr(scan, count) + 1)
    scan.seen += 1
    scan.encoded += seen.fresh
    if image is None:
        image = Image(store_id=scan.store_id, key=seen.found.key, first_seen_at=clock.now())
        session.add(image)
    _fill(image, scan, seen, encoder)
    if seen.look is not None:
        _count_faces(scan, seen.look)
    if seen.problem is not None:
        kind, sentence = seen.problem
        session.add(ScanError(scan_id=scan.id, key=seen.found.key, kind=kind[:40], sentence=sentence[:500]))
    return image


def _count_faces(scan: Scan, look: Look) -> None:
    scan.faces += len(look.boxes)
    scan.fallback += look.coverage == "fallback"
    scan.faceless += look.coverage == "faceless"
    scan.too_small += look.coverage == "too-small"


def _count_of(image: Image | None, seen: Seen) -> str:
    """The one count an object falls under. What comes back, or may come in at last, is new."""
    if seen.outcome in {"unreadable", "stopped"}:
        return seen.outcome
    if image is None or image.state in {"gone", "stopped"}:
        return "new"
    return "unchanged" if image.state == "live" and image.version == seen.found.version else "changed"


def _fill(image: Image, scan: Scan, seen: Seen, encoder: int) -> None:
    look = seen.look
    image.state = "live" if look else seen.outcome
    image.coverage = look.coverage if look else seen.outcome
    image.digest = look.digest if look else seen.digest
    image.near_digest = look.near_digest if look else None
    image.width = look.width if look else None
    image.height = look.height if look else None
    image.encoder_id = encoder if look else None
    image.size, image.version = seen.found.size, seen.found.version
    image.last_scan_id, image.last_seen_at = scan.id, clock.now()


def _write_faces(session: Session, looks: Sequence[tuple[int, Look]], encoders: Sequence[int]) -> None:
    """The faces of these images, given by id, and their templates."""
    rows = [
        {"image_id": image, "left": left, "top": top, "right": right, "bottom": bottom, "fallback": look.fallback}
        for image, look in looks
        for left, top, right, bottom in look.boxes
    ]
    if not rows:
        return
    # A template is sealed for the place it lies in, so the faces need their ids first.
    faces = session.scalars(insert(Face).returning(Face.id, sort_by_parameter_order=True), rows).all()
    keys = keys_of(session)
    sealed = [
        {"face_id": face, "encoder_id": encoder, "sealed": keys.seal_small(template, "template", face)}
        for number, encoder in enumerate(encoders)
        for face, template in zip(faces, (one for _, look in looks for one in look.templates[number]), strict=True)
    ]
    session.execute(insert(Template), sealed)


def mark_gone(session: Session, scan: Scan) -> None:
    """At the end of a scan: what was not seen is gone, and its faces and templates with it.

    What lies in an archive that could not be read this time is not known to be gone: it stays as it was.
    """
    unseen = [
        Image.store_id == scan.store_id,
        Image.state.in_(("live", "unreadable", "stopped")),
        Image.last_scan_id.is_distinct_from(scan.id),
    ]
    if scan.store.kind in ARCHIVES:
        inside = func.substr(Image.key, 1, func.length(ScanError.key) + 1) == ScanError.key + "/"
        unseen.append(~select(ScanError.id).where(ScanError.scan_id == scan.id, inside).exists())
    scan.gone = session.scalar(select(func.count()).select_from(Image).where(*unseen)) or 0
    session.execute(delete(Face).where(Face.image_id.in_(select(Image.id).where(*unseen))))
    session.execute(update(Image).where(*unseen).values(state="gone").execution_options(synchronize_session=False))

"""Writing down what a scan saw: images, faces and templates of one page, with its counts.

A page is recorded in one transaction together with the cursor. So a scan may be killed at any instant: at most one
page is looked at again, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import keys_of
from portal.stores.connector import Found
from portal.tables import Encoder, Face, Image, Scan, ScanError, Template

Box = tuple[int, int, int, int]
Coverage = Literal["searched", "faceless", "too-small"]
Outcome = Literal["looked-at", "unchanged", "unreadable", "stopped"]


@dataclass(frozen=True)
class Look:
    """What was found in the bytes of a picture. Boxes and templates belong together, one by one.

    A template is here as float32, little-endian. `near_digest` has 32 bytes, width and height are of upright pixels.
    """

    digest: bytes
    near_digest: bytes
    width: int
    height: int
    coverage: Coverage
    boxes: Sequence[Box] = ()
    templates: Sequence[bytes] = field(default=(), repr=False)


@dataclass(frozen=True)
class Seen:
    """One object of a page and what came of it. `problem` is the code and sentence of an unreadable one."""

    found: Found
    outcome: Outcome
    look: Look | None = None
    digest: bytes | None = None
    problem: tuple[str, str] | None = None


def encoder_id(session: Session, name: str, version: str, dimensions: int) -> int:
    """The id of this encoder, written down when it is new."""
    encoder = session.scalar(select(Encoder).filter_by(name=name, version=version))
    if encoder is None:
        encoder = Encoder(name=name, version=version, dimensions=dimensions)
        session.add(encoder)
        session.flush()
    return encoder.id


def unchanged_keys(session: Session, store_id: str, found: Sequence[Found], encoder: int) -> set[str]:
    """The keys of those objects that are on record as they are, with the templates of this encoder."""
    versions = {one.key: one.version for one in found}
    images = select(Image).where(Image.store_id == store_id, Image.state == "live", Image.key.in_(versions))
    same = [image for image in session.scalars(images) if image.version == versions[image.key]]
    encoded = _encoded(session, [image.id for image in same], encoder)
    return {image.key for image in same if image.coverage == "faceless" or image.id in encoded}


def _encoded(session: Session, image_ids: Sequence[int], encoder: int) -> set[int]:
    templates = select(Face.image_id).join(Template).where(Template.encoder_id == encoder)
    return set(session.scalars(templates.where(Face.image_id.in_(image_ids)).distinct()))


def earlier_look(session: Session, digest: bytes, encoder: int) -> Look | None:
    """What this encoder found in the same bytes before, in whichever store: they need not be looked at again."""
    same = select(Image).where(Image.digest == digest, Image.state == "live")
    of_encoder = same.where(Image.id.in_(select(Face.image_id).join(Template).where(Template.encoder_id == encoder)))
    image = session.scalar(of_encoder.order_by(Image.id).limit(1))
    if image is None or image.near_digest is None or image.width is None or image.height is None:
        return None
    found = select(Face, Template.sealed).join(Template).where(Face.image_id == image.id)
    rows = session.execute(found.where(Template.encoder_id == encoder).order_by(Face.id)).all()
    keys = keys_of(session)
    return Look(
        digest=digest,
        near_digest=image.near_digest,
        width=image.width,
        height=image.height,
        coverage="too-small" if image.coverage == "too-small" else "searched",
        boxes=[face.box for face, _ in rows],
        templates=[keys.unseal_small(sealed, "template", face.id) for face, sealed in rows],
    )


def record_page(
    session: Session, scan: Scan, page: Sequence[Seen], encoder: int, stops: Callable[[Look], bool]
) -> None:
    """Write a page down and count it. `stops` is asked again about each new picture: the gate may have shut since."""
    keys = [seen.found.key for seen in page]
    rows = select(Image).where(Image.store_id == scan.store_id, Image.state != "erased", Image.key.in_(keys))
    images = {image.key: image for image in session.scalars(rows)}
    for seen in page:
        if seen.look is not None and stops(seen.look):
            seen = replace(seen, outcome="stopped", look=None, digest=None)
        image = images.get(seen.found.key)
        if seen.outcome == "unchanged":
            _touch(scan, image)
        else:
            _write(session, scan, image, seen, encoder)
    scan.cursor = keys[-1]
    session.flush()


def _touch(scan: Scan, image: Image | None) -> None:
    if image is None:
        return  # Erased since the page was looked at: neither seen nor gone.
    image.last_scan_id, image.last_seen_at = scan.id, clock.now()
    scan.seen += 1
    scan.unchanged += 1


def _write(session: Session, scan: Scan, image: Image | None, seen: Seen, encoder: int) -> None:
    count = _count_of(image, seen)
    setattr(scan, count, getattr(scan, count) + 1)
    scan.seen += 1
    if image is None:
        image = Image(store_id=scan.store_id, key=seen.found.key, first_seen_at=clock.now())
        session.add(image)
    else:
        session.execute(delete(Face).where(Face.image_id == image.id))
    _fill(image, scan, seen)
    session.flush()
    if seen.look is not None:
        _write_faces(session, image, seen.look, encoder)
        scan.faces += len(seen.look.boxes)
        scan.faceless += seen.look.coverage == "faceless"
        scan.too_small += seen.look.coverage == "too-small"
    if seen.problem is not None:
        kind, sentence = seen.problem
        session.add(ScanError(scan_id=scan.id, key=seen.found.key, kind=kind[:40], sentence=sentence[:500]))


def _count_of(image: Image | None, seen: Seen) -> str:
    """The one count an object falls under. What comes back, or may come in at last, is new."""
    if seen.outcome in {"unreadable", "stopped"}:
        return seen.outcome
    if image is None or image.state in {"gone", "stopped"}:
        return "new"
    return "unchanged" if image.state == "live" and image.version == seen.found.version else "changed"


def _fill(image: Image, scan: Scan, seen: Seen) -> None:
    look = seen.look
    image.state = "live" if look else seen.outcome
    image.coverage = look.coverage if look else seen.outcome
    image.digest = look.digest if look else seen.digest
    image.near_digest = look.near_digest if look else None
    image.width = look.width if look else None
    image.height = look.height if look else None
    image.size, image.version = seen.found.size, seen.found.version
    image.last_scan_id, image.last_seen_at = scan.id, clock.now()


def _write_faces(session: Session, image: Image, look: Look, encoder: int) -> None:
    faces = [
        Face(image_id=image.id, left=left, top=top, right=right, bottom=bottom)
        for left, top, right, bottom in look.boxes
    ]
    session.add_all(faces)
    # A template is sealed for the place it lies in, so the faces need their ids first.
    session.flush()
    keys = keys_of(session)
    for face, template in zip(faces, look.templates, strict=True):
        sealed = keys.seal_small(template, "template", face.id)
        session.add(Template(face_id=face.id, encoder_id=encoder, sealed=sealed))


def mark_gone(session: Session, scan: Scan) -> None:
    """At the end of a scan: what was not seen is gone, and its faces and templates with it."""
    unseen = (
        Image.store_id == scan.store_id,
        Image.state.in_(("live", "unreadable", "stopped")),
        Image.last_scan_id.is_distinct_from(scan.id),
    )
    scan.gone = session.scalar(select(func.count()).select_from(Image).where(*unseen)) or 0
    session.execute(delete(Face).where(Face.image_id.in_(select(Image.id).where(*unseen))))
    session.execute(update(Image).where(*unseen).values(state="gone").execution_options(synchronize_session=False))

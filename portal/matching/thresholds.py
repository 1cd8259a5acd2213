"""Which threshold a search uses: the calibrated one for the gallery as large as it is, else the setting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock, images
from portal.db import config_of
from portal.errors import BadInput
from portal.keys import keys_of
from portal.matching import calibration
from portal.matching.calibration import CUSTOMARY, GRID, Curve
from portal.stores.quarantine import in_use
from portal.tables import Calibration, Encoder, Face, Image, ManifestEntry, Store, Template

# Faces of the fallback detector are turned and half hidden ones, whose templates lie closer together. Until enough of
# them are measured, theirs is so much stricter, in parts of the customary threshold.
FALLBACK = 0.06 / 0.6
# Of a thousand faces of other people that come in, kept faces may hold back one.
WRONGLY_HELD = 0.001
# Where nothing was measured the gate has this threshold, in parts of the customary one. Each face that comes in is
# compared with all that are kept: with 41 of them 0.42 held back 0 of 453 photographs of others and missed 75 of 288,
# 0.54 held back 178 and missed 14 (`python -m tests.experiments gate-faces --people`, grey AT&T faces and portraits).
UNMEASURED = 0.42 / 0.6
# An attribute with more values than this does not name groups of people.
MOST_LABELS = 20


@dataclass(frozen=True)
class Thresholds:
    """Of one search: for ordinary faces, and for those of the fallback detector; and the encoder's customary one."""

    face: float
    fallback: float
    customary: float


@dataclass(frozen=True)
class Measured:
    """A curve that is not kept yet."""

    encoder_id: int
    gallery_size: int
    curve: Curve


def measure(session: Session, encoder: Encoder, store: Store | None = None) -> Measured:
    """Measure `encoder` on the faces of accounts that manifests name, in `store` or in all. Slow, and only reads.

    A labelled folder is a store whose manifest gives the person as the account. Raises BadInput (too few accounts).
    """
    faces = _labelled_faces(session, encoder, store)
    if not faces:
        raise BadInput("No manifest names the account of any face that is held. Attach one first.", "no-accounts")
    # Told in the built-in encoder's distances, over which curves are drawn.
    held = np.stack([np.frombuffer(face.template, "<f4") for face in faces])
    vectors = (held / parts_of(encoder)).astype(np.float32)
    size = session.scalar(select(func.count()).where(Template.encoder_id == encoder.id)) or 0
    fallback = np.array([face.fallback for face in faces])
    curve = calibration.measure(
        vectors, [face.account for face in faces], groups_of([face.attributes for face in faces]), fallback
    )
    return Measured(encoder.id, size, curve)


def parts_of(encoder: Encoder | None) -> float:
    """How many times as long as the built-in encoder's the distances of this one are."""
    return float((encoder.settings or {}).get("threshold", CUSTOMARY)) / CUSTOMARY if encoder else 1.0


def keep(session: Session, measured: Measured, candidates: float) -> Calibration:
    """Keep a curve, with how many faces of other people a search may return. Searches use it from now on."""
    if candidates <= 0:
        raise BadInput("Say how many faces of other people a search may return: more than none.", "candidates")
    threshold = measured.curve.threshold_for(max(1, measured.gallery_size), candidates)
    parts = parts_of(session.get(Encoder, measured.encoder_id))
    kept = Calibration(
        encoder_id=measured.encoder_id,
        made_at=clock.now(),
        gallery_size=measured.gallery_size,
        candidates=candidates,
        threshold=None if threshold is None else threshold * parts,
        curve=calibration.as_json(measured.curve),
    )
    session.add(kept)
    session.flush()
    return kept


def newest(session: Session, encoder: Encoder) -> Calibration | None:
    statement = select(Calibration).filter_by(encoder_id=encoder.id).order_by(Calibration.id.desc()).limit(1)
    return session.scalar(statement)


def thresholds_now(session: Session, encoder: Encoder | None, gallery_size: int) -> Thresholds:
    """The thresholds for a search now. The gallery may have grown since the calibration, so they are picked anew.

    The setting is the upper end: no calibration makes a search wider than the operator allows. An encoder with another
    customary threshold than the built-in one has the setting in proportion.
    """
    parts = parts_of(encoder)
    customary, setting = CUSTOMARY * parts, config_of(session).threshold * parts
    kept = newest(session, encoder) if encoder is not None else None
    if kept is None:
        return Thresholds(setting, setting - FALLBACK * customary, customary)
    curve, size = curve_of(kept), max(1, gallery_size)
    face = min(setting, _picked(curve, size, kept.candidates) * parts)
    if curve.fallback is None:
        return Thresholds(face, face - FALLBACK * customary, customary)
    return Thresholds(face, min(face, _picked(Curve(curve.fallback), size, kept.candidates) * parts), customary)


def at_the_gate(session: Session, encoder: Encoder | None, kept: int) -> float:
    """The greatest distance at which a face that comes in is held back, where so many faces are kept.

    Never wider than a search. Where nothing was measured it is far stricter, and misses more.
    """
    limits = thresholds_now(session, encoder, kept)
    measured = newest(session, encoder) if encoder is not None else None
    if measured is None:
        return min(limits.face, UNMEASURED * limits.customary)
    return min(limits.face, _picked(curve_of(measured), max(1, kept), WRONGLY_HELD) * parts_of(encoder))


def _picked(curve: Curve, size: int, candidates: float) -> float:
    promised = curve.threshold_for(size, candidates)
    return curve.best_guess(size, candidates) if promised is None else promised


@dataclass(frozen=True)
class Errors:
    """What was measured on the photographs that are held, in plain numbers: of 1,000 photographs of a person how many
    are missed, and how many of other people 1,000 searches suggest (worst group)."""

    measured_on: datetime
    missed: int
    strangers: int


def errors_now(session: Session) -> Errors | None:
    """The errors of the searched encoder at the threshold that searches use now; None where nobody has measured."""
    encoder = session.scalar(select(Encoder).where(Encoder.state == "live").order_by(Encoder.id.desc()).limit(1))
    kept = newest(session, encoder) if encoder is not None else None
    if kept is None:
        return None
    curve, now = curve_of(kept), thresholds_now(session, encoder, kept.gallery_size).face / parts_of(encoder)
    at = int(np.argmin(np.abs(GRID - now)))
    strangers = float(curve.worst_fmr()[at]) * kept.gallery_size
    return Errors(kept.made_at, round(1000 * curve.overall.fnmr[at]), round(1000 * strangers))


def curve_of(kept: Calibration) -> Curve:
    return calibration.from_json(kept.curve)


@dataclass(frozen=True)
class _Labelled:
    """The largest face of one photograph: its opened template, whose account it is, and what the manifest says."""

    template: bytes
    account: str
    attributes: dict[str, str]
    fallback: bool


def _labelled_faces(session: Session, encoder: Encoder, store: Store | None) -> list[_Labelled]:
    """The largest face of each photograph that a manifest names.

    Of photographs of one account that are nearly the same, one: pairs of them would flatter the encoder.
    """
    seen: dict[str, list[bytes]] = defaultdict(list)
    faces = []
    keys = keys_of(session)
    for face, image, entry, sealed in _largest(session, encoder, store):
        account = f"{image.store_id}/{entry.account}"
        if image.near_digest is not None and _is_seen(image.near_digest, seen[account]):
            continue
        seen[account].append(image.near_digest or b"")
        attributes = {name: str(value) for name, value in entry.attributes.items()}
        faces.append(_Labelled(keys.unseal_small(sealed, "template", face.id), account, attributes, face.fallback))
    return faces


def _largest(
    session: Session, encoder: Encoder, store: Store | None
) -> Iterable[tuple[Face, Image, ManifestEntry, bytes]]:
    statement = (
        select(Face, Image, ManifestEntry, Template.sealed)
        .join(Image, Image.id == Face.image_id)
        .join(Template, Template.face_id == Face.id)
        .join(ManifestEntry, (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key))
        .where(in_use(), ManifestEntry.account.is_not(None), Template.encoder_id == encoder.id)
        .order_by(Image.id)
    )
    if store is not None:
        statement = statement.where(Image.store_id == store.id)
    largest: dict[int, tuple[Face, Image, ManifestEntry, bytes]] = {}
    for face, image, entry, sealed in session.execute(statement):
        known = largest.get(image.id)
        if known is None or _area(face) > _area(known[0]):
            largest[image.id] = (face, image, entry, sealed)
    return largest.values()


def _is_seen(digest: bytes, known: Iterable[bytes]) -> bool:
    return any(one and images.near_distance(one, digest) <= images.NEAR_LIMIT for one in known)


def _area(face: Face) -> int:
    return (face.right - face.left) * (face.bottom - face.top)


def groups_of(attributes: list[dict[str, str]]) -> dict[str, list[str]]:
    """Labels of each face by attribute, for attributes that name groups of people."""
    names = sorted({name for of_one in attributes for name in of_one})
    labels = {name: [of_one.get(name, "") for of_one in attributes] for name in names}
    return {name: found for name, found in labels.items() if 2 <= len(set(found) - {""}) <= MOST_LABELS}

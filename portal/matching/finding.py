"""From templates to photographs: the gallery searched widely, and what was found judged with all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import Database
from portal.keys import keys_of
from portal.matching import fusion
from portal.matching.fusion import Asked, Held, Vectors
from portal.matching.gallery import Found, Gallery
from portal.matching.thresholds import Thresholds
from portal.stores.quarantine import in_use
from portal.tables import Candidate, Encoder, Face, Image, ManifestEntry, Template

# Parameters of one statement, well under every database's limit.
AT_ONCE = 500
# An account with more photographs than this is a collection, not a person.
MOST_OF_ACCOUNT = 300


@dataclass(frozen=True)
class Hit:
    """A face that points to an image, and how: `evidence` of `face`, `fused`, `second-hop`. `probe` is a row."""

    face_id: int
    image_id: int
    distance: float
    probe: int
    evidence: frozenset[str]


@dataclass(frozen=True)
class _Face:
    """A face that may be the person's: its opened template, and what it is judged by."""

    face_id: int
    image_id: int
    fallback: bool
    account: str | None
    template: bytes


def find(database: Database, gallery: Gallery, encoder: Encoder, asked: Asked, limits: Thresholds) -> list[Hit]:
    """Every face within the thresholds, by itself or by what else is known. Nothing is cut off."""
    if not len(asked.probes):
        return []
    # The faces of the second detector have the stricter threshold: within the wider one they are all seen.
    found = gallery.search(asked.centres(), fusion.wide(limits.face, limits.customary))
    with database.reading() as session:
        faces = _faces(session, encoder, found)
    if not faces:
        return []
    held = Held(
        np.stack([np.frombuffer(face.template, "<f4") for face in faces]),
        [face.account for face in faces],
        np.array([limits.face - limits.fallback if face.fallback else 0.0 for face in faces]),
    )
    scores = fusion.fuse(asked, held, limits.face, limits.customary)
    to_probes = fusion.distances_between(asked.probes, held.vectors)
    return [
        Hit(
            face.face_id, face.image_id, float(to_probes[:, at].min()), int(to_probes[:, at].argmin()), frozenset(kinds)
        )
        for at, (face, kinds) in enumerate(zip(faces, scores.evidence(limits.face), strict=True))
        if kinds
    ]


def confirmed_faces(session: Session, case_id: str, encoder: Encoder, dimensions: int) -> Vectors:
    """Templates (c, d) of the faces that people have confirmed in this case."""
    rows = (
        select(Template.face_id, Template.sealed)
        .join(Candidate, Candidate.face_id == Template.face_id)
        .where(Candidate.case_id == case_id, Candidate.state == "confirmed", Template.encoder_id == encoder.id)
    )
    unseal = keys_of(session).unseal_small
    found = [np.frombuffer(unseal(sealed, "template", face), "<f4") for face, sealed in session.execute(rows)]
    return np.stack(found) if found else np.zeros((0, dimensions), np.float32)


def _faces(session: Session, encoder: Encoder, found: Sequence[Found]) -> list[_Face]:
    """The faces found, and all others of their accounts."""
    images = {face.image_id for face in found}
    accounts = _accounts(session, images)
    members = _members(session, set(accounts.values()))
    posted_by = {image: account for account, posted in members.items() for image in posted}
    named = {image: f"{store}/{name}" for image, (store, name) in posted_by.items()}
    wanted = {face.face_id for face in found}
    faces: list[_Face] = []
    unseal = keys_of(session).unseal_small
    for some in _portions(images | posted_by.keys()):
        rows = (
            select(Face.id, Face.image_id, Face.fallback, Template.sealed)
            .join(Template, Template.face_id == Face.id)
            .join(Image, Image.id == Face.image_id)
            .where(Face.image_id.in_(some), Template.encoder_id == encoder.id, in_use())
            .order_by(Face.id)
        )
        faces += [
            _Face(row.id, row.image_id, row.fallback, named.get(row.image_id), unseal(row.sealed, "template", row.id))
            for row in session.execute(rows)
            if row.id in wanted or row.image_id in named
        ]
    return faces


def _accounts(session: Session, images: Iterable[int]) -> dict[int, tuple[str, str]]:
    """The store and account of each image that a manifest names one for."""
    found: dict[int, tuple[str, str]] = {}
    for some in _portions(images):
        rows = (
            select(Image.id, Image.store_id, ManifestEntry.account)
            .join(ManifestEntry, (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key))
            .where(Image.id.in_(some), ManifestEntry.account.is_not(None))
        )
        found |= {image: (store, account) for image, store, account in session.execute(rows) if account}
    return found


def _members(session: Session, accounts: set[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    """The live images of each account, of those with a few: many are no person's."""
    found: dict[tuple[str, str], list[int]] = {account: [] for account in accounts}
    for some in _portions({account for _, account in accounts}):
        rows = (
            select(Image.id, Image.store_id, ManifestEntry.account)
            .join(ManifestEntry, (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key))
            .where(ManifestEntry.account.in_(some), in_use())
        )
        for image, store, account in session.execute(rows):
            if account and (store, account) in found:
                found[store, account].append(image)
    return {account: images for account, images in found.items() if len(images) <= MOST_OF_ACCOUNT}


def _portions(ids: Iterable[object]) -> list[list[object]]:
    every = list(ids)
    return [every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE)]

"""What else than a face points to an image: its bytes, its look, its link, its account. Each is kept apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from portal.images import NEAR_LIMIT
from portal.keys import keys_of
from portal.matching import likeness
from portal.matching.finding import Hit
from portal.stores.quarantine import in_use
from portal.tables import Case, Image, ManifestEntry, Probe


@dataclass
class Suspicion:
    """All that points to one image in one search. `distance` and `face_id` are those of the nearest face, if any."""

    image_id: int
    face_id: int | None = None
    probe_id: str | None = None
    distance: float | None = None
    evidence: set[str] = field(default_factory=set)


def gather(session: Session, case: Case, faces: list[tuple[Hit, str]]) -> list[Suspicion]:
    """Join faces found (each with the id of its probe) with every other evidence of the case, one per image."""
    found: dict[int, Suspicion] = {}
    for face, probe_id in faces:
        suspicion = found.setdefault(face.image_id, Suspicion(face.image_id))
        suspicion.evidence |= face.evidence
        if suspicion.distance is None or face.distance < suspicion.distance:
            suspicion.face_id, suspicion.probe_id, suspicion.distance = face.face_id, probe_id, face.distance
    for probe in session.scalars(select(Probe).where(Probe.case_id == case.id, Probe.state == "ready")):
        for kind, image_ids in pointed_to(session, probe).items():
            for image_id in image_ids:
                suspicion = found.setdefault(image_id, Suspicion(image_id))
                suspicion.evidence.add(kind)
                suspicion.probe_id = suspicion.probe_id or probe.id
    # What was confirmed before points to its copies, in whatever store they lie.
    for one in likeness.alike(session, case):
        suspicion = found.setdefault(one.image_id, Suspicion(one.image_id))
        suspicion.evidence.add(one.kind)
        suspicion.probe_id = suspicion.probe_id or one.like.probe_id
    return list(found.values())


def pointed_to(session: Session, probe: Probe) -> dict[str, list[int]]:
    """Live images that a probe points to without its face: kind of evidence -> image ids."""
    found: dict[str, list[int]] = defaultdict(list)
    if probe.kind == "link":
        found["link"] = _in_manifest(session, ManifestEntry.source_url_key == opened(session, probe))
    elif probe.kind == "account":
        found["account"] = _in_manifest(session, func.lower(ManifestEntry.account) == opened(session, probe).lower())
    else:
        if probe.digest is not None:
            found["digest"] = list(session.scalars(select(Image.id).where(Image.digest == probe.digest, in_use())))
        if probe.near_digest is not None:
            found["near-digest"] = _near(session, probe.near_digest)
    return found


def opened(session: Session, probe: Probe) -> str:
    """The link or account name that a person gave."""
    if probe.sealed is None:
        return ""
    return keys_of(session).unseal(probe.sealed, f"probe/{probe.id}").decode()


def _in_manifest(session: Session, condition: ColumnElement[bool]) -> list[int]:
    return list(
        session.scalars(
            select(Image.id)
            .join(ManifestEntry, (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key))
            .where(condition, in_use())
        )
    )


def _near(session: Session, digest: bytes) -> list[int]:
    ids, digests = [], []
    for image_id, held in session.execute(select(Image.id, Image.near_digest).where(in_use())):
        if held is not None:
            ids.append(image_id)
            digests.append(np.frombuffer(held, np.uint8))
    if not ids:
        return []
    bits = np.bitwise_count(np.stack(digests) ^ np.frombuffer(digest, np.uint8)).sum(axis=1)
    return [ids[int(at)] for at in np.flatnonzero(bits <= NEAR_LIMIT)]

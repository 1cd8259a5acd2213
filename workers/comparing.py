"""Compares the faces that people sent with each other, so that one who asks in another's name is noticed.

The templates live in this process only, for as long as one search runs. What leaves it is a yes or no for each case.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, images
from portal.cases.requester import alarms
from portal.db import Database
from portal.errors import NotFound
from portal.tables import Case, Probe
from workers.encoder import Encoder


def faces_of(session: Session, case: Case, encoder: Encoder) -> list[tuple[str, np.ndarray]]:
    """(probe id, template) of each chosen face, if the person agreed to the comparison."""
    if case.consented_at is None:
        return []
    faces = []
    for probe in session.scalars(select(Probe).filter_by(case_id=case.id, kind="selfie", state="ready")):
        if probe.chosen is None:
            continue
        pixels = images.open_picture(blobs.open_blob(session, probe.blob_id)).pixels
        left, top, right, bottom = probe.boxes[probe.chosen]
        faces.append((probe.id, encoder.encode(encoder.cut(pixels, [(left, top, right, bottom)]))[0]))
    return faces


def compare(
    database: Database, case_id: str, encoder: Encoder, templates: list[np.ndarray], threshold: float
) -> dict[str, bool]:
    """Case id -> whether its faces may be those of `templates`; for the case itself, whether all of them agree.

    Slow: each face of the other cases is encoded anew, because no template of a probe is kept.
    """
    if not templates:
        return {}
    mine = np.stack(templates)
    alike = {case_id: bool(_distances(mine, mine).max() <= threshold)}
    with database.reading() as session:
        others = alarms.to_compare(session, session.get_one(Case, case_id))
    for other_id in others:
        theirs = _of_other(database, other_id, encoder)
        if theirs:
            alike[other_id] = bool(_distances(mine, np.stack(theirs)).min() <= threshold)
    return alike


def _of_other(database: Database, case_id: str, encoder: Encoder) -> list[np.ndarray]:
    try:
        with database.reading() as session:
            case = session.get(Case, case_id)
            return [template for _, template in faces_of(session, case, encoder)] if case else []
    except NotFound:
        return []  # Its photos were purged meanwhile: there is nothing to compare any more.


def _distances(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Euclidean, of each with each: (m, n)."""
    distances: np.ndarray = np.linalg.norm(mine[:, None] - theirs[None], axis=2)
    return distances

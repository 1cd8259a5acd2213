"""The gallery: all live templates of one encoder, searched exactly.

A missed photograph is a broken promise, so every face within the threshold is returned, never the nearest k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.keys import keys_of
from portal.tables import Encoder, Face, Image, Template

Vectors = NDArray[np.float32]
BLOCK = 65_536


@dataclass(frozen=True)
class Found:
    """A face within the threshold. `probe` is the row of the probe it is nearest to."""

    face_id: int
    image_id: int
    distance: float
    probe: int


@dataclass(frozen=True)
class Gallery:
    """Face ids (n,), image ids (n,) and templates float32 (n, d), row by row."""

    face_ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.face_ids)

    def search(self, probes: Vectors, threshold: float) -> list[Found]:
        """Every face at most `threshold` (Euclidean) from any of `probes` (p, d), nearest first."""
        found: list[Found] = []
        for start in range(0, len(self), BLOCK):
            distances = euclidean(self.vectors[start : start + BLOCK], probes)
            nearest = distances.argmin(axis=1)
            smallest = distances[np.arange(len(distances)), nearest]
            for row in np.flatnonzero(smallest <= threshold):
                at = start + int(row)
                found.append(
                    Found(int(self.face_ids[at]), int(self.image_ids[at]), float(smallest[row]), int(nearest[row]))
                )
        return sorted(found, key=lambda face: face.distance)


def euclidean(vectors: Vectors, probes: Vectors) -> Vectors:
    """Distances (n, p) between `vectors` (n, d) and `probes` (p, d)."""
    columns = [np.linalg.norm(vectors - probe, axis=1) for probe in probes]
    return np.stack(columns, axis=1).astype(np.float32)


def load_gallery(session: Session, encoder_name: str, encoder_version: str) -> Gallery:
    """The gallery of one encoder, decrypted into this process's memory only."""
    encoder = session.scalar(select(Encoder).filter_by(name=encoder_name, version=encoder_version))
    if encoder is None:
        return Gallery(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0), np.float32))
    keys = keys_of(session)
    rows = session.execute(
        select(Template.face_id, Face.image_id, Template.sealed)
        .join(Face, Face.id == Template.face_id)
        .join(Image, Image.id == Face.image_id)
        .where(Template.encoder_id == encoder.id, Image.state == "live")
        .order_by(Template.face_id)
    ).all()
    vectors = np.empty((len(rows), encoder.dimensions), np.float32)
    for at, (face_id, _, sealed) in enumerate(rows):
        vectors[at] = np.frombuffer(keys.unseal(sealed, f"template/{face_id}"), "<f4")
    return Gallery(np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64), vectors)

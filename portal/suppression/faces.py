"""The faces that people let us keep so that new photographs of them are held back. They are compared with nothing else.

Each is sealed under the key of its case, in a file beside the database: once that is destroyed, no copy opens.
No function here gives a template away, and none says whose face it was that a photograph is near to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.keys import keys_of
from portal.tables import Encoder, KeptFace

KIND = "face"
PURPOSE = "to hold back new photographs of this face when they come in, and for nothing else"


def keep_face(
    session: Session, case_id: str, encoder: Encoder, templates: Sequence[bytes], expires_at: datetime
) -> bool:
    """Keep one template for the person of a case; a second call for the same encoder changes nothing.

    `templates` (float32, little-endian) are those of the faces that people confirmed. The one nearest to all others is
    kept, not their mean: thresholds are measured between single faces. False where the person has taken it back, or
    there is no template.
    """
    keys, named = keys_of(session), name_of(encoder)
    if not templates or keys.is_destroyed(KIND, case_id):
        return False
    if session.scalar(select(KeptFace.id).filter_by(case_id=case_id, encoder=named)) is None:
        vectors = np.stack([np.frombuffer(one, "<f4") for one in templates])
        apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2).sum(axis=1)
        session.add(
            KeptFace(
                case_id=case_id,
                encoder=named,
                sealed=keys.seal_apart(templates[int(apart.argmin())], KIND, case_id),
                purpose=PURPOSE,
                created_at=clock.now(),
                expires_at=expires_at,
            )
        )
        session.flush()
    return True


def forget_face(session: Session, case_id: str) -> int:
    """Destroy the key of a case at once, then the templates it sealed; none is ever kept for this case again.

    Returns how many templates there were. The key is gone even where the transaction is rolled back afterwards.
    """
    keys_of(session).destroy_apart(KIND, case_id)
    kept = _living(session, KeptFace.case_id == case_id)
    for row in kept:
        _end(row, "withdrawn")
    audit.append(session, "face-forgotten", {"case": case_id, "because": "withdrawn", "templates": len(kept)})
    return len(kept)


def end_faces(session: Session) -> int:
    """Destroy what has had its time, and what can stop nothing any more because its encoder is retired.

    What came back with an older database after its key was destroyed ends, too. Returns of how many cases.
    """
    keys = keys_of(session)
    ending: dict[str, str] = {}
    for row in due(session):
        ending[row.case_id] = "expired" if row.expires_at <= clock.now() else "no-use"
        _end(row, ending[row.case_id])
    for row in _living(session):
        if keys.is_destroyed(KIND, row.case_id):
            ending[row.case_id] = "withdrawn"
            _end(row, "withdrawn")
    session.flush()
    for case_id, because in ending.items():
        # Another template of the case, of an encoder that is used, still needs the key.
        if not _living(session, KeptFace.case_id == case_id):
            keys.destroy_apart(KIND, case_id)
        audit.append(session, "face-forgotten", {"case": case_id, "because": because})
    return len(ending)


def due(session: Session) -> list[KeptFace]:
    """What should be destroyed by now."""
    retired = select(Encoder.name + " " + Encoder.version).where(Encoder.state == "retired")
    return _living(session, or_(KeptFace.expires_at <= clock.now(), KeptFace.encoder.in_(retired)))


def kept_for(session: Session, case_id: str) -> list[KeptFace]:
    """What was kept for the person of a case, also what has ended."""
    return list(session.scalars(select(KeptFace).filter_by(case_id=case_id).order_by(KeptFace.id)))


def any_kept(session: Session) -> bool:
    """Whether there is any face that could hold a photograph back."""
    return bool(_living(session, KeptFace.expires_at > clock.now()))


def name_of(encoder: Encoder) -> str:
    return f"{encoder.name} {encoder.version}"


class Faces:
    """The kept faces of one encoder that count now, read once. Its length is how many."""

    def __init__(self, session: Session, encoder: str) -> None:
        """`encoder` is its name and version: templates of different ones are never compared."""
        keys = keys_of(session)
        counting = _living(session, KeptFace.encoder == encoder, KeptFace.expires_at > clock.now())
        opened = [
            keys.unseal_apart(row.sealed, KIND, row.case_id)
            for row in counting
            if row.sealed is not None and not keys.is_destroyed(KIND, row.case_id)
        ]
        self._kept = _vectors(opened)

    def __len__(self) -> int:
        return len(self._kept)

    def are_near(self, templates: Iterable[bytes], threshold: float) -> bool:
        """Whether one of these (float32, little-endian) is at most `threshold` (Euclidean) from a kept face."""
        asked = _vectors(list(templates))
        if not len(asked) or not len(self._kept):
            return False
        return any(float(np.linalg.norm(self._kept - one, axis=1).min()) <= threshold for one in asked)


def _vectors(templates: Sequence[bytes]) -> NDArray[np.float32]:
    return np.stack([np.frombuffer(one, "<f4") for one in templates]) if templates else np.zeros((0, 1), np.float32)


def _living(session: Session, *which: ColumnElement[bool]) -> list[KeptFace]:
    rows = select(KeptFace).where(KeptFace.ended_at.is_(None), *which)
    return list(session.scalars(rows.order_by(KeptFace.id)))


def _end(row: KeptFace, because: str) -> None:
    row.sealed, row.ended_at, row.ended_because = None, clock.now(), because

"""Whether a photograph that comes in shows a face that is kept so that it stays out: yes or no, never whose."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.keys import keys_of
from portal.matching import thresholds
from portal.suppression import PURPOSE, Faces, held_back
from portal.tables import Encoder


class KeptOut:
    """The kept faces that count now, for the encoders (name, version) that look at what comes in; read once."""

    def __init__(self, session: Session, encoders: Sequence[tuple[str, str]]) -> None:
        self._keys = keys_of(session)
        self._let_in = held_back.let_in_digests(session)
        self._faces: list[tuple[Faces, float]] = []
        for name, version in encoders:
            kept = Faces(session, f"{name} {version}")
            row = session.scalar(select(Encoder).filter_by(name=name, version=version))
            self._faces.append((kept, thresholds.at_the_gate(session, row, len(kept))))

    def __len__(self) -> int:
        return sum(len(kept) for kept, _threshold in self._faces)

    def holds_back(self, digest: bytes, templates: Sequence[Sequence[bytes]]) -> bool:
        """Whether content with this SHA-256 is held back until a person has looked at it.

        `templates` has a list for each encoder, with one (float32, little-endian) for each face in the photograph.
        What a person has let in is not held back again.
        """
        near = any(
            kept.are_near(found, threshold) for (kept, threshold), found in zip(self._faces, templates, strict=True)
        )
        return near and self._keys.digest(PURPOSE, digest) not in self._let_in

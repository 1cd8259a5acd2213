"""The promise not to take photographs in again: writing it down, one by one or by the thousand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.errors import Conflict
from portal.images import FLAT
from portal.keys import keys_of
from portal.suppression.digests import PURPOSE, Halves, chunk_place, halves, place
from portal.tables import Erasure, Image, Suppression, SuppressionChunk

YEAR = timedelta(days=365.25)


def suppress(session: Session, erasure_id: str, image: Image, blocks: str = "intake", near: bool = True) -> Suppression:
    """Promise not to take `image` in again; a second call for the same erasure and image returns the first's row.

    `blocks`: `intake` or `datasets`. Without `near` only the very bytes are stopped: what stays of a photograph from
    which one face was taken is near to it, and may come in. Raises Conflict when the image's digest is gone already.
    """
    found = session.scalar(select(Suppression).filter_by(erasure_id=erasure_id, image_id=image.id))
    if found is not None:
        return found
    if image.digest is None:
        raise Conflict("This photograph is erased already. It can not be suppressed any more.", "no-digest")
    keys = keys_of(session)
    suppression = Suppression(
        erasure_id=erasure_id,
        image_id=image.id,
        digest=keys.digest(PURPOSE, image.digest),
        near_digest=keys.seal(image.near_digest, place(erasure_id, image.id)) if near and image.near_digest else None,
        blocks=blocks,
        created_at=clock.now(),
        expires_at=clock.now() + config_of(session).suppression_years * YEAR,
    )
    session.add(suppression)
    session.flush()
    return suppression


def suppress_many(
    session: Session, order_id: str, digests: Sequence[bytes], near: Sequence[bytes | None] | None
) -> int:
    """Promise not to take in what has these SHA-256 `digests`, nor what is near to it. Returns how many these are."""
    keys = keys_of(session)
    number = (session.scalar(select(func.max(SuppressionChunk.number)).filter_by(order_id=order_id)) or 0) + 1
    told = b"".join(one or FLAT for one in near) if near is not None else None
    session.add(
        SuppressionChunk(
            order_id=order_id,
            number=number,
            digests=b"".join(halves(keys, digests)),
            near_digests=keys.seal(told, chunk_place(order_id, number)) if told is not None else None,
            created_at=clock.now(),
            expires_at=clock.now() + config_of(session).suppression_years * YEAR,
        )
    )
    session.flush()
    return len(digests)


def forget_photographs(session: Session, case_id: str) -> int:
    """Forget by what the deleted photographs of a case could be known again. Returns of how many. They may come in."""
    mine = select(Erasure.id).filter_by(case_id=case_id, kind="deletion")
    gone = session.execute(delete(Suppression).where(Suppression.erasure_id.in_(mine)))
    assert isinstance(gone, CursorResult)
    audit.append(session, "photographs-forgotten", {"case": case_id, "photographs": gone.rowcount})
    return int(gone.rowcount)


class Promised:
    """The digests that one order's suppressions stop, 16 bytes each, to look whether they are all there."""

    def __init__(self, session: Session, order_id: str) -> None:
        self._keys = keys_of(session)
        rows = select(SuppressionChunk.digests).filter_by(order_id=order_id)
        self._known = Halves(list(session.scalars(rows)))

    def missing(self, digests: Sequence[bytes]) -> int:
        """How many of these SHA-256 digests are not stopped."""
        return self._known.missing(halves(self._keys, digests))

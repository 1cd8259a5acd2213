"""May this content come in? What was erased is stopped when it comes again, also saved anew.

A suppression keeps the least that this needs: a keyed digest of the bytes, and the near-duplicate digest sealed. It
counts until it expires. `intake` ones stop everything; `datasets` ones (opt-outs) keep content out of datasets only.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.errors import Conflict
from portal.images import FLAT, NEAR_LIMIT
from portal.keys import keys_of
from portal.tables import Image, Suppression

PURPOSE = "suppression"
STRICTER = {"intake": {"intake"}, "datasets": {"intake", "datasets"}}
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
        near_digest=keys.seal(image.near_digest, _place(erasure_id, image.id)) if near and image.near_digest else None,
        blocks=blocks,
        created_at=clock.now(),
        expires_at=clock.now() + config_of(session).suppression_years * YEAR,
    )
    session.add(suppression)
    session.flush()
    return suppression


class Gate:
    """All suppressions that count now, read once: make a new gate for each batch of work."""

    def __init__(self, session: Session) -> None:
        self._keys = keys_of(session)
        self._digests: dict[str, set[str]] = {blocks: set() for blocks in STRICTER}
        near: dict[str, list[bytes]] = {blocks: [] for blocks in STRICTER}
        for row in session.scalars(select(Suppression).where(Suppression.expires_at > clock.now())):
            self._digests[row.blocks].add(row.digest)
            if row.near_digest is not None:
                near[row.blocks].append(self._keys.unseal(row.near_digest, _place(row.erasure_id, row.image_id)))
        self._near = {blocks: _packed(found) for blocks, found in near.items()}

    def stops(self, digest: bytes, near: bytes | None, blocks: str = "intake") -> bool:
        """True when content with this SHA-256 `digest` or this near-duplicate digest must not come in.

        `blocks` says where to: `intake` into the portal's knowledge, `datasets` into a dataset.
        """
        keyed = self._keys.digest(PURPOSE, digest)
        return any(keyed in self._digests[kind] or _any_near(self._near[kind], near) for kind in STRICTER[blocks])


def _place(erasure_id: str, image_id: int) -> str:
    return f"suppression/{erasure_id}/{image_id}"


def _packed(digests: list[bytes]) -> NDArray[np.uint64]:
    """Digests as rows of four 64-bit words. Flat pictures are near to nothing and left out."""
    told = [digest for digest in digests if digest != FLAT]
    return np.frombuffer(b"".join(told), dtype=np.uint64).reshape(len(told), 4)


def _any_near(known: NDArray[np.uint64], near: bytes | None) -> bool:
    if near is None or near == FLAT or not len(known):
        return False
    differing = np.bitwise_count(known ^ np.frombuffer(near, dtype=np.uint64)).sum(axis=1, dtype=np.int64)
    return bool((differing <= NEAR_LIMIT).any())

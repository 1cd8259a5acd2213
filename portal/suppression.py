"""May this content come in? What was erased is stopped when it comes again, also saved anew.

A suppression keeps the least that this needs: a keyed digest of the bytes, and the near-duplicate digest sealed. It
counts until it expires. `intake` ones stop everything; `datasets` ones (opt-outs) keep content out of datasets only.
What an order erased is kept in chunks, one row for thousands of photographs.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.errors import Conflict
from portal.images import FLAT, NEAR_LIMIT
from portal.keys import Keys, keys_of
from portal.tables import Image, Suppression, SuppressionChunk

PURPOSE = "suppression"
STRICTER = {"intake": {"intake"}, "datasets": {"intake", "datasets"}}
YEAR = timedelta(days=365.25)
# Of a keyed hash half is kept where there are millions: 128 bits do not meet by chance.
HALF = 16


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
            digests=b"".join(_halves(keys, digests)),
            near_digests=keys.seal(told, _chunk_place(order_id, number)) if told is not None else None,
            created_at=clock.now(),
            expires_at=clock.now() + config_of(session).suppression_years * YEAR,
        )
    )
    session.flush()
    return len(digests)


def newest(session: Session) -> tuple[int | None, int | None]:
    """What differs once anything was added: a gate made before it is out of date then."""
    return session.scalar(select(func.max(Suppression.id))), session.scalar(select(func.max(SuppressionChunk.id)))


class Promised:
    """The digests that one order's suppressions stop, 16 bytes each, to look whether they are all there."""

    def __init__(self, session: Session, order_id: str) -> None:
        self._keys = keys_of(session)
        rows = select(SuppressionChunk.digests).filter_by(order_id=order_id)
        self._known = _Halves(list(session.scalars(rows)))

    def missing(self, digests: Sequence[bytes]) -> int:
        """How many of these SHA-256 digests are not stopped."""
        return self._known.missing(_halves(self._keys, digests))


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
        counting = select(SuppressionChunk.id).where(SuppressionChunk.expires_at > clock.now())
        self._of_orders = _of_orders(session, tuple(session.scalars(counting.order_by(SuppressionChunk.id))))

    def stops(self, digest: bytes, near: bytes | None, blocks: str = "intake") -> bool:
        """True when content with this SHA-256 `digest` or this near-duplicate digest must not come in.

        `blocks` says where to: `intake` into the portal's knowledge, `datasets` into a dataset.
        """
        keyed = self._keys.digest(PURPOSE, digest)
        if self._of_orders.stop(bytes.fromhex(keyed), near):
            return True
        return any(keyed in self._digests[kind] or _any_near(self._near[kind], near) for kind in STRICTER[blocks])


class _Halves:
    """Many half hashes, sorted by their first eight bytes, so that one is found without a Python object for each."""

    def __init__(self, packed: list[bytes]) -> None:
        words = np.frombuffer(b"".join(packed), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        order = np.argsort(words[:, 0], kind="stable")
        self._first, self._second = words[order, 0], words[order, 1]

    def missing(self, halves: list[bytes]) -> int:
        """How many of these are not among them; looked up all at once."""
        if not len(self._first):
            return len(halves)
        asked = np.frombuffer(b"".join(halves), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        places = np.minimum(np.searchsorted(self._first, asked[:, 0]), len(self._first) - 1)
        found = (self._first[places] == asked[:, 0]) & (self._second[places] == asked[:, 1])
        # Where two begin alike the right one may be the next.
        return sum(not self.holds(halves[place]) for place in np.flatnonzero(~found))

    def holds(self, half: bytes) -> bool:
        first, second = np.frombuffer(half, dtype=">u8").astype(np.uint64)
        start = int(np.searchsorted(self._first, first, side="left"))
        end = int(np.searchsorted(self._first, first, side="right"))
        return bool((self._second[start:end] == second).any())


class _OfOrders:
    """What all orders' suppressions stop: 48 bytes of memory for each photograph."""

    def __init__(self, digests: list[bytes], near: list[bytes]) -> None:
        self._halves = _Halves(digests)
        told = np.frombuffer(b"".join(near), dtype=np.uint64).reshape(-1, 4)
        self._near = told[(told != np.frombuffer(FLAT, dtype=np.uint64)).any(axis=1)]

    def stop(self, keyed: bytes, near: bytes | None) -> bool:
        return self._halves.holds(keyed[:HALF]) or _any_near(self._near, near)


_kept_at_hand: dict[Path, tuple[tuple[int, ...], _OfOrders]] = {}


def _of_orders(session: Session, ids: tuple[int, ...]) -> _OfOrders:
    """Rows are never changed, so the newest reading is kept for as long as they are the same ones."""
    keys = keys_of(session)
    known, found = _kept_at_hand.get(keys.folder, ((), None))
    if found is None or known != ids:
        rows = list(session.scalars(select(SuppressionChunk).where(SuppressionChunk.id.in_(ids)))) if ids else []
        near = [
            keys.unseal(row.near_digests, _chunk_place(row.order_id, row.number)) for row in rows if row.near_digests
        ]
        found = _OfOrders([row.digests for row in rows], near)
        _kept_at_hand[keys.folder] = (ids, found)
    return found


def _halves(keys: Keys, digests: Iterable[bytes]) -> list[bytes]:
    key = keys.derived(PURPOSE)
    return [hmac.digest(key, digest, "sha256")[:HALF] for digest in digests]


def _chunk_place(order_id: str, number: int) -> str:
    return f"suppression-chunk/{order_id}/{number}"


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

"""The gate: what was erased is stopped when it comes again, also saved anew."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import keys_of
from portal.suppression.digests import PURPOSE, OfOrders, any_near, chunk_place, packed_near, place
from portal.tables import HeldBack, KeptFace, Suppression, SuppressionChunk

STRICTER = {"intake": {"intake"}, "datasets": {"intake", "datasets"}}


def newest(session: Session) -> tuple[int, ...]:
    """What differs once anything was added or taken back: a gate made before it is out of date then."""
    asked = (
        select(func.max(Suppression.id), func.count()).select_from(Suppression),
        select(func.max(SuppressionChunk.id), func.count()).select_from(SuppressionChunk),
        select(func.max(KeptFace.id), func.count(KeptFace.sealed)),
        select(func.count()).where(HeldBack.state == "let-in"),
    )
    return tuple(number or 0 for one in asked for number in session.execute(one).one())


class Gate:
    """All suppressions that count now, read once: make a new gate for each batch of work."""

    def __init__(self, session: Session) -> None:
        self._keys = keys_of(session)
        self._digests: dict[str, set[str]] = {blocks: set() for blocks in STRICTER}
        near: dict[str, list[bytes]] = {blocks: [] for blocks in STRICTER}
        for row in session.scalars(select(Suppression).where(Suppression.expires_at > clock.now())):
            self._digests[row.blocks].add(row.digest)
            if row.near_digest is not None:
                near[row.blocks].append(self._keys.unseal(row.near_digest, place(row.erasure_id, row.image_id)))
        self._near = {blocks: packed_near(found) for blocks, found in near.items()}
        counting = select(SuppressionChunk.id).where(SuppressionChunk.expires_at > clock.now())
        self._of_orders = _of_orders(session, tuple(session.scalars(counting.order_by(SuppressionChunk.id))))

    def stops(self, digest: bytes, near: bytes | None, blocks: str = "intake") -> bool:
        """True when content with this SHA-256 `digest` or this near-duplicate digest must not come in.

        `blocks` says where to: `intake` into the portal's knowledge, `datasets` into a dataset.
        """
        keyed = self._keys.digest(PURPOSE, digest)
        if self._of_orders.stop(bytes.fromhex(keyed), near):
            return True
        return any(keyed in self._digests[kind] or any_near(self._near[kind], near) for kind in STRICTER[blocks])


_kept_at_hand: dict[Path, tuple[tuple[int, ...], OfOrders]] = {}


def _of_orders(session: Session, ids: tuple[int, ...]) -> OfOrders:
    """Rows are never changed, so the newest reading is kept for as long as they are the same ones."""
    keys = keys_of(session)
    known, found = _kept_at_hand.get(keys.folder, ((), None))
    if found is None or known != ids:
        rows = list(session.scalars(select(SuppressionChunk).where(SuppressionChunk.id.in_(ids)))) if ids else []
        near = [
            keys.unseal(row.near_digests, chunk_place(row.order_id, row.number)) for row in rows if row.near_digests
        ]
        found = OfOrders([row.digests for row in rows], near)
        _kept_at_hand[keys.folder] = (ids, found)
    return found

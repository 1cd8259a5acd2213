"""The gate: what was erased is stopped when it comes again, also saved anew."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import keys_of
from portal.suppression.digests import PURPOSE, OfOrders, any_near, chunk_place, packed_near, place
from portal.tables import HeldBack, KeptFace, Suppression, SuppressionChunk

STRICTER = {"intake": {"intake"}, "datasets": {"intake", "datasets"}}

Signs = tuple[object, ...]


def newest(session: Session) -> Signs:
    """What differs once anything was added, taken back or over: a gate made before it is out of date then.

    A row may get the number of one that was taken back, so when it was made counts, too.
    """
    asked = (
        *(
            select(func.max(table.id), func.max(table.created_at), func.count()).where(table.expires_at > clock.now())
            for table in (Suppression, SuppressionChunk)
        ),
        select(func.max(KeptFace.id), func.count(KeptFace.sealed)),
        select(func.count(), func.max(HeldBack.decided_at)).where(HeldBack.state == "let-in"),
    )
    return tuple(sign for one in asked for sign in session.execute(one).one())


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
        counting = select(SuppressionChunk.id, SuppressionChunk.created_at)
        counting = counting.where(SuppressionChunk.expires_at > clock.now()).order_by(SuppressionChunk.id)
        self._of_orders = _of_orders(session, tuple((row.id, row.created_at) for row in session.execute(counting)))

    def stops(self, digest: bytes, near: bytes | None, blocks: str = "intake") -> bool:
        """True when content with this SHA-256 `digest` or this near-duplicate digest must not come in.

        `blocks` says where to: `intake` into the portal's knowledge, `datasets` into a dataset.
        """
        keyed = self._keys.digest(PURPOSE, digest)
        if self._of_orders.stop(bytes.fromhex(keyed), near):
            return True
        return any(keyed in self._digests[kind] or any_near(self._near[kind], near) for kind in STRICTER[blocks])


_kept_at_hand: dict[Path, tuple[Signs, OfOrders]] = {}


def _of_orders(session: Session, counting: tuple[tuple[int, datetime], ...]) -> OfOrders:
    """Rows are never changed, so the newest reading is kept for as long as they are the same ones.

    `counting`: the number of each and when it was made. After a restore another one may have its number.
    """
    keys, ids = keys_of(session), [row_id for row_id, _ in counting]
    known, found = _kept_at_hand.get(keys.folder, ((), None))
    if found is None or known != counting:
        rows = list(session.scalars(select(SuppressionChunk).where(SuppressionChunk.id.in_(ids)))) if ids else []
        near = [
            keys.unseal(row.near_digests, chunk_place(row.order_id, row.number)) for row in rows if row.near_digests
        ]
        found = OfOrders([row.digests for row in rows], near)
        _kept_at_hand[keys.folder] = (counting, found)
    return found

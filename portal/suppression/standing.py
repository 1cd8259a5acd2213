"""What is kept to know again what was deleted, counted by what people chose. No digest, no face, no name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.suppression.digests import HALF
from portal.tables import CaseRight, Erasure, KeptFace, Suppression, SuppressionChunk


@dataclass(frozen=True)
class Standing:
    """One mode: how many cases (or orders), how many things are kept for them, and when the first of these ends."""

    mode: str
    cases: int
    kept: int
    next_end: datetime | None


def by_mode(session: Session) -> list[Standing]:
    """What counts now: `photographs`, `face`, `none`, and of whole orders `orders`."""
    now = clock.now()
    promises = (
        select(func.count(Erasure.case_id.distinct()), func.count(Suppression.id), func.min(Suppression.expires_at))
        .join(Erasure, Erasure.id == Suppression.erasure_id)
        .where(Suppression.expires_at > now)
    )
    faces = select(
        func.count(KeptFace.case_id.distinct()), func.count(KeptFace.id), func.min(KeptFace.expires_at)
    ).where(KeptFace.ended_at.is_(None), KeptFace.expires_at > now)
    orders = select(
        func.count(SuppressionChunk.order_id.distinct()),
        func.coalesce(func.sum(func.length(SuppressionChunk.digests)), 0),
        func.min(SuppressionChunk.expires_at),
    ).where(SuppressionChunk.expires_at > now)
    nothing = select(func.count()).where(CaseRight.right == "deletion", CaseRight.keeps == "none")
    of_orders = session.execute(orders).one()
    return [
        Standing("photographs", *session.execute(promises).one()),
        Standing("face", *session.execute(faces).one()),
        Standing("none", session.scalar(nothing) or 0, 0, None),
        Standing("orders", of_orders[0], of_orders[1] // HALF, of_orders[2]),
    ]

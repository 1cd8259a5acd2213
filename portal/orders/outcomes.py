"""How an order ended: the extent that each of its statements says, and which of them counts.

An order may be settled in part, and completed by a later statement. Whoever looks at it must not read the old end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.tables import Order, OrderCertificate

WORDS = {"full": "All of it is done", "partial": "Not all of it is done"}


@dataclass(frozen=True)
class Outcome:
    """One statement: its number from 1, its extent (full or partial), and when it was issued."""

    number: int
    extent: str
    issued_at: datetime

    @property
    def words(self) -> str:
        return WORDS[self.extent]


def outcomes(session: Session, orders: Iterable[Order]) -> dict[str, list[Outcome]]:
    """By order its statements, the one that counts first. An order without one is not in it."""
    told = select(OrderCertificate.order_id, OrderCertificate.number, OrderCertificate.kind, OrderCertificate.issued_at)
    mine = told.where(OrderCertificate.order_id.in_([order.id for order in orders]))
    found: dict[str, list[Outcome]] = {}
    for order_id, number, extent, issued_at in session.execute(mine.order_by(OrderCertificate.number.desc())):
        found.setdefault(order_id, []).append(Outcome(number, extent, issued_at))
    return found

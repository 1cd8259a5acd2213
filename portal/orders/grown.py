"""What changed between the plan and its carrying out.

The rule. A photograph that came into the selection since: the order stops before any effect, and is planned and
approved anew. One whose bytes changed: it is refused (`content-changed`), all others go. One that went: it is written
down as already absent. Nobody's approval is ever stretched to what they have not seen.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.db import Database
from portal.keys import keys_of
from portal.orders import chunks, selecting
from portal.orders.chunks import chunk_place
from portal.tables import Image, Order, OrderChunk, Scan

WAIT = timedelta(minutes=1)
"""How long an order waits for a scan that is running in its stores."""


def newcomers(database: Database, order: Order) -> int:
    """How many photographs the order would mean now that are not in its plan. Needs one bit for each image known."""
    planned = _planned(database, order)
    return sum(
        not planned.holds(row.id)
        for page in selecting.pages(database, order)
        for row in page.rows
        if row.digest is not None
    )


def scans_running(session: Session, order: Order) -> bool:
    """Whether a scan is adding photographs to the order's stores just now."""
    stores = selecting.stores_of(session, order)
    running = select(Scan.id).where(Scan.store_id.in_(stores), Scan.state == "running").limit(1)
    return session.scalar(running) is not None


class _Ids:
    """A set of ids, one bit each."""

    def __init__(self, greatest: int) -> None:
        self._bits = bytearray(greatest // 8 + 1)

    def add(self, number: int) -> None:
        self._bits[number >> 3] |= 1 << (number & 7)

    def holds(self, number: int) -> bool:
        return number >> 3 < len(self._bits) and bool(self._bits[number >> 3] >> (number & 7) & 1)


def _planned(database: Database, order: Order) -> _Ids:
    with database.reading() as session:
        ids = _Ids(session.scalar(select(func.max(Image.id))) or 0)
        numbers = list(session.scalars(select(OrderChunk.number).filter_by(order_id=order.id)))
    for number in numbers:
        with database.reading() as session:
            sealed = session.scalars(select(OrderChunk.sealed).filter_by(order_id=order.id, number=number)).one()
            for image in chunks.images_in(keys_of(session).unseal(sealed, chunk_place(order.id, number))):
                ids.add(image)
    return ids

"""What is looked at again by itself: erased photographs, and whether stores and what is known of them agree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.erasure import Erasure
from portal.tables.orders import Order
from portal.tables.stores import BigId, Store

OCCASIONS = ("day-1", "day-7", "day-30", "restore")
RECHECK_STATES = ("due", "clear", "found", "confirmed", "dismissed", "missed")
DRIFT_KINDS = ("file-without-row", "row-without-file", "vector-without-row", "row-without-vector")


class Recheck(Work, Base):
    """One look, by the independent path, at all that an erasure or an order took away. `found`: something seems back.

    That of an order goes on from its cursor: it has millions of photographs.
    """

    __tablename__ = "recheck"
    __table_args__ = (
        one_of("occasion", OCCASIONS),
        one_of("state", RECHECK_STATES),
        one_of("work_state", WORK_STATES),
        CheckConstraint("(erasure_id IS NULL) <> (order_id IS NULL)", name="is_of_one_erasure_or_one_order"),
        CheckConstraint("approved_by IS NULL OR approved_by <> decided_by OR one_person", name="two_people_agree"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    erasure_id: Mapped[str | None] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"), index=True)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"), index=True)
    occasion: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default="due", index=True)
    due_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    cursor: Mapped[int | None] = mapped_column(comment="the chunk up to which it has come")
    looked: Mapped[int] = mapped_column(default=0, comment="items that were looked at")
    hits: Mapped[list[Any]] = mapped_column(default=list, comment="id of each item that is back, and what was seen")
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who says whether it is so")
    decided_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who agrees to erase it again")
    one_person: Mapped[bool] = mapped_column(default=False)

    erasure: Mapped[Erasure | None] = relationship()
    order: Mapped[Order | None] = relationship()


class Drift(Work, Base):
    """A round through one store, in portions: what lies there against what is known of it. Begun each hour."""

    __tablename__ = "drift"
    __table_args__ = (UniqueConstraint("store_id"), one_of("work_state", WORK_STATES))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"))
    cursor: Mapped[str | None] = mapped_column(String(2000), comment="the key up to which this round has come")
    looked: Mapped[int] = mapped_column(default=0, comment="objects and rows of this round so far")
    began_at: Mapped[datetime | None] = mapped_column(comment="of this round")
    ended_at: Mapped[datetime | None] = mapped_column(comment="of the last round that came to its end")

    store: Mapped[Store] = relationship()


class DriftFinding(Base):
    """One place where a store and what is known of it differ. It goes when they agree again."""

    __tablename__ = "drift_finding"
    __table_args__ = (UniqueConstraint("store_id", "kind", "what"), one_of("kind", DRIFT_KINDS))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(2000), comment="the key, or the id of the face")
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

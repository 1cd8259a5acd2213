"""Erasing a whole source, store, dataset, list of accounts or what is too old: the order, its chunks, its end.

An order may be about millions of photographs. There is no row for each of them but one for each 1,024, a chunk. The
root of a chunk's leaves is a node of the whole tree (RFC 6962), so the one digest that people approve covers them all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.stores import BigId

ORDER_KINDS = ("source", "store", "dataset", "accounts", "retention")
ORDER_STATES = (
    "planning",
    "planned",
    "cooling",
    "running",
    "checking",
    "notifying",
    "settled",
    "cancelled",
    "stopped",
)
SUPPRESSES = ("near", "exact", "nothing")
OATHS = ("us", "california", "statement")
CHUNK_STATES = ("planned", "intent", "applied", "verified")
ORDER_ITEM_KINDS = ("model", "output", "product", "recipient")
ORDER_ITEM_STATES = ("planned", "verified")


class Order(Work, Base):
    """What is to be erased and how far it is. `plan_digest` is what two people approve."""

    __tablename__ = "order"
    __table_args__ = (
        one_of("kind", ORDER_KINDS),
        one_of("state", ORDER_STATES),
        one_of("work_state", WORK_STATES),
        one_of("suppresses", SUPPRESSES),
        one_of("oath", OATHS),
        CheckConstraint("second_by IS NULL OR second_by <> first_by OR one_person", name="two_different_people_agree"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    kind: Mapped[str] = mapped_column(String(10))
    selection: Mapped[dict[str, Any]] = mapped_column(comment="ids of what is meant, days, dates")
    sealed_accounts: Mapped[bytes | None] = mapped_column(LargeBinary, comment="names of accounts, sealed; purged")
    reason: Mapped[str] = mapped_column(Text, comment="by whose order and on what ground, in a sentence")
    suppresses: Mapped[str] = mapped_column(String(8), default="near", comment="what is stopped at the gate after")
    state: Mapped[str] = mapped_column(String(10), default="planning")
    paused: Mapped[bool] = mapped_column(default=False)
    cursor: Mapped[list[Any] | None] = mapped_column(
        comment="of the planning: store and key; once settled: the chunk after which it is asked who else has a copy"
    )
    plan: Mapped[dict[str, Any] | None] = mapped_column(comment="counts by store and dataset, what is left out and why")
    plan_digest: Mapped[str | None] = mapped_column(String(64), comment="Merkle root, hexadecimal")
    images_root: Mapped[str | None] = mapped_column(String(64))
    images: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0, comment="photographs erased, or known not to be")
    checked: Mapped[int] = mapped_column(default=0, comment="photographs that were looked for again")
    working_seconds: Mapped[float] = mapped_column(default=0.0, comment="of the phase it is in")
    asked_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    first_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    first_at: Mapped[datetime | None]
    second_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    second_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False)
    cooling_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None] = mapped_column(comment="when it was last asked who else has a copy")
    why_stopped: Mapped[str | None] = mapped_column(String(500))
    signatory: Mapped[str] = mapped_column(String(200), comment="who signs the sworn statement on paper")
    position: Mapped[str] = mapped_column(String(200), comment="their position in the organisation")
    oath: Mapped[str] = mapped_column(String(10), default="statement", comment="by which law they swear")


class OrderChunk(Base):
    """Up to 1,024 photographs of an order, in the order of the plan, and what became of each."""

    __tablename__ = "order_chunk"
    __table_args__ = (UniqueConstraint("order_id", "number"), one_of("state", CHUNK_STATES))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"))
    number: Mapped[int]
    images: Mapped[int]
    root: Mapped[bytes] = mapped_column(LargeBinary(32), comment="of the leaves as they were planned")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="the photographs with salts; keys and digests purged")
    marks: Mapped[bytes] = mapped_column(LargeBinary, comment="what became of each, one letter a photograph")
    state: Mapped[str] = mapped_column(String(10), default="planned")
    fence: Mapped[int] = mapped_column(default=0, comment="of the worker that wrote the intent")
    counts: Mapped[dict[str, Any] | None] = mapped_column(comment="how many came to each result, and what else went")
    evidence: Mapped[dict[str, Any] | None] = mapped_column(comment="what the check by another path saw")
    results_root: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="of the lines as they are certified")
    done_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    again_at: Mapped[datetime | None] = mapped_column(comment="when what its store keeps is tried again")


class OrderItem(Base):
    """One model, output, product or recipient that the photographs reached, and that a person must see to."""

    __tablename__ = "order_item"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        one_of("kind", ORDER_ITEM_KINDS),
        one_of("state", ORDER_ITEM_STATES),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    target: Mapped[str] = mapped_column(String(32), comment="id of the model, product or recipient")
    name: Mapped[str] = mapped_column(String(300))
    via: Mapped[str] = mapped_column(Text, comment="how it was reached, in sentences")
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[str] = mapped_column(String(10), default="planned")
    result: Mapped[str | None] = mapped_column(String(30), comment="a remedy, or what the recipient answered")
    evidence: Mapped[dict[str, Any] | None]
    note: Mapped[str | None] = mapped_column(Text)
    done_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    done_at: Mapped[datetime | None]


class OrderCertificate(Base):
    """The sworn statement of an order. It is never changed: a later one replaces it."""

    __tablename__ = "order_certificate"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        CheckConstraint("(number = 1) = (supersedes IS NULL)", name="only_the_first_has_none_before_it"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id", ondelete="RESTRICT"))
    number: Mapped[int] = mapped_column(default=1, server_default="1")
    supersedes: Mapped[str | None] = mapped_column(
        ForeignKey("order_certificate.id"), comment="the one before it, which stays"
    )
    kind: Mapped[str] = mapped_column(String(12), comment="full or partial")
    statement: Mapped[bytes] = mapped_column(LargeBinary, comment="the exact bytes that are in the log")
    sealed_people: Mapped[bytes] = mapped_column(LargeBinary, comment="lines about models and recipients, sealed")
    entry: Mapped[int] = mapped_column(BigId, ForeignKey("entry.position"), unique=True)
    issued_at: Mapped[datetime]


class SuppressionChunk(Base):
    """The promise not to take in again what a chunk held: keyed digests one after the other, sealed near digests."""

    __tablename__ = "suppression_chunk"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        Index("ix_suppression_chunk_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"))
    number: Mapped[int]
    digests: Mapped[bytes] = mapped_column(LargeBinary, comment="16 bytes each: the beginning of a keyed hash")
    near_digests: Mapped[bytes | None] = mapped_column(LargeBinary, comment="32 bytes each, sealed together")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

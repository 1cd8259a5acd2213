"""Carrying an erasure or an opt-out out, what was seen after, and what keeps it done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.stores import BigId

ERASURE_KINDS = ("deletion", "opt-out")
ERASURE_STATES = ("planned", "approved", "cooling", "running", "checking", "notifying", "settled", "stopped")
ITEM_KINDS = (
    "image",
    "templates",
    "crop",
    "record",
    "dataset-place",
    "suppression",
    "model",
    "product",
    "recipient",
    "face",
    "redaction",
    "output",
    "copy",
)
FOR_PEOPLE = ("model", "output", "product", "recipient")
ITEM_STATES = (
    "planned",
    "withheld",
    "quarantined",
    "intent",
    "applied",
    "verified",
    "residual",
    "refused",
    "failed",
)
REMEDIES = (
    "destroyed",
    "retrained-without",
    "unlearned",
    "output-suppressed",
    "not-affected",
    "kept",
    "told",
    "not-reached",
    "not-yet-decided",
)


class Erasure(Work, Base):
    """The plan for one case and how far it is. `plan_digest` is what the second person approves."""

    __tablename__ = "erasure"
    __table_args__ = (
        UniqueConstraint("case_id", "kind"),
        one_of("kind", ERASURE_KINDS),
        one_of("state", ERASURE_STATES),
        one_of("work_state", WORK_STATES),
        CheckConstraint(
            "approved_by IS NULL OR approved_by <> asked_by OR one_person", name="two_different_people_agree"
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), default="planned")
    plan_digest: Mapped[str] = mapped_column(String(64), comment="Merkle root of the items, hexadecimal")
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    planned_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False)
    cooling_until: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None] = mapped_column(
        comment="when the person was told what is done and what is awaited"
    )

    items: Mapped[list[ErasureItem]] = relationship(order_by="ErasureItem.position")


class ErasureItem(Base):
    """One copy that must go, or one model, product or recipient that a person must see to."""

    __tablename__ = "erasure_item"
    __table_args__ = (
        UniqueConstraint("erasure_id", "position"),
        one_of("kind", ITEM_KINDS),
        one_of("state", ITEM_STATES),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(15))
    image_id: Mapped[int | None] = mapped_column(BigId, comment="of the tombstone that stays")
    target: Mapped[str] = mapped_column(String(100), comment="what exactly: id of the dataset, model, crop ...")
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32), comment="hash of the item as it was planned, salted")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="key, digests and salt, sealed; purged after")
    state: Mapped[str] = mapped_column(String(12), default="planned")
    result: Mapped[str | None] = mapped_column(String(30), comment="deleted, already-absent, a remedy ...")
    evidence: Mapped[dict[str, Any] | None] = mapped_column(comment="what the check by another path saw")
    note: Mapped[str | None] = mapped_column(Text, comment="what a person wrote about a model or recipient")
    done_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    done_at: Mapped[datetime | None]
    again_at: Mapped[datetime | None] = mapped_column(comment="when a copy that its store keeps is tried again")


class Suppression(Base):
    """The promise not to take content in again, keeping the least needed: a keyed digest and a sealed near one."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("erasure_id", "image_id"), Index("ix_suppression_digest", "digest"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(BigId, comment="of the tombstone")
    digest: Mapped[str] = mapped_column(String(64), comment="keyed hash of the bytes' SHA-256")
    near_digest: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed")
    blocks: Mapped[str] = mapped_column(String(10), comment="intake: not taken in at all; datasets: kept out of those")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Certificate(Base):
    """The signed statement of what was erased, what was not, and why. It is never changed: a later one replaces it."""

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("erasure_id", "number"),
        CheckConstraint("(number = 1) = (supersedes IS NULL)", name="only_the_first_has_none_before_it"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasure.id", ondelete="RESTRICT"))
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="RESTRICT"))
    number: Mapped[int] = mapped_column(default=1, server_default="1")
    supersedes: Mapped[str | None] = mapped_column(
        ForeignKey("certificate.id"), comment="the one before it, which stays"
    )
    kind: Mapped[str] = mapped_column(String(12), comment="full or partial")
    statement: Mapped[bytes] = mapped_column(LargeBinary, comment="the exact bytes that are in the log")
    sealed_items: Mapped[bytes] = mapped_column(LargeBinary, comment="the items with salts, sealed: not in the log")
    entry: Mapped[int] = mapped_column(BigId, ForeignKey("entry.position"), unique=True)
    issued_at: Mapped[datetime]

"""The face that a person lets us keep to keep them out, and what it held back at the gate."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, one_of
from portal.tables.stores import BigId, Image

FACE_ENDS = ("expired", "withdrawn", "no-use")
HELD_BACK_STATES = ("waiting", "let-in", "kept-out")


class KeptFace(Base):
    """A protected template of a person whose photographs were deleted, kept by their consent and for one purpose.

    It is sealed under a key of its case alone, outside the database. When it ends, the key goes first. `no-use`: its
    encoder is used no more, so that it could stop nothing.
    """

    __tablename__ = "kept_face"
    __table_args__ = (
        UniqueConstraint("case_id", "encoder"),
        one_of("ended_because", FACE_ENDS),
        CheckConstraint("(sealed IS NULL) = (ended_at IS NOT NULL)", name="what_has_ended_keeps_nothing"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    encoder: Mapped[str] = mapped_column(String(160), comment="name and version")
    sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="the template, under a key of its own; empty: destroyed"
    )
    purpose: Mapped[str] = mapped_column(String(200), comment="what it may be used for, and nothing else")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(10))


class HeldBack(Base):
    """A photograph that a scan did not take in because a face in it is near to a kept one, until somebody has looked.

    Whose face that may be is written nowhere. What was let in is known again by its bytes.
    """

    __tablename__ = "held_back"
    __table_args__ = (UniqueConstraint("image_id"), one_of("state", HELD_BACK_STATES))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    image_id: Mapped[int] = mapped_column(BigId, ForeignKey("image.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64), index=True, comment="keyed hash of the bytes' SHA-256")
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    held_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text, comment="why it may come in")

    image: Mapped[Image] = relationship()

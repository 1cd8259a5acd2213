"""Bytes at rest: what people send us, crops for reviewers, packages, letters. Always sealed, always with a clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, deferred, mapped_column

from portal.tables.base import Base, one_of, random_id

PURPOSES = ("probe", "probe-crop", "candidate-crop", "package", "challenge", "proof", "letter")


class Blob(Base):
    """Sealed bytes. `purge_after` empty means: as long as the row that points here lives."""

    __tablename__ = "blob"
    __table_args__ = (one_of("purpose", PURPOSES),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    purpose: Mapped[str] = mapped_column(String(20))
    media_type: Mapped[str] = mapped_column(String(60))
    sealed: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    created_at: Mapped[datetime]
    purge_after: Mapped[datetime | None] = mapped_column(index=True)

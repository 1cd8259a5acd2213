"""The log: its entries, and the signed heads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import Base
from portal.tables.stores import BigId


class Entry(Base):
    """A line of the log: the exact bytes that are hashed. No personal data in it, ever."""

    __tablename__ = "entry"

    position: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False, comment="from 0, without gaps")
    kind: Mapped[str] = mapped_column(String(40), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]


class Checkpoint(Base):
    """A signed head of the log."""

    __tablename__ = "checkpoint"

    size: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text, comment="C2SP signed note")
    at: Mapped[datetime]

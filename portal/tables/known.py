"""Pairs of photographs of which it is known whom they show: practice and measure for reviewers, never a case's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, one_of, random_id
from portal.tables.matching import ANSWERS

BASES = ("consented", "public-domain")


class KnownPhoto(Base):
    """A photograph whose person agreed to this use, or that anybody may use. No name is kept with it."""

    __tablename__ = "known_photo"
    __table_args__ = (one_of("basis", BASES), UniqueConstraint("digest"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    digest: Mapped[str] = mapped_column(String(64), comment="keyed, so that it is added once")
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, comment="sealed JPEG of the face")
    whole: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, comment="sealed JPEG of the whole picture")
    basis: Mapped[str] = mapped_column(String(15))
    source: Mapped[str] = mapped_column(String(200), comment="where it comes from; by this it is taken out again")
    added_at: Mapped[datetime]


class KnownPair(Base):
    """Two of these photographs. Without both it is not shown any more; what people answered about it stays."""

    __tablename__ = "known_pair"
    __table_args__ = (UniqueConstraint("sent_id", "found_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    sent_id: Mapped[str | None] = mapped_column(ForeignKey("known_photo.id", ondelete="SET NULL"))
    found_id: Mapped[str | None] = mapped_column(ForeignKey("known_photo.id", ondelete="SET NULL"))
    same: Mapped[bool] = mapped_column(comment="whether they show one person")


class KnownLook(Base):
    """One reviewer's look at one known pair. Its id stands in addresses, as a candidate's does."""

    __tablename__ = "known_look"
    __table_args__ = (UniqueConstraint("account_id", "pair_id"), one_of("answer", ANSWERS))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    pair_id: Mapped[str] = mapped_column(ForeignKey("known_pair.id", ondelete="CASCADE"), index=True)
    handed_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(String(20))
    at: Mapped[datetime | None]
    seconds: Mapped[float | None] = mapped_column(Float, comment="from handing out to the answer")

    pair: Mapped[KnownPair] = relationship()

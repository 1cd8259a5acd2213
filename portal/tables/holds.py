"""Why something must not be erased for now, from when to when, and who said so."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import Base, one_of, random_id

HOLD_SCOPES = ("image", "account", "source", "store", "dataset", "case")
HOLD_BASES = ("court-order", "regulator", "legal-claim", "investigation", "statute")
HOLD_ENDS = ("lifted", "over", "not-approved")


class Hold(Base):
    """A legal hold. It keeps from the moment it is placed; without a second person's word it ends after some days."""

    __tablename__ = "hold"
    __table_args__ = (
        one_of("scope", HOLD_SCOPES),
        one_of("basis", HOLD_BASES),
        one_of("ended_how", HOLD_ENDS),
        CheckConstraint("ends_on IS NOT NULL OR review_on IS NOT NULL", name="it_ends_or_is_looked_at_again"),
        CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name="an_end_says_how"),
        CheckConstraint("approved_by IS NULL OR approved_by <> placed_by OR one_person", name="two_people_agree"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    scope: Mapped[str] = mapped_column(String(10))
    target: Mapped[str] = mapped_column(String(300), comment="id of what is held, or the name of the account")
    basis: Mapped[str] = mapped_column(String(15), comment="the class of the basis: all that a certificate says")
    why: Mapped[str] = mapped_column(Text, comment="for the team")
    citation: Mapped[str] = mapped_column(String(300), comment="the order, file or article it rests on")
    starts_on: Mapped[date] = mapped_column(Date, comment="first day, in the zone of the installation")
    ends_on: Mapped[date | None] = mapped_column(Date, comment="last day")
    review_on: Mapped[date | None] = mapped_column(Date, comment="when somebody asks whether it is needed still")
    placed_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    placed_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False, comment="the installation allows one person alone")
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_how: Mapped[str | None] = mapped_column(String(12))
    lifted_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    lifted_why: Mapped[str | None] = mapped_column(Text)

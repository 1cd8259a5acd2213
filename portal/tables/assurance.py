"""What a person shows beside the contact and the photographs before pictures are given out: a second sign, and a
declaration. And the token they place in a profile of theirs, which a worker of its own looks for.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id

SIGNS = ("second-contact", "held-contact", "known-contact", "profile")
PROFILE_STATES = ("asked", "looking", "found", "not-found")


class SecondSign(Base):
    """A second thing that shows who is asking. Addresses are sealed, and go when it is decided who is asking."""

    __tablename__ = "second_sign"
    __table_args__ = (one_of("kind", SIGNS), UniqueConstraint("case_id", "kind"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed address that a code was sent to")
    digest: Mapped[str | None] = mapped_column(String(64), comment="keyed; of the code")
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None]
    given_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who knew the contact")
    note: Mapped[str | None] = mapped_column(Text, comment="how the caseworker knows")
    asked_at: Mapped[datetime]
    shown_at: Mapped[datetime | None] = mapped_column(comment="when it was shown to be theirs")


class Declaration(Base):
    """The words a person signed, with their name. Kept as long as the record of the request."""

    __tablename__ = "declaration"

    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed JSON: the words as read, and the name")
    signed_at: Mapped[datetime]
    taken_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who took it in on paper")


class ProfileCheck(Work, Base):
    """A token that the person places in a profile, to show that it is theirs. A worker looks for it, once asked."""

    __tablename__ = "profile_check"
    __table_args__ = (
        one_of("state", PROFILE_STATES),
        one_of("work_state", WORK_STATES),
        UniqueConstraint("case_id"),
        CheckConstraint("state <> 'found' OR found_at IS NOT NULL", name="what_was_found_has_a_time"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), default="asked")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed link of the profile")
    token: Mapped[str | None] = mapped_column(String(40), comment="to be placed in the profile")
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    found_at: Mapped[datetime | None]
    seen: Mapped[str | None] = mapped_column(String(30), comment="what came of the last look, as a code")


class NewWords(Base):
    """New secret words for who lost theirs, by a code to the confirmed contact. The words themselves are in no row.

    Where a caseworker had made sure who asks, the answer stays closed until one has done so again.
    """

    __tablename__ = "new_words"
    __table_args__ = (
        CheckConstraint("(cleared_at IS NULL) = (cleared_by IS NULL)", name="who_is_sure_says_when"),
        CheckConstraint("cleared_at IS NULL OR given_at IS NOT NULL", name="only_what_was_given_is_cleared"),
    )

    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str | None] = mapped_column(String(64), comment="keyed; of the code that was sent")
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None] = mapped_column(comment="of the code")
    given_at: Mapped[datetime | None] = mapped_column(comment="when the code was typed and new words were made")
    cleared_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who is sure again who asks")
    cleared_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text, comment="how they know")

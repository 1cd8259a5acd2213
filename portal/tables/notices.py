"""Telling recipients of an erasure, what they answered, and the public feed of what was taken out of a dataset."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.lineage import Dataset, Recipient
from portal.tables.stores import BigId

NOTICE_STATES = ("made", "sent", "read", "acknowledged", "refused", "unreachable")
ANSWERS = ("erased", "nothing-held", "partly", "refused", "told")
ANSWERED_BY = ("recipient", "caseworker")


class Notice(Work, Base):
    """One recipient is told of one erasure, or of one order. A later one about the same has the next number."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("erasure_id", "recipient_id", "number"),
        UniqueConstraint("order_id", "recipient_id", "number"),
        CheckConstraint("(erasure_id IS NULL) <> (order_id IS NULL)", name="is_of_one_erasure_or_one_order"),
        one_of("state", NOTICE_STATES),
        one_of("work_state", WORK_STATES),
        one_of("result", ANSWERS),
        one_of("answered_by", ANSWERED_BY),
        CheckConstraint(
            "(answered_at IS NULL) = (result IS NULL) AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="an_answer_says_who_gave_it",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    erasure_id: Mapped[str | None] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"), index=True)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"), index=True)
    recipient_id: Mapped[str] = mapped_column(ForeignKey("recipient.id", ondelete="CASCADE"), index=True)
    item_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("erasure_item.id", ondelete="SET NULL"), comment="of the plan; empty where found later"
    )
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default="made")
    covers: Mapped[list[str]] = mapped_column(comment="the disclosures it is about: what, and on which day")
    photographs: Mapped[int] = mapped_column(comment="how many digests it carries")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed JSON of what it says; purged")
    digest: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the signed text, hexadecimal")
    purge_after: Mapped[datetime] = mapped_column(index=True)
    made_at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(comment="when it first left")
    read_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, comment="calls of the endpoint that failed since the last reminder")
    reminders: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(index=True, comment="when silence has a consequence")
    escalated_at: Mapped[datetime | None] = mapped_column(comment="since when a caseworker is to see to it")
    facts: Mapped[list[Any]] = mapped_column(comment="what was tried, when, and what came back")
    result: Mapped[str | None] = mapped_column(String(12))
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(12))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who wrote down the answer")
    answer: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed: their words or signed text, verbatim")
    signed: Mapped[bool] = mapped_column(default=False, comment="signed with the key they registered")

    recipient: Mapped[Recipient] = relationship()


class NoticeGround(Base):
    """What later notices of an erasure are made from: the digests of its photographs, sealed, with a clock.

    Those of an order rest in its chunks.
    """

    __tablename__ = "notice_ground"

    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed JSON: digest by image")
    looked_at: Mapped[datetime] = mapped_column(index=True, comment="when it was last asked who else has a copy")
    purge_after: Mapped[datetime] = mapped_column(index=True)


class Feed(Base):
    """The signed head of a dataset version's removal feed."""

    __tablename__ = "feed"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    size: Mapped[int] = mapped_column(BigId)
    frontier: Mapped[bytes] = mapped_column(LargeBinary, comment="roots of its full subtrees, 32 bytes each")
    note: Mapped[str] = mapped_column(Text, comment="the signed head as it is given out")
    signed_at: Mapped[datetime]

    dataset: Mapped[Dataset] = relationship()


class FeedEntry(Base):
    """One photograph that was taken out of a dataset version. Entries are only ever added.

    Who has us keep nothing has theirs taken away again, all but its hash: so the list is as long and as signed as ever.
    """

    __tablename__ = "feed_entry"
    __table_args__ = (UniqueConstraint("dataset_id", "image_id"),)

    dataset_id: Mapped[str] = mapped_column(ForeignKey("feed.dataset_id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    image_id: Mapped[int] = mapped_column(BigId, comment="of the tombstone")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), comment="salted; public")
    removed_on: Mapped[date] = mapped_column(Date)
    nonce: Mapped[bytes | None] = mapped_column(LargeBinary(16), comment="random; public; older lines have none")
    taken_at: Mapped[datetime | None] = mapped_column(
        comment="since when only the hash of the line is given out, which stands in the place of the digest"
    )

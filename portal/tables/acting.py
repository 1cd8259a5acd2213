"""Who acts for somebody else, what shows that they may, and how a request came that was not typed in by the person."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, one_of, random_id

ROLES = ("agent", "child", "deceased")
JUDGEMENTS = ("accepted", "turned-down")
ARRIVALS = ("post", "phone", "in-person")


class Mandate(Base):
    """That the one who asks acts for somebody else. Names and addresses in it are sealed."""

    __tablename__ = "mandate"
    __table_args__ = (
        one_of("role", ROLES),
        one_of("judged", JUDGEMENTS),
        UniqueConstraint("draft_id"),
        UniqueConstraint("case_id"),
        UniqueConstraint("token_digest"),
        CheckConstraint("draft_id IS NOT NULL OR case_id IS NOT NULL", name="it_belongs_to_a_draft_or_a_case"),
        CheckConstraint("agreed_by IS NULL OR agreed_by <> judged_by OR one_person", name="two_different_people_agree"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    draft_id: Mapped[str | None] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(10), comment="agent, child or deceased")
    basis: Mapped[str] = mapped_column(String(30), comment="what gives the right to act, such as permission")
    rule: Mapped[str | None] = mapped_column(String(60), comment="frozen at receipt")
    rule_version: Mapped[int | None]
    rights: Mapped[list[str]] = mapped_column(comment="which the permission covers")
    expires_on: Mapped[date | None] = mapped_column(Date, comment="last day of the permission")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed JSON: the names, the person's address")
    token_digest: Mapped[str | None] = mapped_column(String(64), comment="keyed; of the link that the person gets")
    secret_hash: Mapped[str | None] = mapped_column(String(200), comment="argon2 of the person's own secret words")
    asked_at: Mapped[datetime | None] = mapped_column(comment="when the person was asked to confirm")
    confirmed_at: Mapped[datetime | None] = mapped_column(comment="by the person themselves")
    ended_at: Mapped[datetime | None] = mapped_column(comment="the person took the permission back")
    judged: Mapped[str | None] = mapped_column(String(12))
    note: Mapped[str | None] = mapped_column(Text, comment="how the caseworker knows")
    judged_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    judged_at: Mapped[datetime | None]
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    agreed_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False, comment="the installation allows one person alone")
    created_at: Mapped[datetime]

    proofs: Mapped[list[Proof]] = relationship(order_by="Proof.point", passive_deletes=True)


class Proof(Base):
    """One point of the list that shows that somebody may act: the paper sent for it, and what a caseworker saw."""

    __tablename__ = "proof"
    __table_args__ = (UniqueConstraint("mandate_id", "point"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    mandate_id: Mapped[str] = mapped_column(ForeignKey("mandate.id", ondelete="CASCADE"))
    point: Mapped[str] = mapped_column(String(30))
    blob_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"))
    sent_at: Mapped[datetime | None]
    met: Mapped[bool | None]
    judged_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    judged_at: Mapped[datetime | None]


class Arrival(Base):
    """A request that came by phone, by post or at the counter, and was entered by a caseworker."""

    __tablename__ = "arrival"
    __table_args__ = (one_of("how", ARRIVALS),)

    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    how: Mapped[str] = mapped_column(String(10))
    entered_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    entered_at: Mapped[datetime]
    address: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed: name and postal address")
    scan_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"), comment="of the letter")

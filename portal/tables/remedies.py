"""What was done about models: the remedy of each with its evidence, and training runs that were checked."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, one_of, random_id
from portal.tables.stores import BigId

MODEL_REMEDIES = ("destroyed", "retrained-without", "unlearned", "output-suppressed", "not-affected", "kept")


class Retraining(Base):
    """A new training run of a model, whose manifest was gone through and holds nothing of what was erased.

    `root` is of a sorted tree: each leaf is SHA-256(salt || digest) of one photograph of the manifest.
    """

    __tablename__ = "retraining"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    model_id: Mapped[str] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"), index=True)
    run: Mapped[str] = mapped_column(String(200), comment="id of the training run in its own system")
    root: Mapped[str] = mapped_column(String(64), comment="Merkle root of the manifest, hexadecimal")
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    photographs: Mapped[int] = mapped_column(BigId, comment="how many different ones the manifest has")
    checked_at: Mapped[datetime]


class Absence(Base):
    """That none of an erasure's photographs is in the manifest of a training run: a proof for each, sealed."""

    __tablename__ = "absence"

    retraining_id: Mapped[str] = mapped_column(ForeignKey("retraining.id", ondelete="CASCADE"), primary_key=True)
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasure.id", ondelete="CASCADE"), primary_key=True)
    photographs: Mapped[int] = mapped_column(comment="how many proofs")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed JSON: the proof by position of the plan's item")


class OrderAbsence(Base):
    """That none of an order's photographs is in the manifest of a training run.

    Of millions that would be a book of proofs: the values of the tree are kept, and the proof about one photograph is
    made for whoever holds it.
    """

    __tablename__ = "order_absence"

    retraining_id: Mapped[str] = mapped_column(ForeignKey("retraining.id", ondelete="CASCADE"), primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id", ondelete="CASCADE"), primary_key=True)
    photographs: Mapped[int] = mapped_column(comment="how many were looked for")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="the values of the tree, 32 bytes each, sealed")


class Remedy(Base):
    """What was done about one model that an erasure or an order reached, and by what that can be checked."""

    __tablename__ = "remedy"
    __table_args__ = (
        one_of("remedy", MODEL_REMEDIES),
        CheckConstraint("(item_id IS NULL) <> (order_item_id IS NULL)", name="is_of_one_erasure_or_one_order"),
        CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> answered_by OR one_person", name="two_different_people_agree"
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    item_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("erasure_item.id", ondelete="CASCADE"), unique=True)
    order_item_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("order_item.id", ondelete="CASCADE"), unique=True
    )
    remedy: Mapped[str] = mapped_column(String(20))
    done_on: Mapped[date] = mapped_column(Date)
    method: Mapped[str] = mapped_column(String(500), default="", comment="how: of destroying, unlearning, suppressing")
    basis: Mapped[str] = mapped_column(Text, default="", comment="why it is kept, or why it is not affected")
    weights_before: Mapped[str] = mapped_column(String(64), default="", comment="SHA-256, hexadecimal")
    weights_after: Mapped[str] = mapped_column(String(64), default="", comment="SHA-256, hexadecimal")
    run: Mapped[str] = mapped_column(String(200), default="", comment="id of the training run in its own system")
    retraining_id: Mapped[str | None] = mapped_column(ForeignKey("retraining.id"))
    answered_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    answered_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    confirmed_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False, comment="the installation lets one person alone answer")

    retraining: Mapped[Retraining | None] = relationship()

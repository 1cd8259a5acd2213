"""Where images came from and where they went: sources, datasets, trained models, products, recipients."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, random_id
from portal.tables.stores import BigId


class Source(Base):
    """Where a collection came from, under what terms and consent, and who had the right to share it."""

    __tablename__ = "source"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    from_whom: Mapped[str] = mapped_column(String(300))
    received_on: Mapped[date] = mapped_column(Date)
    terms: Mapped[str] = mapped_column(Text)
    consent: Mapped[str] = mapped_column(Text)
    right_to_share: Mapped[str] = mapped_column(Text, default="")


class Dataset(Base):
    """A named collection at a version."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")
    created_on: Mapped[date] = mapped_column(Date)


class DatasetMember(Base):
    """That an image is in a dataset. `removed_at` is set when it was taken out; the place is then kept empty."""

    __tablename__ = "dataset_member"
    __table_args__ = (Index("ix_dataset_member_image_id", "image_id"),)

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("image.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    dataset: Mapped[Dataset] = relationship()


class TrainedModel(Base):
    """A model."""

    __tablename__ = "trained_model"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(60))
    weights_digest: Mapped[str] = mapped_column(String(64), default="", comment="SHA-256 of the weights, hexadecimal")
    purpose: Mapped[str] = mapped_column(Text, default="")


class TrainingUse(Base):
    """That a model was trained on a dataset, when, and from when to when it was in use."""

    __tablename__ = "training_use"
    __table_args__ = (UniqueConstraint("model_id", "dataset_id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    model_id: Mapped[str] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    trained_on: Mapped[date] = mapped_column(Date)
    in_use_from: Mapped[date | None] = mapped_column(Date)
    in_use_to: Mapped[date | None] = mapped_column(Date)

    model: Mapped[TrainedModel] = relationship()
    dataset: Mapped[Dataset] = relationship()


class Product(Base):
    """What was built on a model."""

    __tablename__ = "product"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    description: Mapped[str] = mapped_column(Text, default="")

    model: Mapped[TrainedModel] = relationship()


class Recipient(Base):
    """Who received a dataset or a model."""

    __tablename__ = "recipient"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    contact: Mapped[str] = mapped_column(String(300))
    country: Mapped[str] = mapped_column(String(60), default="")
    endpoint: Mapped[str | None] = mapped_column(String(500), comment="https address for signed notices")
    answer_key: Mapped[str | None] = mapped_column(String(300), comment="public key with which they sign answers")


class Disclosure(Base):
    """That a recipient got a dataset or a model, when and on what basis."""

    __tablename__ = "disclosure"
    __table_args__ = (
        CheckConstraint("(dataset_id IS NULL) <> (model_id IS NULL)", name="is_of_one_dataset_or_one_model"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    recipient_id: Mapped[str] = mapped_column(ForeignKey("recipient.id", ondelete="CASCADE"))
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    model_id: Mapped[str | None] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    disclosed_on: Mapped[date] = mapped_column(Date)
    basis: Mapped[str] = mapped_column(Text)

    recipient: Mapped[Recipient] = relationship()
    dataset: Mapped[Dataset | None] = relationship()
    model: Mapped[TrainedModel | None] = relationship()

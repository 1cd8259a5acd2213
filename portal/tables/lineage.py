"""Where images came from and went: sources, datasets, models and what they said, products, recipients."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import Base, one_of, random_id
from portal.tables.stores import BigId

CONSENTED = ("yes", "some", "no", "unknown")
MAY_SHARE = ("yes", "no", "unknown")
# Until which day an image is in a dataset, as long as nobody took it out.
STILL = date.max
OUTPUT_KINDS = ("age", "sex", "ethnicity", "identity", "emotion", "likeness", "other")


class Source(Base):
    """Where a collection came from, under what terms and consent, and who had the right to share it.

    `consent` and `right_to_share` are words for people, `consented` and `may_share` what the rules go by.
    """

    __tablename__ = "source"
    __table_args__ = (one_of("consented", CONSENTED), one_of("may_share", MAY_SHARE))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    from_whom: Mapped[str] = mapped_column(String(300))
    received_on: Mapped[date] = mapped_column(Date)
    terms: Mapped[str] = mapped_column(Text)
    consent: Mapped[str] = mapped_column(Text)
    right_to_share: Mapped[str] = mapped_column(Text, default="")
    consented: Mapped[str] = mapped_column(
        String(10), default="unknown", server_default="unknown", comment="whether the people in them agreed"
    )
    consent_scope: Mapped[str] = mapped_column(Text, default="", server_default="", comment="to what they agreed")
    may_share: Mapped[str] = mapped_column(
        String(10), default="unknown", server_default="unknown", comment="whether the giver had the right to share"
    )
    interest: Mapped[str] = mapped_column(
        Text, default="", server_default="", comment="what the giver had in the taker, such as shares"
    )


class Dataset(Base):
    """A named collection at a version. `digest` is what its own system calls it by, with the kind before a colon."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(Text, default="")
    created_on: Mapped[date] = mapped_column(Date)
    digest: Mapped[str] = mapped_column(String(200), default="", server_default="", comment="such as md5:0cc1...")
    licence: Mapped[str] = mapped_column(String(500), default="", server_default="")
    url: Mapped[str] = mapped_column(String(2000), default="", server_default="")


class DatasetStore(Base):
    """That a dataset was filled from a store: by this its sources are known without asking for each image."""

    __tablename__ = "dataset_store"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"), primary_key=True)
    first_at: Mapped[datetime]


class DatasetChunk(Base):
    """Images that were in a dataset between the same two days, out of one range of 65,536 ids: a bitmap of them.

    Image `i` is in the range `i >> 16`. Each image is in at most one row of a dataset. Who reads or writes these goes
    through `portal.lineage`.
    """

    __tablename__ = "dataset_chunk"
    __table_args__ = (Index("ix_dataset_chunk_dataset_id", "dataset_id"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="of the range of ids")
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[date] = mapped_column(Date, primary_key=True)
    until: Mapped[date] = mapped_column(Date, primary_key=True, default=STILL, comment="9999-12-31: still in it")
    images: Mapped[int] = mapped_column(comment="how many")
    members: Mapped[bytes] = mapped_column(LargeBinary, comment="checksum and bitmap")


class DatasetVersion(Base):
    """The next version of a dataset, after an erasure took images out of it: the version before it, without those.

    It has no `number`, `label`, `left` and `digest` before that erasure has ended. Version 0 is the dataset itself.
    """

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("dataset_id", "number"), Index("ix_dataset_version_because", "because"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    number: Mapped[int | None]
    label: Mapped[str | None] = mapped_column(String(80))
    because: Mapped[str] = mapped_column(String(60), comment="erasure/ID or order/ID")
    taken: Mapped[int] = mapped_column(default=0, comment="how many images it has less than the version before it")
    left: Mapped[int | None] = mapped_column(comment="how many images it has")
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="Merkle root of its members, salted")
    created_at: Mapped[datetime | None]

    dataset: Mapped[Dataset] = relationship()


class VersionChunk:
    """Images of one range of ids, by the version that they belong to."""

    version_id: Mapped[str] = mapped_column(ForeignKey("dataset_version.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="of the range of ids")
    members: Mapped[bytes] = mapped_column(LargeBinary, comment="checksum and bitmap")


class TakenChunk(VersionChunk, Base):
    """Images that a version has less than the version before it."""

    __tablename__ = "taken_chunk"


class AddedChunk(VersionChunk, Base):
    """Images that were put in after a version, and before the next one."""

    __tablename__ = "added_chunk"


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
    run: Mapped[str] = mapped_column(
        String(200), default="", server_default="", comment="id of the training run in its own system"
    )

    model: Mapped[TrainedModel] = relationship()
    dataset: Mapped[Dataset] = relationship()


class Derivation(Base):
    """That a dataset was made from another, or a model from another: what is in the one reaches the other."""

    __tablename__ = "derivation"
    __table_args__ = (
        UniqueConstraint("dataset_id", "from_dataset_id"),
        UniqueConstraint("model_id", "from_model_id"),
        CheckConstraint(
            "(dataset_id IS NULL) = (from_dataset_id IS NULL) AND (model_id IS NULL) = (from_model_id IS NULL) "
            "AND (dataset_id IS NULL) <> (model_id IS NULL)",
            name="is_of_two_datasets_or_two_models",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    from_dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    model_id: Mapped[str | None] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    from_model_id: Mapped[str | None] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    made_on: Mapped[date | None] = mapped_column(Date)


class StoredOutput(Base):
    """What a model said about people and somebody kept: about one image, one account, or each image of a dataset."""

    __tablename__ = "stored_output"
    __table_args__ = (
        one_of("kind", OUTPUT_KINDS),
        CheckConstraint(
            "(CASE WHEN image_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN account IS NULL THEN 0 ELSE 1 END) "
            "+ (CASE WHEN dataset_id IS NULL THEN 0 ELSE 1 END) = 1",
            name="is_about_one_thing",
        ),
        Index("ix_stored_output_image_id", "image_id"),
        Index("ix_stored_output_account", "account"),
        Index("ix_stored_output_dataset_id", "dataset_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    model_id: Mapped[str] = mapped_column(ForeignKey("trained_model.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    image_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("image.id", ondelete="CASCADE"))
    account: Mapped[str | None] = mapped_column(String(64), comment="keyed hash of the store and the account's name")
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    count: Mapped[int] = mapped_column(comment="how many such outputs are kept")
    kept_at: Mapped[str] = mapped_column(Text, comment="where they are kept")
    made_on: Mapped[date | None] = mapped_column(Date)

    model: Mapped[TrainedModel] = relationship()

    @property
    def name(self) -> str:
        """As it stands in a certificate: whose output it is and what it tells."""
        return f"{self.model.name} {self.model.version}, {self.kind}"


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

"""Where images live, what was seen there, and what was found in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id

BigId = BigInteger().with_variant(Integer, "sqlite")

SCAN_STATES = ("running", "paused", "done", "cancelled", "failed")
IMAGE_STATES = ("live", "unreadable", "stopped", "gone", "erased")
COVERAGE = ("searched", "fallback", "faceless", "too-small", "unreadable", "stopped", "not-looked-at")
ENCODER_STATES = ("live", "coming", "retired")


class Store(Base):
    """An image store. `kind` names its connector in `portal/stores/`, `settings` are that connector's own."""

    __tablename__ = "store"
    __table_args__ = (CheckConstraint("reads_per_second > 0", name="is_read_at_some_pace"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    settings: Mapped[dict[str, Any]]
    source_id: Mapped[str | None] = mapped_column(ForeignKey("source.id"))
    holder_id: Mapped[str | None] = mapped_column(
        ForeignKey("recipient.id"), comment="who holds the photographs, where the portal can only ask"
    )
    despite: Mapped[str] = mapped_column(
        Text, default="", server_default="", comment="why it is read although its source has no recorded right"
    )
    may_erase: Mapped[bool] = mapped_column(default=False, comment="the operator's word that we may delete here")
    reads_per_second: Mapped[int | None] = mapped_column(
        comment="photographs that a scan reads in a second at most; none: as many as it can"
    )
    capabilities: Mapped[dict[str, Any] | None] = mapped_column(comment="what the last check found")
    checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Scan(Work, Base):
    """One pass over a store. The counts add up: seen = new + changed + unchanged + unreadable + stopped."""

    __tablename__ = "scan"
    __table_args__ = (one_of("state", SCAN_STATES), one_of("work_state", WORK_STATES))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="running")
    wish: Mapped[str | None] = mapped_column(String(10), comment="pause or cancel, asked for by a person")
    cursor: Mapped[str | None] = mapped_column(String(2000), comment="the key after which to go on")
    expected: Mapped[int | None] = mapped_column(comment="objects in the store, counted at the start")
    seen: Mapped[int] = mapped_column(default=0)
    new: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    stopped: Mapped[int] = mapped_column(default=0, comment="stopped at the gate")
    faces: Mapped[int] = mapped_column(default=0)
    faceless: Mapped[int] = mapped_column(default=0)
    too_small: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0, comment="seen before, not there any more")
    fallback: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="only the fallback detector saw a face"
    )
    encoded: Mapped[int] = mapped_column(default=0, server_default="0", comment="pictures opened and encoded in it")
    retry_of_id: Mapped[str | None] = mapped_column(
        ForeignKey("scan.id", ondelete="SET NULL"), comment="look only at what that scan could not use"
    )
    started_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime]
    working_seconds: Mapped[float] = mapped_column(default=0.0, comment="time spent, for the rate and the time left")
    finished_at: Mapped[datetime | None]

    store: Mapped[Store] = relationship()


class ScanError(Base):
    """An object a scan could not use, and why."""

    __tablename__ = "scan_error"
    __table_args__ = (UniqueConstraint("scan_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scan_id: Mapped[str] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(2000))
    kind: Mapped[str] = mapped_column(String(40))
    sentence: Mapped[str] = mapped_column(String(500))


class Image(Base):
    """One object seen in a store. After an erasure the row stays as a tombstone without key and digests."""

    __tablename__ = "image"
    __table_args__ = (
        UniqueConstraint("store_id", "key"),
        Index("ix_image_digest", "digest"),
        one_of("state", IMAGE_STATES),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, comment="never used twice: a gallery row names it")
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(2000), comment="name of the object in its store")
    state: Mapped[str] = mapped_column(String(10), default="live")
    coverage: Mapped[str] = mapped_column(String(15), default="not-looked-at")
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="SHA-256 of the bytes")
    near_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="near-duplicate digest, 256 bits")
    size: Mapped[int | None] = mapped_column(BigInteger, comment="bytes")
    width: Mapped[int | None] = mapped_column(comment="pixels, upright")
    height: Mapped[int | None]
    encoder_id: Mapped[int | None] = mapped_column(
        ForeignKey("encoder.id"), comment="the encoder that looked at it last, also where it found nobody"
    )
    version: Mapped[str | None] = mapped_column(String(200), comment="what tells the connector that it changed")
    last_scan_id: Mapped[str | None] = mapped_column(String(32))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    quarantined_at: Mapped[datetime | None] = mapped_column(
        comment="out of matching and datasets, because its deletion is approved"
    )

    store: Mapped[Store] = relationship()
    faces: Mapped[list[Face]] = relationship(back_populates="image", passive_deletes=True)


class Encoder(Base):
    """A feature extractor by name and version. Templates of different encoders are never compared.

    `live` its gallery is searched; `coming` it is being filled; `retired` its templates are gone.
    """

    __tablename__ = "encoder"
    __table_args__ = (UniqueConstraint("name", "version"), one_of("state", ENCODER_STATES))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(100))
    dimensions: Mapped[int]
    metric: Mapped[str] = mapped_column(String(20), default="euclidean")
    state: Mapped[str] = mapped_column(String(10), default="live", server_default="live")
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="SHA-256 of its file; empty: built in")
    settings: Mapped[dict[str, Any] | None] = mapped_column(comment="how it wants its chips; empty: built in")
    added_at: Mapped[datetime | None]


class Reencoding(Work, Base):
    """Filling the gallery of a new encoder from the faces that are held. Until it is done the old one is searched."""

    __tablename__ = "reencoding"
    __table_args__ = (one_of("state", SCAN_STATES), one_of("work_state", WORK_STATES))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="running")
    wish: Mapped[str | None] = mapped_column(String(10), comment="pause or cancel, asked for by a person")
    cursor: Mapped[int] = mapped_column(BigId, default=0, comment="the image after which to go on")
    expected: Mapped[int | None] = mapped_column(comment="images with a face, counted at the start")
    seen: Mapped[int] = mapped_column(default=0)
    encoded: Mapped[int] = mapped_column(default=0, comment="faces that have a template of the new encoder now")
    missed: Mapped[int] = mapped_column(default=0, comment="images that could not be read any more, or have changed")
    started_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime]
    working_seconds: Mapped[float] = mapped_column(default=0.0)
    finished_at: Mapped[datetime | None]

    encoder: Mapped[Encoder] = relationship()


class Face(Base):
    """One located face. The box is in pixels of the upright image: left, top, right, bottom."""

    __tablename__ = "face"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    left: Mapped[int]
    top: Mapped[int]
    right: Mapped[int]
    bottom: Mapped[int]
    fallback: Mapped[bool] = mapped_column(
        default=False, server_default=false(), comment="found by the fallback detector: has a threshold of its own"
    )

    image: Mapped[Image] = relationship(back_populates="faces")

    @property
    def box(self) -> tuple[int, int, int, int]:
        return (self.left, self.top, self.right, self.bottom)


class Template(Base):
    """Stored features of a face: float32, little-endian, `Encoder.dimensions` of them, sealed."""

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("face_id", "encoder_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    face_id: Mapped[int] = mapped_column(ForeignKey("face.id", ondelete="CASCADE"))
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ManifestEntry(Base):
    """What the operator's manifest says about one key. It may be there before the image is seen."""

    __tablename__ = "manifest_entry"
    __table_args__ = (
        UniqueConstraint("store_id", "key"),
        Index("ix_manifest_entry_account", "account"),
        Index("ix_manifest_entry_source_url_key", "source_url_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    store_id: Mapped[str] = mapped_column(ForeignKey("store.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(2000))
    account: Mapped[str | None] = mapped_column(String(300), comment="whose account it was posted by, at the source")
    source_url: Mapped[str | None] = mapped_column(String(2000))
    source_url_key: Mapped[str | None] = mapped_column(String(2000), comment="the link in canonical form")
    taken_at: Mapped[str | None] = mapped_column(String(40), comment="as the manifest says it")
    attributes: Mapped[dict[str, Any]] = mapped_column(comment="free: age, sex, place ...")

"""Finding people: what they gave to look with, each search, each suspicion, each person's judgement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.stores import BigId, Face, Image

PROBE_KINDS = ("selfie", "picture", "link", "account")
PROBE_STATES = ("checking", "choose-face", "ready", "refused", "purged")
CANDIDATE_STATES = ("open", "confirmed", "rejected", "unsure", "gone")
ANSWERS = ("different", "probably-different", "cannot-tell", "probably-same", "same")
PASS_REASONS = ("knows-person", "too-hard", "distressing")
# What is done about one face of a photograph that shows other people, too.
FACE_REMEDIES = ("delete", "crop", "mask", "template")
# What the person says about a photograph of their answer, and what they asked for when they picked it there.
SAID = ("me", "not-me", "not-sure")
# What the person says so of is left as it is, whatever they ask for.
LEFT_ALONE = ("not-me", "not-sure")
WISHES = ("deletion", "opt-out")


class Probe(Work, Base):
    """What a subject gave to look with. Its template is never stored."""

    __tablename__ = "probe"
    __table_args__ = (
        one_of("kind", PROBE_KINDS),
        one_of("state", PROBE_STATES),
        one_of("work_state", WORK_STATES),
        CheckConstraint("(draft_id IS NULL) <> (case_id IS NULL)", name="belongs_to_a_draft_or_a_case"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    draft_id: Mapped[str | None] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), default="checking")
    reason: Mapped[str | None] = mapped_column(String(30), comment="why it was refused: code of a BadProbe")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="link or account name, sealed")
    blob_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"), comment="the picture")
    crop_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"), comment="the chosen face")
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), comment="SHA-256 of the bytes as sent")
    near_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    boxes: Mapped[list[Any]] = mapped_column(default=list, comment="faces found: [left, top, right, bottom], upright")
    chosen: Mapped[int | None] = mapped_column(comment="which of the boxes is the person")
    created_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]


class Search(Work, Base):
    """One 1:N comparison, with what it was made with and what it could not look at."""

    __tablename__ = "search"
    __table_args__ = (one_of("work_state", WORK_STATES),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    encoder: Mapped[str | None] = mapped_column(String(160), comment="name and version")
    threshold: Mapped[float | None] = mapped_column(Float)
    fallback_threshold: Mapped[float | None] = mapped_column(Float, comment="for faces of the fallback detector")
    gallery_size: Mapped[int | None]
    coverage: Mapped[dict[str, Any] | None] = mapped_column(comment="images per store and kind of coverage")
    candidates: Mapped[int | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Calibration(Base):
    """How often an encoder errs on the faces that were held, on one day, and how much work the operator chose."""

    __tablename__ = "calibration"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    encoder_id: Mapped[int] = mapped_column(ForeignKey("encoder.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[datetime]
    gallery_size: Mapped[int] = mapped_column(comment="faces in the gallery on that day")
    candidates: Mapped[float] = mapped_column(Float, comment="faces of other people that a search may return")
    threshold: Mapped[float | None] = mapped_column(Float, comment="what followed on that day; empty: too few pairs")
    curve: Mapped[dict[str, Any]] = mapped_column(comment="error rates over thresholds, see matching/calibration.py")


class Candidate(Base):
    """An image the evidence points to: a suspicion, until two people agree.

    Candidates of one case with the same `group_id` (one account, or nearly the same picture) are shown together.
    """

    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("case_id", "image_id"),
        one_of("state", CANDIDATE_STATES),
        one_of("remedy", FACE_REMEDIES),
        one_of("said", SAID),
        one_of("wish", WISHES),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    search_id: Mapped[str] = mapped_column(ForeignKey("search.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(BigId, ForeignKey("image.id", ondelete="CASCADE"), index=True)
    face_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("face.id", ondelete="SET NULL"), index=True)
    probe_id: Mapped[str | None] = mapped_column(ForeignKey("probe.id", ondelete="SET NULL"))
    distance: Mapped[float | None] = mapped_column(Float)
    evidence: Mapped[list[str]] = mapped_column(comment="face, digest, near-digest, link, account, fused, second-hop")
    crop_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"))
    group_id: Mapped[str | None] = mapped_column(String(32), index=True)
    state: Mapped[str] = mapped_column(String(10), default="open")
    settled_at: Mapped[datetime | None]
    lease_account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"), index=True)
    lease_until: Mapped[datetime | None]
    remedy: Mapped[str | None] = mapped_column(String(10), comment="where others are in the picture; empty: delete")
    remedied_at: Mapped[datetime | None] = mapped_column(comment="when the face left a picture that stays")
    said: Mapped[str | None] = mapped_column(String(10), comment="by the person, who saw it in the answer")
    wish: Mapped[str | None] = mapped_column(
        String(10), comment="picked by the person in the answer; empty: not picked"
    )

    image: Mapped[Image] = relationship()
    face: Mapped[Face | None] = relationship()
    judgements: Mapped[list[Judgement]] = relationship(order_by="Judgement.id")


class Judgement(Base):
    """One reviewer's answer about one candidate. An undone one stays, so that the log can be read."""

    __tablename__ = "judgement"
    __table_args__ = (
        one_of("answer", ANSWERS),
        Index(
            "uq_judgement_one_standing_answer_per_person",
            "candidate_id",
            "account_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    candidate_id: Mapped[str] = mapped_column(ForeignKey("candidate.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    answer: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    seconds: Mapped[float | None] = mapped_column(Float, comment="from handing out to the answer; empty: not measured")
    undone_at: Mapped[datetime | None]
    others_shown_at: Mapped[datetime | None] = mapped_column(comment="when its giver read what the others had said")
    sent_good: Mapped[bool | None] = mapped_column(comment="enough to tell; empty: not said")
    found_good: Mapped[bool | None] = mapped_column(comment="enough to tell; empty: not said")
    in_batch: Mapped[bool] = mapped_column(default=False, server_default=false(), comment="one of many at once")


class PassedOn(Base):
    """A pair that one reviewer leaves to others, and why. Where they know the person: all pairs of that case."""

    __tablename__ = "passed_on"
    __table_args__ = (UniqueConstraint("account_id", "candidate_id"), one_of("reason", PASS_REASONS))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    candidate_id: Mapped[str] = mapped_column(ForeignKey("candidate.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(15))
    at: Mapped[datetime]

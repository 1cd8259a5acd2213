"""One person's file: what they asked, how far it is, what was said."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id
from portal.tables.stores import BigId

RIGHTS = ("access", "copy", "opt-out", "deletion")
CASE_STATES = ("received", "identity-check", "searching", "reviewing", "deciding", "fulfilling", "closed")
WAITING_FOR = ("nobody", "subject", "machine", "reviewer", "caseworker", "approver")
OUTCOMES = ("fulfilled", "partly-fulfilled", "nothing-found", "refused", "withdrawn", "unverified")
DECISIONS = ("grant", "refuse")
LINK_KINDS = ("many-faces", "many-contacts", "many-cases", "duplicate", "follow-up")
CLEAR = ("yes", "partly", "no")
# What is kept to know again what a deletion took away. The first is where nobody chose.
KEEPS = ("photographs", "face", "none")


class Draft(Base):
    """A request being filled in. It becomes a case when it is sent, or is purged after a day."""

    __tablename__ = "draft"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    answers: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed JSON")
    contact_confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Case(Base):
    """One person's file. `state` is where it is, `waiting_for` whom it waits for, `outcome` how it ended."""

    __tablename__ = "case"
    __table_args__ = (
        one_of("state", CASE_STATES),
        one_of("waiting_for", WAITING_FOR),
        CheckConstraint("(outcome IS NULL) = (state <> 'closed')", name="a_closed_case_has_an_outcome"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    reference: Mapped[str] = mapped_column(String(20), unique=True, comment="EF-XXXX-XXXX, for people")
    secret_hash: Mapped[str] = mapped_column(String(200), comment="argon2 of the secret words")
    state: Mapped[str] = mapped_column(String(20), default="received", index=True)
    waiting_for: Mapped[str] = mapped_column(String(12), default="nobody")
    outcome: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=0, comment="grows with each move: two people cannot both act")
    residence: Mapped[str] = mapped_column(String(10), comment="EU, UK, US-CA, or empty if unsaid")
    language: Mapped[str] = mapped_column(String(10), default="en")
    contact: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed mail address or mobile number")
    contact_digest: Mapped[str | None] = mapped_column(String(64), index=True, comment="keyed")
    contact_confirmed_at: Mapped[datetime | None]
    network_digest: Mapped[str | None] = mapped_column(
        String(64), index=True, comment="keyed by the day; forgotten after a day"
    )
    details: Mapped[bytes | None] = mapped_column(LargeBinary, comment="sealed: what else the person wrote")
    consented_at: Mapped[datetime | None] = mapped_column(comment="to the comparison of the face, separately")
    received_at: Mapped[datetime] = mapped_column(index=True)
    due_on: Mapped[date] = mapped_column(Date, index=True, comment="earliest last day of its open rights")
    caseworker_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    identity: Mapped[str | None] = mapped_column(String(20), comment="confirmed, not-needed or not-confirmed")
    identity_note: Mapped[str | None] = mapped_column(Text)
    identity_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    identity_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    purged_at: Mapped[datetime | None]

    rights: Mapped[list[CaseRight]] = relationship(back_populates="case", order_by="CaseRight.id")


class CaseLink(Base):
    """Another case that one has to be read with. Alarms hold the case until they are cleared.

    A duplicate does not, nor does a `follow-up`: the request that the person made after the end of the `other` one.
    """

    __tablename__ = "case_link"
    __table_args__ = (one_of("kind", LINK_KINDS), UniqueConstraint("case_id", "other_id", "kind"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    other_id: Mapped[str] = mapped_column(
        ForeignKey("case.id", ondelete="CASCADE"), comment="the case itself: its own photos differ"
    )
    kind: Mapped[str] = mapped_column(String(20))
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    note: Mapped[str | None] = mapped_column(Text, comment="why it is fine")


class CaseRight(Base):
    """One right exercised in a case, with its own clock and outcome. The rule is frozen at receipt."""

    __tablename__ = "case_right"
    __table_args__ = (
        UniqueConstraint("case_id", "right"),
        one_of("right", RIGHTS),
        one_of("keeps", KEEPS),
        CheckConstraint(
            "approved_by IS NULL OR approved_by <> decided_by OR one_person", name="two_different_people_agree"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    right: Mapped[str] = mapped_column(String(12))
    rule: Mapped[str] = mapped_column(String(60), comment="id of the law's rule, such as eu.deletion")
    rule_version: Mapped[int]
    acknowledge_by: Mapped[date | None] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    latest_on: Mapped[date] = mapped_column(Date, comment="last day if it is extended")
    decision: Mapped[str | None] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text, comment="what the person will read about the decision")
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    one_person: Mapped[bool] = mapped_column(default=False, comment="the installation allows one person alone")
    outcome: Mapped[str | None] = mapped_column(String(20))
    fulfilled_at: Mapped[datetime | None]
    keeps: Mapped[str] = mapped_column(
        String(12),
        default="photographs",
        server_default="photographs",
        comment="to know again what is deleted: digests of photographs, or nothing",
    )

    case: Mapped[Case] = relationship(back_populates="rights")


class Appeal(Base):
    """The person wants the refusal of a right looked at again. What is written about it are messages."""

    __tablename__ = "appeal"
    __table_args__ = (
        UniqueConstraint("right_id"),
        CheckConstraint(
            "(decided_at IS NULL) = (changed IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="an_answer_says_who_gave_it",
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    right_id: Mapped[int] = mapped_column(ForeignKey("case_right.id", ondelete="CASCADE"))
    opened_at: Mapped[datetime]
    due_on: Mapped[date | None] = mapped_column(Date, comment="empty where the law sets no last day")
    changed: Mapped[bool | None] = mapped_column(comment="the refusal was taken back")
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]

    right: Mapped[CaseRight] = relationship()


class Code(Base):
    """A one-time code sent to a contact. Six digits, ten minutes, five tries, once."""

    __tablename__ = "code"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    draft_id: Mapped[str] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"), index=True)
    contact_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), comment="keyed")
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class CaseEvent(Base):
    """A line of a case's timeline. No personal data in it."""

    __tablename__ = "case_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(40), comment="subject, machine, or an account id")
    facts: Mapped[dict[str, Any]]


class Mail(Work, Base):
    """A mail to be sent. Subject lines never tell what it is about: phones are shared."""

    __tablename__ = "mail"
    __table_args__ = (one_of("work_state", WORK_STATES), UniqueConstraint("dedupe"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    dedupe: Mapped[str | None] = mapped_column(String(100), comment="the same occasion is mailed once")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed JSON: to, subject, body")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class Message(Base):
    """What the person and the privacy team write to each other in a case. It goes when the contact goes."""

    __tablename__ = "message"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), comment="who wrote; empty: the person")
    with_person: Mapped[bool] = mapped_column(
        default=False, server_default=false(), comment="with the person themselves, where somebody acts for them"
    )
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed text")
    at: Mapped[datetime]
    read_at: Mapped[datetime | None] = mapped_column(comment="when the other side first saw it")


class CaseNote(Base):
    """What the privacy team notes for itself. It goes when the contact goes."""

    __tablename__ = "case_note"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed text")
    at: Mapped[datetime]


class NotePaper(Base):
    """A paper that belongs to a note, a picture or a PDF. It goes when the note goes."""

    __tablename__ = "note_paper"

    note_id: Mapped[str] = mapped_column(ForeignKey("case_note.id", ondelete="CASCADE"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(60))
    sealed: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))


class Feedback(Base):
    """How many people said on a day whether all was clear. Nothing about who they are."""

    __tablename__ = "feedback"
    __table_args__ = (one_of("answer", CLEAR),)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    answer: Mapped[str] = mapped_column(String(10), primary_key=True)
    count: Mapped[int] = mapped_column(comment="how many said so on that day")


class SentLetter(Base):
    """The words of a letter as they were sent, for its line of the timeline. They go when the contact goes."""

    __tablename__ = "sent_letter"

    event_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("case_event.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="sealed JSON: title, paragraphs and day")


class Package(Work, Base):
    """An access package: a ZIP that opens offline, kept sealed for a few days."""

    __tablename__ = "package"
    __table_args__ = (one_of("work_state", WORK_STATES), UniqueConstraint("case_id"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    blob_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"))
    photographs: Mapped[int | None]
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]

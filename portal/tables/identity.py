"""Making sure who is asking: the photographs a person takes of themselves when they are told to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.tables.base import WORK_STATES, Base, Work, one_of, random_id

TURNS = ("left", "right")
CHALLENGE_STATES = ("asked", "shown", "sent", "looked-at", "purged")
LIKENESSES = ("same", "unclear", "different", "no-face", "not-compared")


class Challenge(Work, Base):
    """Two photographs with a fresh code on paper, in the second the head turned as told. Purged with the decision."""

    __tablename__ = "challenge"
    __table_args__ = (
        one_of("state", CHALLENGE_STATES),
        one_of("turn", TURNS),
        one_of("likeness", LIKENESSES),
        one_of("work_state", WORK_STATES),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="asked")
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    code: Mapped[str | None] = mapped_column(String(4), comment="to be written on paper")
    turn: Mapped[str | None] = mapped_column(String(5), comment="to which of their own sides the person turns")
    expires_at: Mapped[datetime | None] = mapped_column(comment="of the code, which is shown when the person is ready")
    paper_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"), comment="looking straight")
    turned_id: Mapped[str | None] = mapped_column(ForeignKey("blob.id", ondelete="SET NULL"), comment="head turned")
    turn_seen: Mapped[float | None] = mapped_column(
        Float, comment="how far right of the middle of the eyes the nose lies, in parts of their distance"
    )
    likeness: Mapped[str | None] = mapped_column(String(12), comment="of the first to the photos that were sent")
    purged_at: Mapped[datetime | None]

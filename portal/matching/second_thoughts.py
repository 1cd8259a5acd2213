"""What a reviewer may do besides answering: leave a pair to others, and see what the others said once it is settled."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput
from portal.matching import review
from portal.tables import Candidate, Judgement, PassedOn
from portal.tables.matching import PASS_REASONS


@dataclass(frozen=True)
class Settled:
    """What a third person gets to see after their own answer: theirs, the two before, and what came of them."""

    own: str
    others: list[str]
    state: str


def pass_on(session: Session, account_id: str, candidate_id: str, reason: str) -> Candidate:
    """Leave a pair, and what belongs with it, to others for good. Who knows the person sees none of that case again.

    Raises BadInput for a reason that is none, NotFound or Conflict when the reviewer does not hold the pair.
    """
    if reason not in PASS_REASONS:
        raise BadInput("Say why you leave this pair to others.", "no-reason")
    candidate = review.held_by(session, account_id, candidate_id)
    for one in review.together(session, account_id, candidate):
        one.lease_account_id = one.lease_until = None
        session.add(PassedOn(account_id=account_id, candidate_id=one.id, reason=reason, at=clock.now()))
    session.flush()
    return candidate


def has_settled(session: Session, account_id: str, candidate_id: str) -> bool:
    """Whether this reviewer came third to the pair, so that they may see what the two before them said."""
    return len(_given(session, account_id, candidate_id)) > 2


def show_others(session: Session, account_id: str, candidate_id: str) -> Settled | None:
    """What the two before said, for the third alone. From now on the third's answer cannot be taken back."""
    given = _given(session, account_id, candidate_id)
    if len(given) < 3:
        return None
    given[-1].others_shown_at = given[-1].others_shown_at or clock.now()
    session.flush()
    state = session.get_one(Candidate, candidate_id).state
    return Settled(given[-1].answer, [one.answer for one in given[:-1]], state)


def _given(session: Session, account_id: str, candidate_id: str) -> list[Judgement]:
    """The standing answers about a pair up to this reviewer's own, which is the last of them; none without it."""
    rows = session.scalars(
        select(Judgement)
        .where(Judgement.candidate_id == candidate_id, Judgement.undone_at.is_(None))
        .order_by(Judgement.id)
    ).all()
    own = next((at for at, one in enumerate(rows) if one.account_id == account_id), None)
    return [] if own is None else list(rows[: own + 1])

"""What a reviewer may do besides answering: leave a pair to others, take an answer back, see what the others said."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput, Conflict
from portal.matching import eligible, review
from portal.tables import Candidate, Case, Judgement, PassedOn
from portal.tables.matching import PASS_REASONS

# So many looks back an answer can be taken back.
TAKEN_BACK = 10


@dataclass(frozen=True)
class Settled:
    """What a third person gets to see after their own answer: theirs, the two before, and what came of them."""

    own: str
    others: list[str]
    state: str


@dataclass(frozen=True)
class Undone:
    """An answer that was taken back: the pair, and whether it was the last one given that still stood."""

    candidate: Candidate
    last: bool


def known_reason(reason: str) -> None:
    """Raises BadInput for a reason that is none."""
    if reason not in PASS_REASONS:
        raise BadInput("Say why you leave this pair to others.", "no-reason")


def pass_on(session: Session, account_id: str, candidate_id: str, reason: str) -> Candidate:
    """Leave a pair, and what belongs with it, to others for good. Who knows the person sees none of that case again.

    Raises BadInput for a reason that is none, NotFound or Conflict when the reviewer does not hold the pair.
    """
    known_reason(reason)
    candidate = review.held_by(session, account_id, candidate_id)
    for one in review.together(session, account_id, candidate):
        one.lease_account_id = one.lease_until = None
        session.add(PassedOn(account_id=account_id, candidate_id=one.id, reason=reason, at=clock.now()))
    session.flush()
    if reason == "knows-person":
        _let_go(session, account_id, candidate.case_id)
    return candidate


def _let_go(session: Session, account_id: str, case_id: str) -> None:
    """Others need not wait for the pairs of this case that were handed out ahead."""
    held = update(Candidate).where(Candidate.case_id == case_id, Candidate.lease_account_id == account_id)
    session.execute(held.values(lease_account_id=None, lease_until=None))


def undo(session: Session, account_id: str) -> Undone | None:
    """Take back the newest of this reviewer's answers that can be taken back, as long as its case is being reviewed.

    Only their last ten looks are asked. Returns the pair to judge again, or None when there is no answer to take back.
    Where others are at the pair or have settled it without this answer, it is not handed out. Raises Conflict when it
    is too late for all: the case has gone on, the picture is not kept any more, or the others' answers were read.
    """
    stood = False
    for given in _last_looks(session, account_id):
        candidates = [_take_back(session, one) for one in given if _may_be_judged_again(session, one)]
        if candidates:
            held = _hold_again(session, account_id, candidates)
            return Undone(held[0] if held else candidates[0], last=not stood)
        stood = stood or bool(given)
    if stood:
        raise Conflict("This answer cannot be taken back: the case has gone on.", "too-late")
    return None


def _last_looks(session: Session, account_id: str) -> list[list[Judgement]]:
    """The answers that stand of each of the last looks, the newest first: one about several pairs has one instant."""
    own = (Judgement.account_id == account_id,)
    newest = select(Judgement.at).where(*own).group_by(Judgement.at).order_by(func.max(Judgement.id).desc())
    standing = select(Judgement).where(*own, Judgement.undone_at.is_(None)).order_by(Judgement.id)
    return [
        list(session.scalars(standing.where(Judgement.at == at))) for at in session.scalars(newest.limit(TAKEN_BACK))
    ]


def _may_be_judged_again(session: Session, judgement: Judgement) -> bool:
    candidate = session.get_one(Candidate, judgement.candidate_id)
    # What was erased meanwhile, and what nobody could see any more, is nobody's to judge again.
    there = candidate.state != "gone" and candidate.crop_id is not None
    going_on = session.get_one(Case, candidate.case_id).state == "reviewing"
    return going_on and there and judgement.others_shown_at is None


def _take_back(session: Session, judgement: Judgement) -> Candidate:
    """The pair without this answer: open again, unless the two others who answered agree."""
    candidate = session.get_one(Candidate, judgement.candidate_id)
    judgement.undone_at = clock.now()
    candidate.state, candidate.settled_at = "open", None
    session.flush()
    session.refresh(candidate, ["judgements"])
    review.settle(session, candidate)
    return candidate


def _hold_again(session: Session, account_id: str, candidates: list[Candidate]) -> list[Candidate]:
    """Lease what this reviewer may judge again and nobody else holds."""
    ids = [one.id for one in candidates]
    free = eligible.open_to(session).where(Candidate.id.in_(ids)).order_by(Candidate.id)
    found = list(session.scalars(free, eligible.given(session, account_id)))
    for candidate in found:
        review.lease(session, candidate, account_id)
    return found


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

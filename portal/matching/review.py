"""The match queue. People judge; the machine only decides whom to show which pair.

Two independent answers settle a candidate; where they differ, a third person's does. Nobody holds a pair that somebody
else holds, nobody sees an earlier answer, a distance or a name.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from portal import blobs, clock, images, stores
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotFound
from portal.tables import Candidate, Case, Judgement, Probe
from portal.tables.matching import ANSWERS

LEASE = timedelta(minutes=10)
WHOLE = 1600  # pixels of the longer side
SIDE = {"different": -1, "probably-different": -1, "cannot-tell": 0, "probably-same": 1, "same": 1}


@dataclass(frozen=True)
class Pair:
    """What a reviewer sees: JPEG bytes. Without a face photo, `left` is None and `left_note` says what was given."""

    candidate_id: str
    left: bytes | None
    right: bytes
    left_note: str | None


def waiting(session: Session, account_id: str) -> int:
    """How many pairs wait for this reviewer."""
    return session.scalar(select(func.count()).select_from(_open_to(account_id).subquery())) or 0


def next_pair(session: Session, account_id: str) -> Candidate | None:
    """Lease the next pair to this reviewer: the one already held, else the most urgent. None when nothing waits."""
    now = clock.now()
    held = session.scalar(_open_to(account_id).where(Candidate.lease_account_id == account_id).limit(1))
    candidate = held or session.scalar(
        # Within a case the order says nothing: sorted by distance it would tell what the machine thinks.
        _open_to(account_id).order_by(Case.due_on, Case.received_at, Candidate.id).limit(1)
    )
    if candidate is None:
        return None
    _lease(session, candidate, account_id)
    candidate.lease_until = now + LEASE
    return candidate


def pair(session: Session, account_id: str, candidate_id: str) -> Pair:
    """The two pictures of a pair this reviewer holds. Raises Conflict when they do not hold it any more."""
    candidate = held_by(session, account_id, candidate_id)
    probe = session.get(Probe, candidate.probe_id) if candidate.probe_id else None
    left = blobs.open_blob(session, probe.crop_id or probe.blob_id) if probe and probe.blob_id else None
    return Pair(
        candidate_id=candidate.id,
        left=left,
        right=blobs.open_blob(session, candidate.crop_id),
        left_note=None if left else _note(probe),
    )


def whole(session: Session, account_id: str, candidate_id: str) -> bytes:
    """The whole found picture as JPEG, for the reviewer who holds the pair. It is read from the store anew."""
    candidate = held_by(session, account_id, candidate_id)
    data = stores.connect(candidate.image.store).open(candidate.image.key)
    return images.to_jpeg(images.open_picture(data).pixels, longest=WHOLE)


def answer(session: Session, account_id: str, candidate_id: str, given: str) -> Candidate:
    """Record one person's answer, and settle the candidate when enough people agree."""
    if given not in ANSWERS:
        raise BadInput("Choose one of the five answers.", "unknown-answer")
    candidate = held_by(session, account_id, candidate_id)
    session.add(Judgement(candidate_id=candidate.id, account_id=account_id, answer=given, at=clock.now()))
    candidate.lease_account_id = candidate.lease_until = None
    session.flush()
    session.refresh(candidate, ["judgements"])
    _settle(session, candidate)
    return candidate


def undo(session: Session, account_id: str) -> Candidate | None:
    """Take back this reviewer's last answer, as long as the case is still being reviewed.

    Returns the pair to judge again, or None when there is no answer to take back. Where another reviewer is looking
    at the pair just now, the answer is taken back all the same, and the pair comes round again later.
    """
    judgement = session.scalar(
        select(Judgement)
        .where(Judgement.account_id == account_id, Judgement.undone_at.is_(None))
        .order_by(Judgement.id.desc())
        .limit(1)
    )
    if judgement is None:
        return None
    candidate = session.get_one(Candidate, judgement.candidate_id)
    case = session.get_one(Case, candidate.case_id)
    if case.state != "reviewing":
        raise Conflict("This answer cannot be taken back: the case has gone on.", "too-late")
    judgement.undone_at = clock.now()
    candidate.state, candidate.settled_at = "open", None
    with contextlib.suppress(Conflict):
        _lease(session, candidate, account_id)
    return candidate


def unfinished(session: Session, case: Case) -> int:
    """Candidates of a case that are not settled."""
    statement = select(func.count()).where(Candidate.case_id == case.id, Candidate.state == "open")
    return session.scalar(statement) or 0


def held_by(session: Session, account_id: str, candidate_id: str) -> Candidate:
    """The candidate, if this reviewer holds its lease. Raises NotFound or Conflict."""
    candidate = session.get(Candidate, candidate_id)
    if candidate is None:
        raise NotFound("This pair is not there any more.")
    lease_over = candidate.lease_until is None or candidate.lease_until < clock.now()
    if candidate.lease_account_id != account_id or lease_over or candidate.state != "open":
        raise Conflict("You do not hold this pair any more. Take the next one.", "not-held")
    return candidate


def verdict(answers: list[str], needed: int) -> str | None:
    """`confirmed`, `rejected` or `unsure` for the standing answers, or None while another person must look.

    Answers on the same side agree. Where two differ a third decides: the side that two of the three took, else unsure.
    """
    sides = [SIDE[answer] for answer in answers]
    if len(sides) < needed:
        return None
    if needed > 1 and len(sides) == 2 and sides[0] != sides[1]:
        return None
    for side, state in ((1, "confirmed"), (-1, "rejected")):
        if sides.count(side) * 2 > len(sides):
            return state
    return "unsure"


def _settle(session: Session, candidate: Candidate) -> None:
    standing = [judgement.answer for judgement in candidate.judgements if judgement.undone_at is None]
    state = verdict(standing, needed=2 if config_of(session).two_people else 1)
    if state is not None:
        candidate.state, candidate.settled_at = state, clock.now()
        session.flush()


def _open_to(account_id: str) -> Select[Candidate]:
    answered = select(Judgement.candidate_id).where(Judgement.account_id == account_id, Judgement.undone_at.is_(None))
    free = or_(
        Candidate.lease_account_id.is_(None),
        Candidate.lease_account_id == account_id,
        Candidate.lease_until < clock.now(),
    )
    return (
        select(Candidate)
        .join(Case, Case.id == Candidate.case_id)
        .where(Case.state == "reviewing", Candidate.state == "open", free, Candidate.id.not_in(answered))
    )


def _lease(session: Session, candidate: Candidate, account_id: str) -> None:
    """Take the lease with one conditional UPDATE: of two who ask at once, one gets it."""
    now = clock.now()
    taken = session.execute(
        update(Candidate)
        .where(
            Candidate.id == candidate.id,
            or_(
                Candidate.lease_account_id.is_(None),
                Candidate.lease_account_id == account_id,
                Candidate.lease_until < now,
            ),
        )
        .values(lease_account_id=account_id, lease_until=now + LEASE)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("Somebody else is looking at this pair.", "held-by-another")
    session.refresh(candidate)


def _note(probe: Probe | None) -> str:
    if probe is not None and probe.kind == "link":
        return "No face photo was sent. The person named the page that this picture was held under."
    return "No face photo was sent. The person named the account that this picture was held under."

"""Many pairs of one case in one look, where policy allows it: “none of these is the person”, and nothing else.

Only pairs that may be clearly different are dealt so, each tile is one of the two blind answers that its pair needs,
and which tiles lie beside each other, and in what order, chance decides for each reviewer. Whatever may show the person
is marked, and comes by itself. That somebody *is* in a picture can never be said of many at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.errors import BadInput, Conflict
from portal.matching import eligible, practice, review
from portal.matching.looks import lot
from portal.tables import Candidate, Face, Judgement, Search

TILES = 24
# For fewer than these the ordinary look is as quick.
LEAST = 4
# Pairs whose distance lies in the outermost tenth below the threshold. It only says who is dealt how: two people look.
OUTER = 0.9


@dataclass(frozen=True)
class Batch:
    """Ids of the pairs in the order in which they are shown; the one face that was sent is that of each of them."""

    tiles: list[str]
    sent_left: bool


def take(session: Session, account_id: str) -> Batch | None:
    """Lease up to TILES pairs of the most urgent case, or those held already. None where there are too few."""
    if not config_of(session).batch or not practice.may_judge(session, account_id):
        return None
    held = held_by(session, account_id)
    if held is not None:
        return held
    given = eligible.given(session, account_id)
    case_id = session.scalar(eligible.urgent(session), given)
    found = _fit(session, account_id, case_id) if case_id else []
    if len(found) < LEAST:
        return None
    for candidate in found[:TILES]:
        with contextlib.suppress(Conflict):
            review.lease(session, candidate, account_id)
    return held_by(session, account_id)


def held_by(session: Session, account_id: str) -> Batch | None:
    """The tiles that this reviewer holds now; None where they are fewer than LEAST."""
    if not config_of(session).batch:
        return None
    mine = _far(session).where(Candidate.lease_account_id == account_id, Candidate.lease_until > clock.now())
    found = list(session.scalars(mine, eligible.given(session, account_id)))
    tiles = _shuffled(session, account_id, _beside_one(found))[:TILES]
    if len(tiles) < LEAST:
        return None
    return Batch([one.id for one in tiles], lot(session, "side", account_id, tiles[0].id)[0] % 2 == 0)


def answer(session: Session, account_id: str, shown: Collection[str], marked: Collection[str]) -> list[Candidate]:
    """“Different” for every tile that was shown and is not marked. The marked ones stay held, and come by themselves.

    Returns the pairs that were answered. Raises Conflict when the tiles are not these any more, BadInput for a mark on
    something else.
    """
    held = held_by(session, account_id)
    if held is None or set(shown) != set(held.tiles):
        raise Conflict("You do not hold these pairs any more. Take the next ones.", "not-held")
    if not practice.may_judge(session, account_id):
        raise Conflict("Your answers count once you have practised. Take the next pair.", "practice-first")
    if set(marked) - set(held.tiles):
        raise BadInput("Mark only pictures of this page.", "unknown-tile")
    now, answered = clock.now(), []
    for candidate_id in held.tiles:
        candidate = review.held_by(session, account_id, candidate_id)
        if candidate_id in marked:
            continue
        candidate.lease_account_id = candidate.lease_until = None
        given = Judgement(candidate_id=candidate.id, account_id=account_id, answer="different", at=now, in_batch=True)
        review.record(session, candidate, given)
        answered.append(candidate)
    session.flush()
    return answered


def _fit(session: Session, account_id: str, case_id: str) -> list[Candidate]:
    """Pairs of a case that may be dealt as tiles, beside one sent face, in this reviewer's own order."""
    of_case = _far(session).where(Candidate.case_id == case_id)
    found = session.scalars(of_case, eligible.given(session, account_id))
    return _shuffled(session, account_id, _beside_one(list(found)))


def _far(session: Session) -> Select[Candidate]:
    """Free pairs found by the face alone, far from the one that was sent, about which no two people differ."""
    said = select(func.count()).where(Judgement.candidate_id == Candidate.id, Judgement.undone_at.is_(None))
    return (
        eligible.open_to(session)
        .join(Search, Search.id == Candidate.search_id)
        .join(Face, Face.id == Candidate.face_id)
        .where(
            Candidate.probe_id.is_not(None),
            Face.fallback.is_(False),
            Candidate.distance >= OUTER * Search.threshold,
            said.scalar_subquery() < 2,
        )
        .order_by(Candidate.case_id, Candidate.id)
    )


def _beside_one(found: list[Candidate]) -> list[Candidate]:
    """Of the first pair's case those beside the same sent face, with no other evidence than the face."""
    alone = [one for one in found if one.evidence == ["face"]]
    return [one for one in alone if (one.case_id, one.probe_id) == (alone[0].case_id, alone[0].probe_id)]


def _shuffled(session: Session, account_id: str, found: list[Candidate]) -> list[Candidate]:
    return sorted(found, key=lambda one: lot(session, "order", account_id, one.id))

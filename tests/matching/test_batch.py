"""Many pairs in one look: only “different” can be said so, blindly, by two people, and what is marked comes alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import BadInput, Conflict
from portal.matching import batch, review, second_thoughts
from portal.tables import Candidate, Judgement, Search
from tests.matching.making import make_account, make_candidates, make_case


@pytest.fixture(autouse=True)
def allowed(session: Session) -> None:
    session.info["config"] = replace(config_of(session), batch=True)


@pytest.fixture
def reviewers(session: Session) -> list[str]:
    return [make_account(session, f"r{number}") for number in range(3)]


def far_pairs(session: Session, count: int) -> list[Candidate]:
    candidates = make_candidates(session, make_case(session), count)
    session.get_one(Search, candidates[0].search_id).threshold = 0.6
    for one in candidates:
        one.distance = 0.58
    session.flush()
    return candidates


def states(session: Session) -> list[str]:
    return list(session.scalars(select(Candidate.state).order_by(Candidate.state)))


def test_two_people_say_it_and_what_is_marked_comes_alone(session: Session, reviewers: list[str]) -> None:
    far_pairs(session, 30)
    first, second = reviewers[:2]
    held = batch.take(session, first)
    assert held is not None
    assert len(held.tiles) == batch.TILES
    assert batch.take(session, first) == held, "a reload shows the same"
    marked = held.tiles[:2]
    answered = batch.answer(session, first, held.tiles, marked)
    assert len(answered) == batch.TILES - 2
    assert set(states(session)) == {"open"}, "one answer alone settles nothing"
    following = review.next_pair(session, first)
    assert following is not None
    assert following.id in marked, "what was marked comes next, by itself"
    other = batch.take(session, second)
    assert other is not None
    assert other.tiles[:6] != held.tiles[:6], "everybody has an order of their own"
    batch.answer(session, second, other.tiles, [])
    both = set(held.tiles[2:]) & set(other.tiles)
    assert {session.get_one(Candidate, one).state for one in both} == {"rejected"}
    assert states(session).count("rejected") == len(both)
    given = session.scalars(select(Judgement)).all()
    assert {(one.answer, one.in_batch, one.seconds) for one in given} == {("different", True, None)}


def test_a_look_at_many_is_taken_back_as_one(session: Session, reviewers: list[str]) -> None:
    far_pairs(session, 6)
    held = batch.take(session, reviewers[0])
    assert held is not None
    batch.answer(session, reviewers[0], held.tiles, [])
    assert second_thoughts.undo(session, reviewers[0]) is not None
    assert batch.held_by(session, reviewers[0]) == held
    assert all(one.undone_at is not None for one in session.scalars(select(Judgement)))


@pytest.mark.parametrize("why", ["near", "link", "fallback", "differing", "not allowed", "few"])
def test_only_what_may_be_clearly_different_is_dealt_so(session: Session, reviewers: list[str], why: str) -> None:
    candidates = far_pairs(session, batch.LEAST - 1 if why == "few" else 6)
    for one in candidates:
        if why == "near":
            one.distance = 0.4
        if why == "link":
            one.evidence = ["face", "link"]
        if why == "fallback" and one.face is not None:
            one.face.fallback = True
    session.flush()
    if why == "differing":
        for reviewer, answer in zip(reviewers, ("same", "different"), strict=False):
            for _ in candidates:
                held = review.next_pair(session, reviewer)
                assert held is not None
                review.answer(session, reviewer, held.id, answer)
    if why == "not allowed":
        session.info["config"] = replace(config_of(session), batch=False)
    assert batch.take(session, reviewers[2]) is None


def test_tiles_of_another_page_are_refused_and_nothing_is_recorded(session: Session, reviewers: list[str]) -> None:
    far_pairs(session, 6)
    held = batch.take(session, reviewers[0])
    assert held is not None
    assert batch.take(session, reviewers[1]) is None, "nobody holds another's pairs"
    with pytest.raises(Conflict):
        batch.answer(session, reviewers[1], held.tiles, [])
    with pytest.raises(Conflict):
        batch.answer(session, reviewers[0], held.tiles[:3], [])
    with pytest.raises(BadInput):
        batch.answer(session, reviewers[0], held.tiles, ["0" * 32])
    assert session.scalars(select(Judgement)).all() == []

"""Known pairs: practice before answers count, now and then after, measured, and never a part of any case."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.errors import BadInput, Conflict, NotFound
from portal.matching import known, practice, review, second_thoughts
from portal.tables import Candidate, Judgement, KnownLook, KnownPhoto
from tests.matching.making import make_account, make_candidates, make_case, make_known, practise


@pytest.fixture
def reviewer(session: Session) -> str:
    return make_account(session, "new")


def test_without_known_pairs_answers_count_at_once(session: Session, reviewer: str) -> None:
    make_candidates(session, make_case(session), 1)
    assert practice.standing(session, reviewer).may_judge
    assert practice.next_look(session, reviewer, pairs_wait=lambda: True) is None
    assert review.next_pair(session, reviewer) is not None


@pytest.mark.parametrize(("same", "different"), [(10, 9), (16, 4)])
def test_too_few_pairs_or_too_few_of_a_kind_make_no_gate(
    session: Session, reviewer: str, same: int, different: int
) -> None:
    make_known(session, same, different)
    assert not practice.gate_applies(session)
    assert practice.standing(session, reviewer).may_judge


def test_a_new_reviewer_sees_no_case_before_coming_through(session: Session, reviewer: str) -> None:
    held = make_candidates(session, make_case(session), 1)[0]
    review.next_pair(session, reviewer)
    make_known(session)
    assert review.waiting(session, reviewer) == 0
    assert review.next_pair(session, reviewer) is None
    with pytest.raises(Conflict, match="practised"):
        review.answer(session, reviewer, held.id, "same")
    assert session.scalars(select(Judgement)).all() == []
    practise(session, reviewer, practice.GATE)
    standing = practice.standing(session, reviewer)
    assert (standing.passed, standing.right, standing.left) == (True, 1.0, 10)
    assert review.next_pair(session, reviewer) is held


def test_who_errs_too_often_goes_on_practising(session: Session, reviewer: str) -> None:
    make_known(session, 30, 30)
    practise(session, reviewer, practice.GATE, right=False)
    assert not practice.standing(session, reviewer).may_judge
    practise(session, reviewer, practice.GATE - 1)
    assert practice.standing(session, reviewer).passed, "one old error in the last ones is no reason"
    practise(session, reviewer, 10, right=False)
    assert practice.standing(session, reviewer).passed, "the gate is for new reviewers; rates tell the rest"


@pytest.mark.parametrize("always", ["same", "different", "cannot-tell"])
def test_saying_always_the_same_leads_nowhere(session: Session, reviewer: str, always: str) -> None:
    make_known(session, 6, 40)
    for _ in range(46):
        look = practice.next_look(session, reviewer, pairs_wait=lambda: False)
        assert look is not None
        practice.answer(session, look, always)
    standing = practice.standing(session, reviewer)
    assert not standing.may_judge
    assert standing.left == 0
    assert practice.next_look(session, reviewer, pairs_wait=lambda: True) is None


def test_one_pair_in_thirteen_is_a_known_one_at_places_of_chance(session: Session, reviewer: str) -> None:
    make_known(session, 60, 60)
    practise(session, reviewer, practice.GATE)
    make_candidates(session, make_case(session), 300)
    kinds = []
    for _ in range(20 * practice.ONE_IN):
        look = practice.next_look(session, reviewer, lambda: review.has_next(session, reviewer))
        if look is not None:
            practice.answer(session, look, "cannot-tell")
        else:
            candidate = review.next_pair(session, reviewer)
            assert candidate is not None
            review.answer(session, reviewer, candidate.id, "same")
        kinds.append(look is not None)
    assert 0.05 <= sum(kinds) / len(kinds) <= 0.10
    gaps = {later - at for at, later in zip(places(kinds), places(kinds)[1:], strict=False)}
    assert len(gaps) > 5, "nobody can count up to the next"


def places(kinds: list[bool]) -> list[int]:
    return [at for at, kind in enumerate(kinds) if kind]


def test_with_no_pair_of_a_case_none_is_wasted(session: Session, reviewer: str) -> None:
    make_known(session)
    practise(session, reviewer, practice.GATE)
    assert practice.next_look(session, reviewer, pairs_wait=lambda: False) is None


def test_a_look_is_the_reviewer_s_own_comes_back_until_answered_and_is_answered_once(
    session: Session, reviewer: str
) -> None:
    make_known(session)
    look = practice.next_look(session, reviewer, pairs_wait=lambda: True)
    assert look is not None
    assert practice.next_look(session, reviewer, pairs_wait=lambda: True) is look
    assert practice.find_look(session, make_account(session, "other"), look.id) is None
    with pytest.raises(BadInput):
        practice.answer(session, look, "certainly")
    practice.answer(session, look, "same")
    with pytest.raises(Conflict):
        practice.answer(session, look, "different")


def test_no_pair_is_seen_twice_and_none_belongs_to_a_case(session: Session, reviewer: str) -> None:
    make_known(session)
    practise(session, reviewer, 30)
    assert len(set(session.scalars(select(KnownLook.pair_id)))) == 30
    assert practice.next_look(session, reviewer, pairs_wait=lambda: True) is None
    assert session.scalars(select(Candidate)).all() == []
    assert session.scalars(select(Judgement)).all() == []


def test_undo_never_reaches_a_known_pair(session: Session, reviewer: str) -> None:
    make_candidates(session, make_case(session), 2)
    candidate = review.next_pair(session, reviewer)
    assert candidate is not None
    review.answer(session, reviewer, candidate.id, "same")
    make_known(session)
    practise(session, reviewer, 3)
    assert second_thoughts.undo(session, reviewer) == second_thoughts.Undone(candidate, last=True)
    assert practice.standing(session, reviewer).answered == 3


def test_a_photograph_is_kept_once_sealed_and_without_a_name(session: Session) -> None:
    make_known(session, 2, 2)
    make_known(session, 2, 2)
    photos = session.scalars(select(KnownPhoto)).all()
    assert len(photos) == 8
    assert all(b"Staff" not in photo.crop + photo.whole for photo in photos)
    assert known.picture(session, photos[0].id, "whole").startswith(b"whole Staff")


def test_a_consent_that_is_taken_back_takes_the_photographs_along(session: Session, reviewer: str) -> None:
    make_known(session, 10, 10)
    practise(session, reviewer, 5)
    look = practice.next_look(session, reviewer, pairs_wait=lambda: True)
    assert look is not None
    # Those of others stay, and come after the draw, which is by lot.
    make_known(session, 1, 0, source="Volunteers")
    assert known.take_out(session, "Staff") == 40
    with pytest.raises(NotFound):
        practice.pair(session, look)
    with pytest.raises(NotFound):
        practice.answer(session, look, "same")
    assert known.stock(session).pairs == 1
    following = practice.next_look(session, reviewer, pairs_wait=lambda: False)
    assert following is None, "nobody waits before pictures that are gone"
    assert practice.standing(session, reviewer).answered == 5
    with pytest.raises(NotFound):
        known.take_out(session, "Staff")


def test_photographs_need_a_reason_and_a_source(session: Session) -> None:
    for basis, source in (("found", "Web"), ("consented", "  ")):
        with pytest.raises(BadInput):
            known.add(session, [], [], basis, source)

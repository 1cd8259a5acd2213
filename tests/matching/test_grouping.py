"""One look decides many: what an account posted, or what is nearly the same picture; and one who does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy.orm import Session

from portal.errors import Conflict
from portal.images import FLAT
from portal.matching import grouping, review, second_thoughts
from portal.tables import Candidate, ManifestEntry
from tests.matching.making import make_account, make_candidates, make_case


@pytest.fixture
def reviewers(session: Session) -> list[str]:
    return [make_account(session, f"r{number}") for number in range(3)]


def posted(session: Session, candidates: list[Candidate], account: str, *kinds: str) -> None:
    for candidate in candidates:
        image = candidate.image
        session.add(ManifestEntry(store_id=image.store_id, key=image.key, account=account, attributes={}))
        candidate.evidence = list(kinds)
    session.flush()


def gather(session: Session, candidates: list[Candidate]) -> None:
    evidence = {candidate.image_id: frozenset(candidate.evidence) for candidate in candidates}
    grouping.group(session, candidates, grouping.chains(session, evidence))


def groups(candidates: list[Candidate]) -> list[set[int]]:
    """Places of the candidates that are together."""
    found: dict[str, set[int]] = {}
    for at, candidate in enumerate(candidates):
        if candidate.group_id is not None:
            found.setdefault(candidate.group_id, set()).add(at)
    return list(found.values())


def test_an_account_s_photographs_are_together_where_the_account_speaks_for_them(session: Session) -> None:
    candidates = make_candidates(session, make_case(session), 6)
    posted(session, candidates[:3], "anna", "face", "fused")
    posted(session, candidates[3:5], "ben", "face")
    gather(session, candidates)
    assert groups(candidates) == [{0, 1, 2}]


def test_nearly_the_same_pictures_are_together_and_chains_join(session: Session) -> None:
    candidates = make_candidates(session, make_case(session), 4)
    digest = candidates[0].image.near_digest
    assert digest is not None
    candidates[1].image.near_digest = bytes([digest[0] ^ 1]) + digest[1:]
    posted(session, candidates[1:3], "anna", "fused")
    gather(session, candidates)
    assert groups(candidates) == [{0, 1, 2}]


def test_no_look_holds_more_than_can_be_compared(session: Session) -> None:
    candidates = make_candidates(session, make_case(session), 20)
    posted(session, candidates, "anna", "account")
    gather(session, candidates)
    assert sorted(map(len, groups(candidates))) == [2, 9, 9]


def together(session: Session, count: int = 4) -> list[Candidate]:
    candidates = make_candidates(session, make_case(session), count)
    for candidate in candidates:
        candidate.group_id = "g"
    session.flush()
    return candidates


def test_one_answer_counts_for_all_that_are_together(session: Session, reviewers: list[str]) -> None:
    candidates = together(session)
    for account in reviewers[:2]:
        assert review.waiting(session, account) == 1
        lead = review.next_pair(session, account)
        assert lead is not None
        assert set(review.pair(session, account, lead.id).together) == {one.id for one in candidates}
        review.answer(session, account, lead.id, "same")
        assert review.next_pair(session, account) is None
    assert {one.state for one in candidates} == {"confirmed"}


def test_what_does_not_fit_comes_again_by_itself(session: Session, reviewers: list[str]) -> None:
    candidates = together(session)
    lead = review.next_pair(session, reviewers[0])
    assert lead is not None
    odd = next(one for one in candidates if one is not lead)
    review.answer(session, reviewers[0], lead.id, "same", [odd.id, "an id of somebody else's pair"])
    alone = review.next_pair(session, reviewers[0])
    assert alone is odd
    assert review.pair(session, reviewers[0], odd.id).together == [odd.id]
    review.answer(session, reviewers[0], odd.id, "different")
    assert [len(one.judgements) for one in candidates] == [1] * 4
    assert review.waiting(session, reviewers[1]) == 2


def test_the_pair_itself_may_be_the_one_that_does_not_fit(session: Session, reviewers: list[str]) -> None:
    candidates = together(session, 2)
    lead = review.next_pair(session, reviewers[0])
    assert lead is not None
    review.answer(session, reviewers[0], lead.id, "same", [lead.id])
    assert lead.judgements == []
    assert sum(len(one.judgements) for one in candidates) == 1
    assert review.next_pair(session, reviewers[0]) is lead


def test_taking_back_takes_back_the_answer_about_all(session: Session, reviewers: list[str]) -> None:
    candidates = together(session)
    for account in reviewers[:2]:
        lead = review.next_pair(session, account)
        assert lead is not None
        review.answer(session, account, lead.id, "same")
    second_thoughts.undo(session, reviewers[1])
    assert {one.state for one in candidates} == {"open"}
    assert review.waiting(session, reviewers[1]) == 1
    assert review.waiting(session, reviewers[0]) == 0
    lead = review.next_pair(session, reviewers[1])
    assert lead is not None
    assert len(review.pair(session, reviewers[1], lead.id).together) == 4


def test_what_another_holds_is_not_judged_with_the_rest(session: Session, reviewers: list[str]) -> None:
    candidates = together(session, 3)
    mine = review.next_pair(session, reviewers[0])
    assert mine is not None
    assert review.next_pair(session, reviewers[1]) is None
    with pytest.raises(Conflict):
        review.answer(session, reviewers[1], candidates[0].id, "same")


def test_pairs_beside_different_faces_are_not_shown_beside_one(session: Session, reviewers: list[str]) -> None:
    candidates = together(session, 2)
    candidates[1].probe_id = None
    session.flush()
    lead = review.next_pair(session, reviewers[0])
    assert lead is not None
    assert review.pair(session, reviewers[0], lead.id).together == [lead.id]


def flipped(digest: bytes, bits: list[int]) -> bytes:
    number = int.from_bytes(digest)
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(32)


@pytest.mark.parametrize(("bits", "near"), [(14, True), (15, False)])
def test_near_is_near_wherever_the_bits_differ(session: Session, bits: int, near: bool) -> None:
    random = np.random.default_rng(bits)
    candidates = make_candidates(session, make_case(session), 40)
    for one, other in zip(candidates[::2], candidates[1::2], strict=True):
        assert one.image.near_digest is not None
        places = random.choice(256, bits, replace=False).tolist()
        other.image.near_digest = flipped(one.image.near_digest, places)
    gather(session, candidates)
    assert groups(candidates) == ([{at, at + 1} for at in range(0, 40, 2)] if near else [])


def test_flat_pictures_are_near_to_nothing(session: Session) -> None:
    candidates = make_candidates(session, make_case(session), 3)
    for candidate in candidates:
        candidate.image.near_digest = FLAT
    gather(session, candidates)
    assert groups(candidates) == []


def test_few_of_many_pictures_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with each would be 32 million comparisons."""
    random = np.random.default_rng(1)
    compared = []
    monkeypatch.setattr(grouping, "_is_near", lambda *both: compared.append(both))
    assert list(grouping._near({at: random.bytes(32) for at in range(8000)})) == []
    assert len(compared) < 8000

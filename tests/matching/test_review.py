"""The match queue: two people, independently; a third where they differ; nobody holds another's pair."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.db import Database, config_of
from portal.errors import BadInput, Conflict
from portal.matching import looks, review, second_thoughts
from portal.tables import Account, Candidate, Judgement, Probe
from tests.matching.making import make_account, make_candidates, make_case


@pytest.fixture
def reviewers(session: Session) -> list[str]:
    return [make_account(session, f"r{number}") for number in range(4)]


def judge(session: Session, account: str, answer: str) -> Candidate:
    candidate = review.next_pair(session, account)
    assert candidate is not None
    return review.answer(session, account, candidate.id, answer)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        (["same"], "open"),
        (["same", "probably-same"], "confirmed"),
        (["different", "probably-different"], "rejected"),
        (["cannot-tell", "cannot-tell"], "unsure"),
        (["same", "different"], "open"),
        (["same", "cannot-tell"], "open"),
        (["same", "different", "same"], "confirmed"),
        (["same", "different", "different"], "rejected"),
        (["same", "different", "cannot-tell"], "unsure"),
        (["same", "cannot-tell", "probably-same"], "confirmed"),
    ],
)
def test_how_answers_settle_a_candidate(session: Session, reviewers: list[str], answers: list[str], state: str) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    for account, answer in zip(reviewers, answers, strict=False):
        judge(session, account, answer)
    assert candidate.state == state


def test_nobody_judges_the_same_pair_twice(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session), 1)
    judge(session, reviewers[0], "same")
    assert review.next_pair(session, reviewers[0]) is None
    assert review.waiting(session, reviewers[0]) == 0
    assert review.waiting(session, reviewers[1]) == 1


def test_a_pair_that_somebody_holds_is_not_handed_out(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session), 2)
    first = review.next_pair(session, reviewers[0])
    second = review.next_pair(session, reviewers[1])
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert review.next_pair(session, reviewers[2]) is None
    assert review.next_pair(session, reviewers[0]) is first, "coming back shows the pair one holds"
    with pytest.raises(Conflict):
        review.answer(session, reviewers[2], first.id, "same")


def test_two_who_ask_at_the_same_instant_get_different_pairs(database: Database) -> None:
    with database.writing() as session:
        accounts = [make_account(session, f"r{number}") for number in range(6)]
        make_candidates(session, make_case(session), 3)

    def take(account: str) -> str | None:
        with database.writing() as session:
            candidate = review.next_pair(session, account)
            return candidate.id if candidate else None

    with ThreadPoolExecutor(6) as pool:
        taken = [one for one in pool.map(take, accounts) if one]
    assert len(taken) == len(set(taken)) == 3


def test_a_lease_runs_out(session: Session, reviewers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_candidates(session, make_case(session), 1)
    held = review.next_pair(session, reviewers[0])
    later = clock.now() + looks.LEASE + timedelta(seconds=1)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert review.next_pair(session, reviewers[1]) is held
    assert held is not None
    with pytest.raises(Conflict):
        review.answer(session, reviewers[0], held.id, "same")


def test_an_answer_says_how_long_the_look_took(
    session: Session, reviewers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    review.next_pair(session, reviewers[0])
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert review.next_pair(session, reviewers[0]) is candidate, "after a break the pair is handed out anew"
    monkeypatch.setattr("portal.clock.now", lambda: later + timedelta(seconds=12))
    review.answer(session, reviewers[0], candidate.id, "same")
    assert [judgement.seconds for judgement in candidate.judgements] == [pytest.approx(12)]


def test_undo_brings_the_pair_back(session: Session, reviewers: list[str]) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    judge(session, reviewers[0], "same")
    judge(session, reviewers[1], "same")
    assert candidate.state == "confirmed"
    assert second_thoughts.undo(session, reviewers[1]) == second_thoughts.Undone(candidate, last=True)
    assert candidate.state == "open"
    judge(session, reviewers[1], "different")
    assert candidate.state == "open", "now they differ, so a third must look"
    assert session.query(Judgement).count() == 3, "the answer that was taken back stays for the log"


def test_undo_is_over_when_the_case_has_gone_on(session: Session, reviewers: list[str]) -> None:
    case = make_case(session)
    make_candidates(session, case, 1)
    judge(session, reviewers[0], "same")
    case.state = "deciding"
    session.flush()
    with pytest.raises(Conflict):
        second_thoughts.undo(session, reviewers[0])


def test_undo_works_while_somebody_else_holds_the_pair(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session), 1)
    judge(session, reviewers[0], "same")
    held = review.next_pair(session, reviewers[1])
    assert held is not None
    second_thoughts.undo(session, reviewers[0])
    assert held.lease_account_id == reviewers[1], "the other keeps the pair"
    assert review.waiting(session, reviewers[0]) == 0
    review.answer(session, reviewers[1], held.id, "same")
    assert review.waiting(session, reviewers[0]) == 1


def test_the_pair_is_two_pictures_and_nothing_else(session: Session, reviewers: list[str]) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    review.next_pair(session, reviewers[0])
    pair = review.pair(session, reviewers[0], candidate.id)
    assert pair.sent
    assert review.sent_picture(session, reviewers[0], candidate.id) == b"probe"
    assert review.found_picture(session, reviewers[0], candidate.id) == b"crop 0"
    assert set(vars(pair)) == {"id", "photos", "note", "found_left", "together"}


def test_other_photographs_of_the_person_come_after_the_one_compared(session: Session, reviewers: list[str]) -> None:
    case, other = make_case(session), make_case(session)
    [candidate] = make_candidates(session, case, 1)
    for of, kind, state, content in (
        (case, "selfie", "ready", b"second"),
        (case, "selfie", "choose-face", b"whose?"),
        (case, "picture", "ready", b""),
        (other, "selfie", "ready", b"somebody else"),
    ):
        probe = Probe(case_id=of.id, kind=kind, state=state, created_at=clock.now())
        probe.blob_id = blobs.put_blob(session, "probe", b"the whole picture", "image/jpeg").id
        probe.crop_id = blobs.put_blob(session, "probe-crop", content, "image/jpeg").id if content else None
        session.add(probe)
    review.next_pair(session, reviewers[0])
    assert review.pair(session, reviewers[0], candidate.id).photos == 2
    shown = [review.sent_picture(session, reviewers[0], candidate.id, number) for number in (1, 2, 3, 0)]
    assert shown == [b"probe", b"second", None, None]


@pytest.mark.parametrize("part", ["caseworker_id", "identity_by", "decided_by", "approved_by"])
def test_nobody_judges_their_own_case(session: Session, reviewers: list[str], part: str) -> None:
    case = make_case(session, due_in=3)
    make_candidates(session, case, 2)
    [other] = make_candidates(session, make_case(session, due_in=30), 1)
    setattr(case.rights[0] if part in {"decided_by", "approved_by"} else case, part, reviewers[0])
    session.flush()
    assert review.next_pair(session, reviewers[0]) is other
    assert (review.waiting(session, reviewers[0]), review.kept_from(session, reviewers[0])) == (1, 2)
    assert (review.waiting(session, reviewers[1]), review.kept_from(session, reviewers[1])) == (2, 0)


def test_a_pair_that_one_holds_goes_when_the_case_becomes_ones_own(session: Session, reviewers: list[str]) -> None:
    case = make_case(session)
    [candidate] = make_candidates(session, case, 1)
    assert review.next_pair(session, reviewers[0]) is candidate
    case.identity_by = reviewers[0]
    session.flush()
    with pytest.raises(Conflict, match="You worked on this request"):
        review.answer(session, reviewers[0], candidate.id, "same")
    assert review.next_pair(session, reviewers[0]) is None


def test_a_pair_that_no_reviewer_may_judge_is_counted(session: Session) -> None:
    one, other = (make_account(session, name) for name in ("one", "other"))
    make_account(session, "carl", "caseworker")
    away = make_account(session, "away")
    session.get_one(Account, away).disabled_at = clock.now()
    case = make_case(session)
    make_candidates(session, case, 2)
    assert review.stranded(session) == 0
    judge(session, one, "same")
    assert review.next_pair(session, one) is not None
    assert review.stranded(session) == 0, "what somebody holds just now is not stranded"
    case.identity_by = other
    session.flush()
    assert review.stranded(session) == 1
    make_account(session, "third")
    assert review.stranded(session) == 0


def test_where_one_person_does_it_all_they_may_judge(session: Session, reviewers: list[str]) -> None:
    session.info["config"] = replace(config_of(session), two_people=False)
    case = make_case(session)
    [candidate] = make_candidates(session, case, 1)
    case.identity_by = reviewers[0]
    judge(session, reviewers[0], "same")
    assert candidate.state == "confirmed"
    assert review.kept_from(session, reviewers[0]) == 0


def test_each_reviewer_has_an_order_of_their_own_and_keeps_it(session: Session, reviewers: list[str]) -> None:
    candidates = make_candidates(session, make_case(session), second_thoughts.TAKEN_BACK)

    def order(account: str) -> list[str]:
        return [judge(session, account, "cannot-tell").id for _ in candidates]

    first, second = (order(account) for account in reviewers[:2])
    assert sorted(first) == sorted(second) == sorted(candidate.id for candidate in candidates)
    # By chance they are the same once in 10! = 3.6 million times; the ids' own order once as rarely.
    assert first != second
    assert first != sorted(first)
    for account, before in zip(reviewers[:2], (first, second), strict=True):
        while second_thoughts.undo(session, account):
            pass
        for candidate in candidates:
            candidate.lease_account_id = candidate.lease_until = None
        session.flush()
        assert order(account) == before


def test_the_sides_are_dealt_by_chance_and_stay(session: Session, reviewers: list[str]) -> None:
    candidates = make_candidates(session, make_case(session), 40)
    sides = []
    for account in reviewers[:2]:
        for candidate in candidates:
            candidate.lease_account_id, candidate.lease_until = account, clock.now() + looks.LEASE
        session.flush()
        dealt = [review.pair(session, account, candidate.id).found_left for candidate in candidates]
        assert dealt == [review.pair(session, account, candidate.id).found_left for candidate in candidates]
        sides.append(dealt)
    # With a fair coin, 8 or fewer of 40 come once in 10,000 times.
    assert all(8 < sum(dealt) < 32 for dealt in sides)
    assert sides[0] != sides[1], "whoever looks second sees other pairs turned round"


def test_an_answer_that_is_not_one_of_the_five(session: Session, reviewers: list[str]) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    review.next_pair(session, reviewers[0])
    with pytest.raises(BadInput):
        review.answer(session, reviewers[0], candidate.id, "97 %")


def test_the_most_urgent_case_comes_first(session: Session, reviewers: list[str]) -> None:
    late = make_case(session, due_in=30)
    soon = make_case(session, due_in=3)
    make_candidates(session, late, 1)
    [urgent] = make_candidates(session, soon, 1)
    assert review.next_pair(session, reviewers[0]) is urgent


def test_a_crop_that_was_purged_is_named(session: Session, reviewers: list[str]) -> None:
    from portal.errors import NotFound

    [candidate] = make_candidates(session, make_case(session), 1)
    review.next_pair(session, reviewers[0])
    blobs.purge_blob(session, candidate.crop_id)
    session.expire(candidate)
    with pytest.raises(NotFound):
        review.pair(session, reviewers[0], candidate.id)


def test_undo_does_not_bring_back_what_was_erased_meanwhile(session: Session, reviewers: list[str]) -> None:
    candidate, _ = make_candidates(session, make_case(session), 2)
    review.next_pair(session, reviewers[0])
    candidate.lease_account_id, candidate.lease_until = reviewers[0], clock.now() + looks.LEASE
    review.answer(session, reviewers[0], candidate.id, "same")
    candidate.state = "gone"
    session.flush()
    with pytest.raises(Conflict):
        second_thoughts.undo(session, reviewers[0])
    assert candidate.state == "gone"


def test_undo_does_not_bring_back_a_pair_without_its_picture(session: Session, reviewers: list[str]) -> None:
    """An erasure in another case takes the picture: a pair without one could never be judged, and hold its case up."""
    [candidate] = make_candidates(session, make_case(session), 1)
    judge(session, reviewers[0], "same")
    judge(session, reviewers[1], "same")
    blobs.purge_blob(session, candidate.crop_id)
    session.refresh(candidate)
    with pytest.raises(Conflict):
        second_thoughts.undo(session, reviewers[1])
    assert candidate.state == "confirmed"
    candidate.state = "open"
    session.flush()
    assert review.next_pair(session, reviewers[2]) is None


def test_who_leaves_a_pair_does_not_get_it_back_and_others_do(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session), 2)
    left = review.next_pair(session, reviewers[0])
    assert left is not None
    with pytest.raises(BadInput):
        second_thoughts.pass_on(session, reviewers[0], left.id, "bored")
    second_thoughts.pass_on(session, reviewers[0], left.id, "too-hard")
    assert review.waiting(session, reviewers[0]) == 1
    assert review.waiting(session, reviewers[1]) == 2
    assert left.lease_account_id is None


def test_who_knows_the_person_sees_no_more_of_that_case(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session, due_in=1), 3)
    make_candidates(session, make_case(session, due_in=9), 1)
    known = review.next_pair(session, reviewers[0])
    assert known is not None
    second_thoughts.pass_on(session, reviewers[0], known.id, "knows-person")
    assert review.waiting(session, reviewers[0]) == 1
    other = review.next_pair(session, reviewers[0])
    assert other is not None
    assert other.case_id != known.case_id


def test_only_the_third_sees_the_others_and_only_after_answering(session: Session, reviewers: list[str]) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    for account, given in zip(reviewers, ("same", "different", "probably-same"), strict=False):
        assert not second_thoughts.has_settled(session, account, candidate.id)
        judge(session, account, given)
    for before in reviewers[:2]:
        assert second_thoughts.show_others(session, before, candidate.id) is None
    seen = second_thoughts.show_others(session, reviewers[2], candidate.id)
    assert seen == second_thoughts.Settled("probably-same", ["same", "different"], "confirmed")
    with pytest.raises(Conflict):
        second_thoughts.undo(session, reviewers[2])


def test_the_third_may_take_back_before_seeing_the_others(session: Session, reviewers: list[str]) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    for account, given in zip(reviewers, ("same", "different", "same"), strict=False):
        judge(session, account, given)
    assert second_thoughts.has_settled(session, reviewers[2], candidate.id)
    assert second_thoughts.undo(session, reviewers[2]) == second_thoughts.Undone(candidate, last=True)
    assert candidate.state == "open"

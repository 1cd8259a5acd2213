"""What the queue promises while people press keys in any order: nobody judges what is theirs, twice, or unseen."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Database
from portal.errors import Conflict
from portal.keys import contact_digest
from portal.matching import agreement, eligible, looks, practice, review, second_thoughts
from portal.tables import Account, Candidate, Case, Judgement, PassedOn
from portal.tables.matching import ANSWERS, PASS_REASONS
from tests.matching.making import make_account, make_candidates, make_case


@pytest.fixture
def reviewers(session: Session) -> list[str]:
    return [make_account(session, f"r{number}") for number in range(4)]


def hand(session: Session, account: str, candidate: Candidate) -> None:
    """As if the lot had fallen on this pair."""
    candidate.lease_account_id, candidate.lease_until = account, clock.now() + looks.LEASE
    session.flush()


def judge(session: Session, account: str, candidate: Candidate, answer: str) -> None:
    hand(session, account, candidate)
    review.answer(session, account, candidate.id, answer)


def test_who_knows_the_person_loses_what_was_handed_out_ahead(session: Session, reviewers: list[str]) -> None:
    make_candidates(session, make_case(session), 3)
    first = review.next_pair(session, reviewers[0])
    assert first is not None
    ahead = review.next_pair(session, reviewers[0], but=first.id)
    assert ahead is not None
    second_thoughts.pass_on(session, reviewers[0], first.id, "knows-person")
    session.refresh(ahead)
    assert ahead.lease_account_id is None, "others need not wait ten minutes for it"
    hand(session, reviewers[0], ahead)
    for look in (review.pair, review.found_picture, review.sent_picture):
        with pytest.raises(Conflict):
            look(session, reviewers[0], ahead.id)
    with pytest.raises(Conflict):
        review.answer(session, reviewers[0], ahead.id, "same")
    assert session.scalars(select(Judgement)).all() == []


@pytest.mark.parametrize("state", ["searching", "deciding", "fulfilling"])
def test_a_pair_in_the_hand_is_nobody_s_once_its_case_is_not_compared_any_more(
    session: Session, reviewers: list[str], state: str
) -> None:
    case = make_case(session)
    [candidate] = make_candidates(session, case, 1)
    hand(session, reviewers[0], candidate)
    case.state = state
    session.flush()
    with pytest.raises(Conflict):
        review.answer(session, reviewers[0], candidate.id, "same")
    with pytest.raises(Conflict):
        review.found_picture(session, reviewers[0], candidate.id)


def test_nobody_judges_what_they_asked_for_themselves_or_learns_how_much_there_is(
    session: Session, reviewers: list[str]
) -> None:
    case = make_case(session)
    candidates = make_candidates(session, case, 2)
    email = session.get_one(Account, reviewers[0]).email
    case.contact_digest = contact_digest(session, f" {email.upper()} ")
    session.flush()
    assert review.next_pair(session, reviewers[0]) is None
    assert (review.waiting(session, reviewers[0]), review.kept_from(session, reviewers[0])) == (0, 0)
    hand(session, reviewers[0], candidates[0])
    with pytest.raises(Conflict):
        review.found_picture(session, reviewers[0], candidates[0].id)
    assert review.waiting(session, reviewers[1]) == 1, "the other one is held"


def test_an_answer_counts_only_for_what_lay_on_the_page(session: Session, reviewers: list[str]) -> None:
    """While somebody looks at two of three, the third comes back to them, too, such as in a second window."""
    candidates = make_candidates(session, make_case(session), 3)
    for one in candidates:
        one.group_id = "g" * 32
    for one in candidates:
        hand(session, reviewers[0], one)
    shown = [one.id for one in candidates[:2]]
    review.answer(session, reviewers[0], shown[0], "same", shown=shown)
    assert sorted(session.scalars(select(Judgement.candidate_id))) == sorted(shown)
    assert review.next_pair(session, reviewers[0]) is candidates[2], "it comes by itself"


def test_what_two_others_agree_on_stays_settled_when_the_one_who_differed_takes_it_back(
    session: Session, reviewers: list[str]
) -> None:
    [candidate, _] = make_candidates(session, make_case(session), 2)
    for account, answer in zip(reviewers, ("same", "different", "probably-different"), strict=False):
        judge(session, account, candidate, answer)
    undone = second_thoughts.undo(session, reviewers[0])
    assert undone == second_thoughts.Undone(candidate, last=True)
    assert (candidate.state, candidate.lease_account_id) == ("rejected", None)


def test_taking_back_passes_over_what_is_too_late_and_says_so(session: Session, reviewers: list[str]) -> None:
    going_on, over = make_case(session), make_case(session)
    [older], [newer] = (make_candidates(session, case, 1) for case in (going_on, over))
    judge(session, reviewers[0], older, "same")
    judge(session, reviewers[0], newer, "same")
    over.state = "deciding"
    session.flush()
    assert second_thoughts.undo(session, reviewers[0]) == second_thoughts.Undone(older, last=False)
    with pytest.raises(Conflict):
        second_thoughts.undo(session, reviewers[0])


def test_only_the_last_ten_looks_are_taken_back(session: Session, reviewers: list[str]) -> None:
    for candidate in make_candidates(session, make_case(session), 12):
        judge(session, reviewers[0], candidate, "same")
    taken = [second_thoughts.undo(session, reviewers[0]) for _ in range(11)]
    assert [undone is not None for undone in taken] == [True] * 10 + [False]
    assert len(session.scalars(select(Judgement).where(Judgement.undone_at.is_(None))).all()) == 2


def test_one_s_own_figures_do_not_move_before_the_request_is_decided(session: Session, reviewers: list[str]) -> None:
    """Else a second reviewer could answer, look whether that settled it, take it back, and say what the first said."""
    case = make_case(session)
    first, second = make_candidates(session, case, 2)
    today = clock.local_date(clock.now(), "UTC")
    for account in reviewers[:2]:
        judge(session, account, first, "same")
    for state, seen in (("reviewing", 0), ("searching", 0), ("deciding", 0), ("fulfilling", 2)):
        case.state = state
        session.flush()
        found = agreement.agreement(session, today - timedelta(1), today + timedelta(1), decided=True)
        assert sum(one.answers for one in found.reviewers) == seen, state
    every = agreement.agreement(session, today - timedelta(1), today + timedelta(1))
    assert (every.pairs, second.state) == (1, "open")


def test_lots_cannot_be_worked_out_without_the_key_of_the_installation(session: Session) -> None:
    drawn = looks.lot(session, "kind", "an account", "0")
    assert drawn == looks.lot(session, "kind", "an account", "0")
    assert drawn != sha256(b"kind/an account/0").digest()
    assert len(drawn) == 32


@pytest.fixture
def senior(session: Session) -> str:
    return make_account(session, "sena", "reviewer", "senior")


def may_take(session: Session, account: str) -> bool:
    return session.scalar(eligible.fit_for(session), eligible.given(session, account)) is not None


def test_what_two_differ_on_goes_to_a_senior_who_cannot_tell_it_from_others(
    session: Session, reviewers: list[str], senior: str
) -> None:
    disputed, plain = make_candidates(session, make_case(session), 2)
    judge(session, reviewers[0], disputed, "same")
    judge(session, reviewers[1], disputed, "different")
    assert [review.waiting(session, account) for account in (reviewers[2], senior)] == [1, 2]
    assert review.next_pair(session, reviewers[2]) is plain
    assert review.next_pair(session, senior) is disputed
    review.answer(session, senior, disputed.id, "same")
    assert disputed.state == "confirmed"


def test_what_is_passed_on_as_too_hard_is_seen_by_a_senior_first_and_then_by_another(
    session: Session, reviewers: list[str], senior: str
) -> None:
    [candidate] = make_candidates(session, make_case(session), 1)
    hand(session, reviewers[0], candidate)
    second_thoughts.pass_on(session, reviewers[0], candidate.id, "too-hard")
    assert [may_take(session, account) for account in (*reviewers[:2], senior)] == [False, False, True]
    judge(session, senior, candidate, "same")
    assert [may_take(session, account) for account in (*reviewers[:2], senior)] == [False, True, False]


@pytest.mark.parametrize("why", ["away", "caseworker", "asked", "passed", "knows", "no senior", "practising"])
def test_where_no_senior_may_judge_a_pair_anybody_may(
    session: Session, reviewers: list[str], senior: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(session)
    candidate, other = make_candidates(session, case, 2)
    judge(session, reviewers[0], candidate, "same")
    judge(session, reviewers[1], candidate, "different")
    other.state = "rejected"
    session.flush()
    assert not may_take(session, reviewers[2])
    account = session.get_one(Account, senior)
    if why == "away":
        account.disabled_at = clock.now()
    if why == "practising":
        monkeypatch.setattr(practice, "may_judge", lambda _session, account_id: account_id != senior)
    if why == "no senior":
        account.roles = ["reviewer"]
    if why == "caseworker":
        case.caseworker_id = senior
    if why == "asked":
        case.contact_digest = contact_digest(session, account.email)
    if why in {"passed", "knows"}:
        left = candidate if why == "passed" else other
        reason = "distressing" if why == "passed" else "knows-person"
        session.add(PassedOn(account_id=senior, candidate_id=left.id, reason=reason, at=clock.now()))
    session.flush()
    assert may_take(session, reviewers[2])


# What people press most comes most often.
KEYS = ("same", "different") * 4 + ("undo",) * 3
KEYS += ("take", "cannot-tell", "again", "too-hard", "knows-person", "wait", "own", "ahead")
STEPS = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 3)), min_size=12, max_size=26)


class Team:
    """Reviewers who press keys in any order, and what must be true after each."""

    def __init__(self, session: Session, monkeypatch: pytest.MonkeyPatch, *, senior: bool) -> None:
        self.session, self.now = session, clock.now()
        monkeypatch.setattr("portal.clock.now", lambda: self.now)
        self.accounts = [make_account(session, f"r{number}") for number in range(3)]
        self.accounts.append(make_account(session, "r3", *(("reviewer", "senior") if senior else ("reviewer",))))
        self.cases = [make_case(session, due_in=days) for days in (3, 9)]
        self.candidates = [one for case in self.cases for one in make_candidates(session, case, 2)]
        for one in self.candidates[:2]:
            one.group_id = "g" * 32
        session.flush()
        # What lies on each one's desk, though somebody else may hold it by now; what was sent stays to be sent again.
        self.desk: dict[str, str] = {}
        self.ready: dict[str, str] = {}
        self.standing = self._standing()

    def press(self, key: str, who: int) -> None:
        account = self.accounts[who]
        self.now += timedelta(seconds=1)
        before = self.standing
        try:
            self._do(key, account)
        except Conflict:
            assert self._standing() == before, "what is refused changes nothing"
        self.standing = after = self._standing()
        assert {answer for answer in before ^ after if answer[1] != account} == set(), "nobody changes another's answer"
        for candidate_id, by, _ in after - before:
            self._may_have_answered(self.session.get_one(Candidate, candidate_id), by)
        self.all_is_well(after)

    def _do(self, key: str, account: str) -> None:
        if key in ANSWERS:
            self._take(account)
            review.answer(self.session, account, self.desk[account], key)
        elif key in PASS_REASONS:
            if account in self.desk:
                second_thoughts.pass_on(self.session, account, self.desk[account], key)
        else:
            getattr(self, f"_{key}")(account)

    def _ahead(self, account: str) -> None:
        found = review.next_pair(self.session, account, but=self.desk.get(account))
        self.ready |= {account: found.id} if found is not None else {}

    def _again(self, account: str) -> None:
        """A form that was sent before, or of a page that was only got ready."""
        sent = self.ready.pop(account, self.desk.get(account))
        if sent is not None:
            review.answer(self.session, account, sent, "same")

    def _undo(self, account: str) -> None:
        undone = second_thoughts.undo(self.session, account)
        if undone is not None:
            self.desk[account] = undone.candidate.id

    def _wait(self, _account: str) -> None:
        self.now += timedelta(minutes=6)

    def _own(self, account: str) -> None:
        """Somebody takes a request over while its pairs are out."""
        self.cases[0].caseworker_id = account
        self.session.flush()

    def _take(self, account: str) -> None:
        found = review.next_pair(self.session, account)
        if found is None:
            raise Conflict("Nothing waits.")
        self.desk[account] = found.id

    def _standing(self) -> set[tuple[str, str, str]]:
        rows = select(Judgement.candidate_id, Judgement.account_id, Judgement.answer).where(
            Judgement.undone_at.is_(None)
        )
        return {(candidate, account, answer) for candidate, account, answer in self.session.execute(rows)}

    def _may_have_answered(self, candidate: Candidate, account: str) -> None:
        case = self.session.get_one(Case, candidate.case_id)
        assert case.caseworker_id != account
        left = select(PassedOn.reason, PassedOn.candidate_id).join(Candidate, Candidate.id == PassedOn.candidate_id)
        left = left.where(PassedOn.account_id == account, Candidate.case_id == case.id)
        for reason, candidate_id in self.session.execute(left):
            assert reason != "knows-person"
            assert candidate_id != candidate.id

    def all_is_well(self, standing: set[tuple[str, str, str]]) -> None:
        for candidate_id, state in self.session.execute(select(Candidate.id, Candidate.state)):
            answers = [(account, answer) for of, account, answer in standing if of == candidate_id]
            assert len({account for account, _ in answers}) == len(answers) <= 3, "nobody judges a pair twice"
            assert state == self._outcome([looks.SIDE[answer] for _, answer in answers]), answers

    @staticmethod
    def _outcome(sides: list[int]) -> str:
        """Written out by itself: two of a side settle it; three who all differ cannot tell."""
        for side, state in ((1, "confirmed"), (-1, "rejected"), (0, "unsure")):
            if sides.count(side) >= 2:
                return state
        return "unsure" if len(sides) == 3 else "open"

    def finish(self) -> None:
        """However they left it, those who come fresh bring it to its end."""
        self.now += timedelta(hours=1)
        # What waits for a senior, others need not look at.
        fresh = [make_account(self.session, f"fresh{number}") for number in range(3)]
        for account in (self.accounts[3], *fresh):
            while (found := review.next_pair(self.session, account)) is not None:
                review.answer(self.session, account, found.id, "different")
        self.all_is_well(self._standing())
        assert "open" not in self.session.scalars(select(Candidate.state)).all()


@given(STEPS, st.booleans())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_keys_are_pressed_in_whatever_order(
    database: Database, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]], senior: bool
) -> None:
    with monkeypatch.context() as patched, database.session(write=True) as session:
        team = Team(session, patched, senior=senior)
        for key, who in steps:
            team.press(key, who)
        team.finish()

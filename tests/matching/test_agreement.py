"""Reviewers held against each other: counts by hand, kappa against worked examples, and whom nothing is said about."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import BadInput
from portal.matching import agreement, rates
from portal.tables import Judgement
from tests.matching.making import make_account, make_candidates, make_case

PERIOD = (date(2026, 3, 1), date(2026, 3, 31))
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def reviewers(session: Session) -> list[str]:
    return [make_account(session, f"r{number}") for number in range(3)]


def judged(session: Session, accounts: list[str], *pairs: str, at: datetime = BEGIN, seconds: float = 10) -> None:
    """One candidate for each of `pairs`: the answers of the accounts in turn, by first letter; `-` gives none."""
    words = {"s": "same", "S": "probably-same", "d": "different", "D": "probably-different", "c": "cannot-tell"}
    candidates = make_candidates(session, make_case(session), len(pairs))
    for number, (candidate, answers) in enumerate(zip(candidates, pairs, strict=True)):
        for account, letter in zip(accounts, answers, strict=False):
            if letter != "-":
                moment = at + timedelta(minutes=number)
                session.add(
                    Judgement(
                        candidate_id=candidate.id, account_id=account, answer=words[letter], at=moment, seconds=seconds
                    )
                )
                session.flush()


def found(session: Session) -> dict[str, agreement.Reviewer]:
    return {one.account_id: one for one in agreement.agreement(session, *PERIOD).reviewers}


def test_each_is_held_against_what_the_others_found(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, "ss", "sS", "dD", "sdd", "sds", "ccs")
    first, second, third = (found(session)[account] for account in reviewers)
    assert (first.answers, first.compared, first.agreed) == (6, 6, 5)
    # Where the second and the third differ, they say nothing about the first.
    assert (first.false_alarms, first.others_different) == (1, 2)
    assert (first.misses, first.others_same) == (0, 2)
    assert (second.false_alarms, second.others_different) == (0, 1)
    assert (second.misses, second.others_same) == (1, 3)
    assert (third.answers, third.agreed) == (3, 2)
    assert (third.false_alarms, third.others_different, third.misses, third.others_same) == (0, 0, 0, 0)
    met = agreement.agreement(session, *PERIOD).met
    assert met == {"both-different": 1, "both-cannot-tell": 1, "both-same": 2, "differed": 2}


def test_what_is_not_settled_counts_for_nobody(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, "s", "sd")
    whole = agreement.agreement(session, *PERIOD)
    assert (whole.pairs, whole.kappa, whole.reviewers) == (0, None, [])


def test_one_person_alone_has_answers_but_nobody_to_compare_with(session: Session, reviewers: list[str]) -> None:
    session.info["config"] = replace(config_of(session), two_people=False)
    judged(session, reviewers, "s", "d")
    (only,) = agreement.agreement(session, *PERIOD).reviewers
    assert (only.answers, only.compared, only.agreed, only.others_same) == (2, 0, 0, 0)
    assert only.seconds == 10


def test_an_answer_that_was_taken_back_does_not_count(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, "ss")
    for judgement in session.query(Judgement).filter_by(account_id=reviewers[1]):
        judgement.undone_at = BEGIN
    session.flush()
    assert found(session) == {}


def test_a_look_at_several_pairs_is_timed_once(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, "ss", seconds=4)
    judged(session, reviewers, "ss", at=BEGIN + timedelta(hours=1), seconds=30)
    for judgement in session.query(Judgement).filter(Judgement.seconds == 30):
        session.add(
            Judgement(
                candidate_id=make_candidates(session, make_case(session), 1)[0].id,
                account_id=judgement.account_id,
                answer="same",
                at=judgement.at,
                seconds=30,
            )
        )
    session.flush()
    assert found(session)[reviewers[0]].seconds == 17, "the middle of one look of 4 and one of 30 seconds"


def test_the_last_answer_says_in_which_period_a_pair_belongs(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers[:1], "s", at=datetime(2026, 2, 20, tzinfo=UTC))
    candidate_id = session.query(Judgement).one().candidate_id
    # Midnight in UTC is the first of April in Berlin already.
    late = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
    session.add(Judgement(candidate_id=candidate_id, account_id=reviewers[1], answer="same", at=late))
    session.flush()
    session.info["config"] = replace(config_of(session), zone="Europe/Berlin")
    assert found(session)[reviewers[0]].answers == 1
    session.info["config"] = replace(config_of(session), zone="Asia/Tokyo")
    assert found(session) == {}
    with pytest.raises(BadInput, match="Turn them round"):
        agreement.agreement(session, PERIOD[1], PERIOD[0])


def test_kappa_of_worked_examples() -> None:
    # 20 and 15 agreements, 5 and 10 disagreements: observed 0.7, by chance 0.5.
    table = [(1, 1)] * 20 + [(1, -1)] * 5 + [(-1, 1)] * 10 + [(-1, -1)] * 15
    assert agreement.kappa(table) == pytest.approx(0.4)
    assert agreement.kappa([(1, 1), (-1, -1), (0, 0)]) == 1
    assert agreement.kappa([(1, -1), (-1, 1)]) == -1
    assert agreement.kappa([(1, 1)] * 9) is None, "all alike: chance alone would give as much"
    assert agreement.kappa([]) is None


def test_first_and_second_answers_make_the_kappa(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, *["ss"] * 20, *["sdd"] * 5, *["dss"] * 10, *["dd"] * 15)
    whole = agreement.agreement(session, *PERIOD)
    assert (whole.pairs, whole.kappa) == (50, pytest.approx(0.4))


def test_the_csv_has_a_line_for_each_reviewer_and_no_formula(session: Session, reviewers: list[str]) -> None:
    judged(session, reviewers, "sdd")
    names = {reviewers[0]: "=cmd()", reviewers[1]: "Rita"}
    known = {reviewers[0]: rates.Measured(rates.Rate(3, 4), rates.Rate(0, 0), 7.5)}
    text = agreement.as_csv(agreement.agreement(session, *PERIOD), known, names)
    rows = {row["account_id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert {row["name"] for row in rows.values()} == {"'=cmd()", "Rita", ""}
    assert (rows[reviewers[0]]["false_alarms"], rows[reviewers[0]]["others_different"]) == ("1", "1")
    assert (rows[reviewers[0]]["known_hits"], rows[reviewers[0]]["known_hits_of"]) == ("3", "4")
    assert rows[reviewers[0]]["known_false_alarms_from"] == rows[reviewers[1]]["known_hits"] == ""

"""Practising on the pages: the same page as ever until the answer, then the truth; and what admins are told."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.matching import practice
from portal.matching.looks import LEASE
from portal.tables import Case, Judgement, KnownLook
from tests.matching.making import make_known, practise
from tests.web.conftest import form_token
from tests.web.desk import Colleague, case_in_review, colleague, fill_store
from tests.web.review.test_reviewer import without_marks


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Case:
    with database.writing() as session:
        return case_in_review(session, fill_store(session, tmp_path / "photographs", count=2))


@pytest.fixture
def reviewer(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "reviewer", name="Rea Viewer")


def truth_of(database: Database, path: str) -> bool:
    with database.reading() as session:
        return session.get_one(KnownLook, path.rsplit("/", 1)[1]).pair.same


def test_a_new_reviewer_practises_and_is_told_after_each_answer(
    database: Database, case: Case, reviewer: Colleague
) -> None:
    with database.writing() as session:
        make_known(session)
    assert "Practise comparing pictures" in reviewer.get("/staff")
    page = reviewer.get("/staff/review/")
    assert "Practise first" in page
    assert "pairs wait" not in page
    path = reviewer.post("/staff/review/next")
    same = truth_of(database, path)
    assert "person." not in reviewer.get(path)
    assert reviewer.post(path, answer="different") == path
    told = reviewer.get(path)
    assert ("These two are the same person." if same else "These two are different people.") in told
    assert "You said “Different”." in told
    assert ("That is right" in told) is not same
    assert "Next pair" in told
    assert "You answered within two seconds." in told
    with database.writing() as session:
        session.get_one(KnownLook, path.rsplit("/", 1)[1]).seconds = 5.0
    assert "within two seconds" not in reviewer.get(path)
    assert reviewer.post("/staff/review/next") != path
    reviewer.post(path, status=409, answer="same")
    with database.reading() as session:
        assert session.scalars(select(Judgement)).all() == []


def test_before_the_answer_a_known_pair_looks_like_any_other(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    real = reviewer.post("/staff/review/next")
    with database.writing() as session:
        make_known(session)
    other = colleague(app, database, "reviewer", name="Rea Viewer")
    known = other.post("/staff/review/next")
    assert truth_of(database, known) in (True, False)
    assert len(known) == len(real)
    assert without_marks(other.get(known), known) == without_marks(reviewer.get(real), real)
    for name in ("sent.jpg", "found.jpg", "whole.jpg"):
        ours, theirs = other.client.get(f"{known}/{name}"), reviewer.client.get(f"{real}/{name}")
        assert ours.status_code == theirs.status_code == 200
        assert {name: ours.headers[name] for name in ("Content-Type", "Cache-Control")} == {
            name: theirs.headers[name] for name in ("Content-Type", "Cache-Control")
        }
        assert reviewer.client.get(f"{known}/{name}").status_code in (404, 409)


def test_no_by_way_tells_a_known_pair_from_another_before_the_answer(
    app: Flask, database: Database, case: Case, reviewer: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reviewer.post("/staff/review/next")
    with database.writing() as session:
        make_known(session)
    newcomer = colleague(app, database, "reviewer", name="Rea Viewer")
    colleague(app, database, "reviewer", "senior")
    known = newcomer.post("/staff/review/next")
    sides = ((newcomer, known), (reviewer, real))
    later = clock.now() + LEASE + timedelta(seconds=1)

    def both(path: str, **fields: str) -> set[tuple[int, str]]:
        """What the two are answered, without what is their own."""
        answers = set()
        for who, look in sides:
            if fields:
                token = form_token(who.get("/staff"))
                answer = who.client.post(look + path, data={"csrf_token": token, **fields})
            else:
                answer = who.client.get(look + path)
            answers.add((answer.status_code, without_marks(answer.text, look)[0]))
        return answers

    for told in (
        both("/sent.jpg?photo=2"),
        both(""),
        both("?photo=2&whole=1"),
        both("/leave"),
        both("/third"),
        both("/third", show="yes"),
        both("", answer="certainly"),
        both("/leave", reason="bored"),
    ):
        assert len(told) == 1, told
    monkeypatch.setattr("portal.clock.now", lambda: later)
    for told in (both(""), both("/found.jpg"), both("/whole.jpg"), both("", answer="same")):
        assert [status for status, _ in told] == [409], told


def test_leaving_a_known_pair_to_others_says_that_one_could_not_tell(
    database: Database, case: Case, reviewer: Colleague
) -> None:
    with database.writing() as session:
        make_known(session)
    path = reviewer.post("/staff/review/next")
    assert "Why do you leave this pair to others?" in reviewer.get(f"{path}/leave")
    assert reviewer.post(f"{path}/leave", reason="too-hard") == path
    assert "You said “Cannot tell”" in reviewer.get(path)


def test_leaving_a_pair_of_a_case_leads_to_the_next(case: Case, reviewer: Colleague) -> None:
    path = reviewer.post("/staff/review/next")
    reasons = re.findall(r'name="reason" value="([^"]+)"', reviewer.get(f"{path}/leave"))
    assert len(reasons) == 3
    reviewer.post(f"{path}/leave", status=422, reason="bored")
    assert reviewer.post(f"{path}/leave", reason="too-hard") not in (path, "/staff/review/")
    reviewer.get(path, status=409)


def test_one_key_passes_a_pair_to_a_senior_where_there_is_one(
    app: Flask, database: Database, case: Case, reviewer: Colleague
) -> None:
    path = reviewer.post("/staff/review/next")
    assert "Pass it to a senior" not in reviewer.get(path)
    senior = colleague(app, database, "reviewer", "senior")
    assert re.search(r'value="too-hard">\s*<button[^>]+data-key="x"', reviewer.get(path))
    assert reviewer.post(f"{path}/leave", reason="too-hard") not in (path, "/staff/review/")
    reviewer.get(path, status=409)
    plain = colleague(app, database, "reviewer")
    assert "No pairs wait" in plain.get("/staff/review/"), "one is with the senior, one with the first"
    assert senior.post("/staff/review/next") == path
    assert "Pass it to a senior" not in senior.get(path)


def test_the_third_reads_what_the_others_said_after_answering(app: Flask, database: Database, case: Case) -> None:
    team = [colleague(app, database, "reviewer") for _ in range(3)]
    team[0].post(first := team[0].post("/staff/review/next"), answer="same")
    path = team[1].post("/staff/review/next")
    path = path if path == first else team[1].post(path, answer="same")
    team[1].post(path, answer="different")
    while (path := team[2].post("/staff/review/next")) != first:
        team[2].post(path, answer="cannot-tell")
    assert "Different" not in re.sub(r"<button.*?</button>", "", team[2].get(first), flags=re.DOTALL)
    after = team[2].post(first, answer="probably-same")
    assert after == f"{first}/third"
    assert "You said" not in team[2].get(after)
    page = team[2].post(after, status=200)
    assert "You said “Probably same”. The two before you said “Same” and “Different”." in page
    assert "too-late" in team[2].post("/staff/review/undo")
    team[0].get(after, status=409)
    team[0].post(after, status=409)


def test_each_reviewer_reads_measured_rates_of_their_own_and_no_score(
    app: Flask, database: Database, reviewer: Colleague
) -> None:
    assert "nothing was measured" in reviewer.get("/staff/practice/mine")
    other = colleague(app, database, "reviewer")
    with database.writing() as session:
        make_known(session)
        practise(session, reviewer.id, 20)
        practise(session, other.id, 20, right=False)
    page = reviewer.get("/staff/practice/mine")
    assert re.search(r"Mine</th><td[^>]*>(\d+) of \1 \(100 %; likely \d+ to 100 %\)</td><td[^>]*>0 of", page)
    assert "All reviewers together" in page
    assert "score" not in page.lower()
    assert "too short" in page


def test_admins_are_told_plainly_that_there_is_no_gate_and_how_it_comes(
    app: Flask, database: Database, reviewer: Colleague
) -> None:
    boss = colleague(app, database, "admin")
    assert "new reviewers do not practise" in boss.get("/staff")
    page = boss.get("/staff/practice/")
    assert "cannot be applied" in page
    assert "efface pairs add" in page
    with database.writing() as session:
        make_known(session, 3, 3)
    assert "too few" in boss.get("/staff/practice/")
    with database.writing() as session:
        make_known(session, 12, 12, source="Volunteers")
        practise(session, reviewer.id, practice.GATE)
    page = boss.get("/staff/practice/")
    assert "came through the practice" in page
    assert "cannot be applied" not in page
    assert "Volunteers" in page
    report = boss.get("/staff/reports/")
    assert "Measured error rates" in report
    assert "Rea Viewer" in report
    assert "known_hits" in boss.get("/staff/reports/reviewers.csv")
    colleague(app, database, "caseworker", "auditor").get("/staff/practice/", status=403)

"""The page of figures: for the privacy team and auditors, with a chart that says what the table says."""

from __future__ import annotations

import itertools
import re

import pytest
from flask import Flask

from portal import clock
from portal.db import Database
from portal.tables import Judgement
from tests.cases.making import send
from tests.cases.test_paper import words_of
from tests.matching.making import make_candidates, make_case
from tests.web.desk import Colleague, colleague


@pytest.fixture
def cora(app: Flask, database: Database) -> Colleague:
    with database.writing() as session:
        send(session, "deletion")
        send(session, "access", "deletion")
    return colleague(app, database, "caseworker")


def test_the_page_counts_what_was_asked(cora: Colleague) -> None:
    page = cora.get("/staff/reports/")
    assert "3 rights were asked for" in page
    assert "0 of 0 in time" in page
    assert 'role="img"' in page
    assert "California" in page


def test_a_period_can_be_asked_for_and_a_wrong_day_is_named(cora: Colleague) -> None:
    assert "0 rights were asked for" in cora.get("/staff/reports/?from=2020-01-01&until=2020-12-31")
    assert "2026-11-21: year, month, day" in cora.get("/staff/reports/?from=yesterday", status=422)
    assert "Choose a day" in cora.get("/staff/reports/?until=9999-12-31", status=422)
    assert "Turn them round" in cora.get("/staff/reports/?from=2020-01-02&until=2020-01-01", status=422)


def test_the_figures_can_be_saved(cora: Colleague) -> None:
    text = cora.get("/staff/reports/requests.csv")
    assert text.startswith("part,name,received,")
    assert text.count("\n") >= 4


def test_what_may_be_published_can_be_saved_for_the_year_of_the_period(cora: Colleague) -> None:
    answer = cora.client.get("/staff/reports/california.csv?until=2025-06-30")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="california-2025.csv"'
    assert answer.text.splitlines()[1] == "2025,delete,0,0,0,0,left out"


def test_the_report_can_be_saved_as_pdf(cora: Colleague) -> None:
    answer = cora.client.get("/staff/reports/requests.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    words = words_of(answer.data)
    for said in ("do not publish this", "How they ended", "what may be published (11 CCR 7102)", "Cohen's kappa"):
        assert said in words


def test_the_chart_says_its_figures_to_those_who_do_not_see_it(cora: Colleague) -> None:
    page = cora.get("/staff/reports/")
    charts = re.findall(r'role="img" aria-labelledby="([a-z-]+) ([a-z-]+)"', page)
    assert [title for title, _ in charts] == ["by-right-title", "by-law-title", "endings-title", "published-title"]
    for name in itertools.chain(*charts):
        assert page.count(f'id="{name}"') == 1
    for words in ("Deletion: 0 of 0 in time.", "Open: 3 rights.", "To delete: 0 requests."):
        assert words in page


def test_reviewers_do_not_see_it(app: Flask, database: Database) -> None:
    colleague(app, database, "reviewer").get("/staff/reports/", status=403)


def test_only_admins_see_how_each_reviewer_works(app: Flask, database: Database, cora: Colleague) -> None:
    rita, rolf = (colleague(app, database, "reviewer", name=name) for name in ("Rita", "Rolf"))
    with database.writing() as session:
        for candidate, answers in zip(
            make_candidates(session, make_case(session), 2), (("same", "same"), ("same", "different")), strict=True
        ):
            for someone, answer in zip((rita, rolf), answers, strict=True):
                session.add(
                    Judgement(
                        candidate_id=candidate.id, account_id=someone.id, answer=answer, at=clock.now(), seconds=8
                    )
                )
    boss = colleague(app, database, "admin")
    page = boss.get("/staff/reports/")
    assert "Rita" in page
    assert "1 of 1 (100 %)" in page
    assert "kappa" in page
    assert boss.get("/staff/reports/reviewers.csv").count("\n") == 3
    for someone in (cora, colleague(app, database, "auditor")):
        seen = someone.get("/staff/reports/")
        assert "Rita" not in seen
        assert "How far reviewers agree" in seen
        assert "Both said: same: 1 pair." in seen, "the words of the chart"
        someone.get("/staff/reports/reviewers.csv", status=403)
    rita.get("/staff/reports/reviewers.csv", status=403)

"""The page of figures: for the privacy team and auditors, with a chart that says what the table says."""

from __future__ import annotations

import pytest
from flask import Flask

from portal import clock
from portal.db import Database
from portal.tables import Judgement
from tests.cases.making import send
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
    assert "3 rights asked for" in page
    assert "0 of 0 in time" in page
    assert 'role="img"' in page
    assert "California" in page


def test_a_period_can_be_asked_for_and_a_wrong_day_is_named(cora: Colleague) -> None:
    assert "0 rights asked for" in cora.get("/staff/reports/?from=2020-01-01&until=2020-12-31")
    assert "2026-11-21: year, month, day" in cora.get("/staff/reports/?from=yesterday", status=422)
    assert "Turn them round" in cora.get("/staff/reports/?from=2020-01-02&until=2020-01-01", status=422)


def test_the_figures_can_be_saved(cora: Colleague) -> None:
    text = cora.get("/staff/reports/requests.csv")
    assert text.startswith("part,name,received,")
    assert text.count("\n") >= 4


def test_the_report_can_be_saved_as_pdf(cora: Colleague) -> None:
    answer = cora.client.get("/staff/reports/requests.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF-")


def test_the_chart_says_its_figures_to_those_who_do_not_see_it(cora: Colleague) -> None:
    page = cora.get("/staff/reports/")
    assert 'aria-labelledby="bars-title bars-words"' in page
    assert "Deletion: 0 of 0 in time." in page


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
        assert "Rita" not in someone.get("/staff/reports/")
        someone.get("/staff/reports/reviewers.csv", status=403)
    rita.get("/staff/reports/reviewers.csv", status=403)

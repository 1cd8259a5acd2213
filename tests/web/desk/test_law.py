"""The page on which staff read what is due on which day, and how far each text of law was checked."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.cases import law
from portal.db import Database
from tests.web.desk import Colleague, colleague


@pytest.fixture
def cora(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker")


def row(page: str, rule: str) -> str:
    """The row of a rule."""
    before, _, after = page.partition(f'Source<span class="visually-hidden"> of {rule}<')
    return before.rpartition("<tr>")[2] + after.partition("</tr>")[0]


def test_asked_on_a_day_it_is_due_on_another(cora: Colleague) -> None:
    page = cora.get("/staff/law/?on=2026-11-20")
    assert "21 December 2026" in row(page, "eu.access")
    assert "22 February 2027" in row(page, "eu.access")
    californian = row(page, "us-ca.access")
    assert "4 January 2027" in californian
    assert "aim for 3 January 2027" in californian
    assert "Confirm receipt by 7 December 2026" in californian
    assert "told by 4 January 2027" in californian
    assert "described, never given: the law forbids it" in californian
    assert "20 May 2027" in row(page, "us-wa.deletion")


def test_what_was_not_checked_says_so(cora: Colleague) -> None:
    page = cora.get("/staff/law/?on=2026-11-20")
    assert "not checked" not in row(page, "eu.access")
    assert "second hand: not checked" in row(page, "us-ca.access")
    assert "from memory: not checked" in row(page, "kr.access")
    # The rest of Virginia's rule is verified, Colorado's days of an objection are not even read.
    assert "from memory: not checked" in row(page, "us-co.access")


def test_clocks_without_a_request_and_what_comes_later(cora: Colleague) -> None:
    page = cora.get("/staff/law/?on=2026-11-20")
    assert "20 November 2029" in row(page, "us-il.biometrics")
    later = page.partition("What begins later")[2]
    assert "us-ca-db.deletion" in later
    assert "us-vt.access" in later
    assert "What begins later" not in cora.get("/staff/law/?on=2028-02-01")


def test_every_rule_that_is_not_superseded_is_on_the_page_of_a_day_when_all_have_begun(cora: Colleague) -> None:
    dated = cora.get("/staff/law/?on=2028-06-01")
    for place in law.places().values():
        for each in (*place.rules, *place.duties):
            if each.last_day is None:
                assert f"of {each.id}<" in dated, each.id


@pytest.mark.parametrize("on", ["tomorrow", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_named(cora: Colleague, on: str) -> None:
    assert "day" in cora.get(f"/staff/law/?on={on}", status=422)


def test_whoever_may_read_it_finds_it(app: Flask, database: Database, cora: Colleague) -> None:
    assert 'href="/staff/law/"' in cora.get("/staff")
    reviewer = colleague(app, database, "reviewer")
    assert 'href="/staff/law/"' not in reviewer.get("/staff")
    reviewer.get("/staff/law/", status=403)

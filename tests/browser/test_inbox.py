"""The list of requests from the keyboard: from one to the next, ticked and opened, with keys that can be changed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from portal.db import Database
from tests.browser.signing_in import at_desk
from tests.browser.visiting import Visitor
from tests.cases.making import send
from tests.web.desk import Colleague, colleague

FOCUSED = "document.activeElement.textContent"


@pytest.fixture
def cora(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "caseworker", name="Cora")


@pytest.fixture
def references(database: Database) -> list[str]:
    """Of three requests, in the order of the list."""
    with database.writing() as session:
        cases = [send(session, "access").case for _ in range(3)]
        return [case.reference for case in sorted(cases, key=lambda case: (case.due_on, case.received_at, case.id))]


def ticked(visitor: Visitor) -> list[bool]:
    return [box.is_checked() for box in visitor.page.locator("[data-row] input").all()]


def test_the_list_is_gone_through_ticked_and_opened_by_keys(
    references: list[str], cora: Colleague, site: str, browser: Any
) -> None:
    visitor = at_desk(browser, site, cora)
    visitor.go("/staff/cases/")
    page = visitor.page
    for key, expected in zip("jjjjk", (0, 1, 2, 2, 1), strict=True):
        page.keyboard.press(key)
        assert page.evaluate(FOCUSED) == references[expected]
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
    page.keyboard.press("x")
    assert ticked(visitor) == [False, True, False]
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("a")
    visitor.look()
    assert ticked(visitor) == [True] * 3
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("a")
    visitor.look()
    assert ticked(visitor) == [False] * 3
    page.keyboard.press("j")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    visitor.look()
    assert references[0] in visitor.text
    assert visitor.faults == []
    visitor.close()


def test_keys_of_the_list_can_be_changed_and_switched_off(
    references: list[str], cora: Colleague, site: str, browser: Any
) -> None:
    visitor = at_desk(browser, site, cora)
    visitor.go("/staff/cases/")
    page = visitor.page
    page.get_by_text("Keys for this list").click()
    page.get_by_label("Next request", exact=True).focus()
    page.keyboard.press("n")
    assert page.locator("[data-key-told]").inner_text() == "The key for “Next request” is N now."
    visitor.go("/staff/cases/")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED) not in references
    page.keyboard.press("n")
    assert page.evaluate(FOCUSED) == references[0]
    page.get_by_text("Keys for this list").click()
    page.get_by_label("Use single keys").uncheck()
    visitor.go("/staff/cases/")
    page.keyboard.press("n")
    assert page.evaluate(FOCUSED) not in references
    page.get_by_role("button", name="Next request").click()
    assert page.evaluate(FOCUSED) == references[0], "the buttons still do it"
    assert visitor.faults == []
    visitor.close()


def test_without_scripts_the_list_shows_no_keys_and_ticks_all(
    references: list[str], cora: Colleague, site: str, browser: Any
) -> None:
    visitor = at_desk(browser, site, cora, scripts=False)
    visitor.go("/staff/cases/")
    assert visitor.page.locator("kbd:visible").count() == 0
    assert visitor.page.get_by_text("Keys for this list").is_hidden()
    visitor.press("Tick all")
    assert ticked(visitor) == [True] * 3
    visitor.close()

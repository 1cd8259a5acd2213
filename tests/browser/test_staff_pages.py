"""The staff's pages in a real browser: everybody can use them, and the keyboard alone is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.stores import scans
from portal.tables import Judgement
from tests.browser.signing_in import at_desk
from tests.browser.visiting import Visitor
from tests.web.desk import Colleague, case_in_review, colleague, fill_store


@pytest.fixture
def comparing(app: Flask, database: Database, tmp_path: Path) -> tuple[Colleague, str]:
    with database.writing() as session:
        case_in_review(session, fill_store(session, tmp_path / "photographs"))
    reviewer = colleague(app, database, "reviewer")
    return reviewer, reviewer.post("/staff/review/next")


def standing(database: Database) -> list[str]:
    with database.reading() as session:
        answers = select(Judgement.answer).where(Judgement.undone_at.is_(None)).order_by(Judgement.id)
        return list(session.scalars(answers))


def test_without_scripts_the_buttons_do_it_all(
    comparing: tuple[Colleague, str], database: Database, site: str, browser: Any
) -> None:
    reviewer, path = comparing
    visitor = at_desk(browser, site, reviewer, scripts=False)
    visitor.go(path)
    assert visitor.page.locator("[data-zoom]").is_hidden()
    visitor.press("Probably same")
    assert visitor.path != path
    assert standing(database) == ["probably-same"]
    visitor.press("Undo my last answer")
    assert visitor.path == path
    assert standing(database) == []
    visitor.go("/staff/review/")
    assert visitor.page.get_by_text("Keys for comparing").is_hidden()
    visitor.close()


def test_keys_can_be_changed_and_a_conflict_is_told_by_name(
    comparing: tuple[Colleague, str], database: Database, site: str, browser: Any
) -> None:
    reviewer, path = comparing
    visitor = at_desk(browser, site, reviewer)
    set_key(visitor, "Same", "z", told="Z is the key for “Zoom”. “Same” keeps 5.")
    set_key(visitor, "Same", "p", told="The key for “Same” is P now.")
    set_key(visitor, "Zoom", " ", told="The space bar cannot be a key: it presses buttons. “Zoom” stays as it was.")
    set_key(visitor, "Zoom", "Backspace", told="“Zoom” has no key now.")
    visitor.look()
    visitor.go(path)
    page = visitor.page
    assert page.get_by_label("Keys 1, 2, 3, 4, P, U, F, C, S").is_checked()
    page.keyboard.press("5")
    page.keyboard.press("z")
    assert page.locator(".zoomed").count() == 0
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("p")
    visitor.look()
    assert standing(database) == ["same"], "the old key did nothing"
    visitor.go("/staff/review/")
    page.get_by_text("Keys for comparing").click()
    page.get_by_role("button", name="Use the first keys again").click()
    assert page.get_by_label("Same", exact=True).input_value() == "5"
    visitor.go(visitor.path)
    assert page.locator("#key-z").input_value() == "Z"
    assert visitor.faults == []
    visitor.close()


def set_key(visitor: Visitor, button: str, key: str, told: str) -> None:
    """Choose another key on a queue page that was just loaded: what was chosen before must have been kept."""
    visitor.go("/staff/review/")
    page = visitor.page
    page.get_by_text("Keys for comparing").click()
    page.get_by_label(button, exact=True).focus()
    page.keyboard.press("Space" if key == " " else key)
    assert page.locator("[data-key-told]").inner_text() == told


def test_a_scan_s_page_refreshes_itself(
    app: Flask, database: Database, tmp_path: Path, site: str, browser: Any
) -> None:
    boss = colleague(app, database, "admin")
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs")
        scan = scans.start_scan(session, store, boss.id)
    visitor = at_desk(browser, site, boss)
    visitor.go(f"/staff/scans/{scan.id}")
    page = visitor.page
    with database.writing() as session:
        row = session.merge(scan)
        row.expected, row.seen, row.faces, row.working_seconds = 1000, 500, 321, 10.0
    page.get_by_text("500 of 1,000").wait_for()
    assert page.locator("progress").evaluate("bar => bar.value") == 50
    assert "50 percent" in page.locator("[data-spoken]").inner_text()
    plain = at_desk(browser, site, boss, scripts=False)
    plain.go(f"/staff/scans/{scan.id}")
    assert plain.page.locator("meta[http-equiv=refresh]").count() == 1
    visitor.close()
    plain.close()

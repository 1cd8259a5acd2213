"""The pair that was made ready takes the place of the one that was answered, without a page being loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.tables import Judgement
from tests.browser.signing_in import at_desk
from tests.web.desk import another_photograph, case_in_review, colleague, fill_store

DECODED = "[...document.querySelectorAll('.ef-frame img')].every(one => one.complete && one.naturalWidth === 480)"


def answer_by_key(page: Any, key: str) -> list[str]:
    """Press a key; what was asked of the server until another pair stands there."""
    page.wait_for_selector("[data-review][data-ready=true]", state="attached")
    asked: list[str] = []
    before = page.url
    page.on("request", lambda request: asked.append(f"{request.method} {request.resource_type}"))
    page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)
    return asked


def turn(page: Any, key: str) -> tuple[str, str]:
    """Press a key; the number and the name of the sent photograph that is in sight then."""
    page.keyboard.press(key)
    seen = page.locator("[data-photo]:not([hidden])")
    return page.locator("[data-photo-number]").inner_text(), seen.get_attribute("alt")


def test_the_next_pair_is_there_at_once(
    app: Flask, database: Database, tmp_path: Path, site: str, browser: Any
) -> None:
    reviewer = colleague(app, database, "reviewer")
    with database.writing() as session:
        case = case_in_review(session, fill_store(session, tmp_path / "photographs", count=4))
        another_photograph(session, case, shade=7)
    visitor = at_desk(browser, site, reviewer)
    page = visitor.page
    visitor.go("/staff/review/")
    visitor.press("Start")
    page.evaluate("window.stays = true")
    first = visitor.path
    for seen in (1, 2, 3):
        asked = answer_by_key(page, "1")
        visitor.look()
        assert "GET document" not in asked, "no page is loaded"
        assert page.evaluate("window.stays") is True
        assert page.evaluate(DECODED), "the pictures came with it"
        assert turn(page, "ArrowRight") == ("2", "The face in sent photo 2 of 2")
        assert turn(page, "ArrowRight") == ("1", "The face in sent photo 1 of 2")
        assert page.evaluate("document.activeElement.tagName") == "H1"
        with database.reading() as session:
            given = session.scalars(select(Judgement.candidate_id)).all()
        assert (len(given), visitor.path.rpartition("/")[2] in given) == (seen, False)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    assert turn(page, "ArrowLeft")[0] == "2"
    assert asked == [], "the other photographs came with it, too"
    page.keyboard.press("z")
    assert page.locator(".zoomed").count() == 1, "keys and buttons work on the pair that came"
    assert visitor.path != first
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("1")
    assert visitor.path == "/staff/review/", "after the last there is the queue"
    visitor.look()
    assert visitor.faults == []
    visitor.close()

"""The public pages in a real browser: a whole request, on a phone and a desk, with and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.cases import messages
from portal.db import Database
from portal.tables import Case, Probe
from tests.browser.visiting import Visitor
from tests.erasure import certified
from tests.web import trip

STILL = ["/", "/help", "/privacy", "/comparison", "/accessibility", "/verify-help", "/nowhere"]
SMALL = {"width": 320, "height": 740}


def record(database: Database, **values: Any) -> None:
    """What the probing worker would record about the photo of the face."""
    with database.writing() as session:
        for probe in session.scalars(select(Probe).where(Probe.kind == "selfie")):
            for name, value in values.items():
                setattr(probe, name, value)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.jpg"
    path.write_bytes(trip.jpeg())
    return path


def choose_a_place(visitor: Visitor) -> None:
    """Typing leaves the places that fit, the chosen one and the last one, which fits everybody."""
    page = visitor.page
    if not visitor.scripts:
        page.check("#residence-0")
        return
    places = page.locator(".ef-choice:visible")
    page.get_by_label("California").check(force=True)
    page.get_by_label("Type to find your place").fill("quÉbec")
    last = "Somewhere else, or I would rather not say"
    assert places.all_inner_texts() == ["Canada, except Quebec", "Canada: Quebec", "United States: California", last]
    page.get_by_label("Type to find your place").fill("germany")
    assert places.all_inner_texts()[0].startswith("European Union")
    page.get_by_label("Type to find your place").fill("quebec")
    page.get_by_label("Type to find your place").press("Enter")
    page.get_by_label("Canada: Quebec").check(force=True)


def ask(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/")
    visitor.press("Start now")
    page.check("#rights-2")
    visitor.press("Continue")
    page.check("#for_whom-0")
    visitor.press("Continue")
    choose_a_place(visitor)
    visitor.press("Continue")
    for index in range(4):
        page.check(f"#ways-{index}")
    visitor.press("Continue")
    page.check("#consent")
    visitor.press("Continue")


def show_a_face(visitor: Visitor, database: Database, photo: Path) -> None:
    page = visitor.page
    page.set_input_files("#photo", photo)
    visitor.press("Send this photo")
    visitor.look()
    record(database, state="choose-face", boxes=[[10, 10, 90, 90], [150, 20, 230, 100]])
    page.reload()
    visitor.press("This is me")
    assert "There is a problem" in visitor.text
    page.get_by_label("Face 2").check(force=True)
    visitor.press("This is me")
    record(database, state="ready")
    page.reload()
    visitor.look()
    visitor.press("Continue")


def finish(visitor: Visitor, database: Database, photo: Path) -> None:
    page = visitor.page
    page.fill("#text", "https://example.com/a-rather-long-name-of-a-person/and-a-long-name-of-a-picture-2014.jpg")
    visitor.press("Continue")
    page.set_input_files("#picture", photo)
    if visitor.scripts:
        visitor.press("Send only its fingerprint")
        assert "The picture is on your device" in visitor.text
    else:
        visitor.press("Send this file")
        visitor.go("/request/files")
    visitor.press("Continue")
    page.fill("#text", "anna")
    visitor.press("Continue")
    page.fill("#email", "anna@example.com")
    visitor.press("Continue")
    page.fill("#code", trip.newest_code(database))
    visitor.press("Continue")
    page.fill("#helps", "Years ago.")
    visitor.press("Continue")
    visitor.press("Send my request")
    visitor.press("I have kept them")
    visitor.press("Take your request back")
    visitor.press("Take my request back")
    assert "You took this request back" in visitor.text


@pytest.mark.parametrize("scripts", [True, False])
def test_a_whole_request_in_the_dark(browser: Any, site: str, database: Database, photo: Path, scripts: bool) -> None:
    visitor = Visitor(browser, site, viewport=SMALL, color_scheme="dark", scripts=scripts)
    ask(visitor)
    show_a_face(visitor, database, photo)
    finish(visitor, database, photo)
    assert visitor.faults == []
    visitor.close()


def test_pages_to_read_and_the_answer(app: Flask, browser: Any, site: str, database: Database) -> None:
    with database.writing() as session:
        certificate_id = certified.issued(session)[0].id
        case = session.get_one(Case, "case")
        case.rights[0].outcome = "fulfilled"
        case.state, case.outcome, case.closed_at = "closed", "fulfilled", case.received_at
        messages.write(session, case, "subject", "A long word: " + "o" * 200)
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["case"] = "case"
    cookie = client.get_cookie("efface")
    assert cookie
    visitor = Visitor(browser, site, viewport=SMALL, reduced_motion="reduce")
    visitor.context.add_cookies([{"name": "efface", "value": cookie.value, "url": site}])
    for path in (*STILL, "/case/sign-in", "/case", "/case/messages", f"/case/certificates/{certificate_id}"):
        visitor.go(path)
        visitor.look_in_the_dark()
    assert visitor.faults == []
    visitor.close()


def test_on_paper_all_is_open_and_black_on_white_and_nothing_is_there_to_press(browser: Any, site: str) -> None:
    visitor = Visitor(browser, site, color_scheme="dark")
    visitor.go("/")
    page = visitor.page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.get_by_text("the history of your browser").is_visible()
    assert not page.locator(".ef-header").is_visible()
    assert not page.get_by_role("button", name="Start now").is_visible()
    colours = page.evaluate("(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))")
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not page.get_by_text("the history of your browser").is_visible()
    visitor.close()


def test_shift_three_times_leaves_the_page(browser: Any, site: str) -> None:
    visitor = Visitor(browser, site)
    asked: list[str] = []
    visitor.context.route("**/leave", lambda route: (asked.append(route.request.url), route.fulfill(body="weather")))
    visitor.go("/help")
    for _ in range(3):
        visitor.page.keyboard.press("Shift")
    visitor.page.wait_for_url("**/leave")
    assert len(asked) == 1
    visitor.close()

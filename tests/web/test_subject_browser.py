"""The public pages in a real browser: a whole request, on a phone and a desk, with and without scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from waitress import create_server

from portal.db import Database
from portal.tables import Case, Probe
from tests.browser.finding import find_browser
from tests.erasure import certified
from tests.web import trip

sync_api = pytest.importorskip("playwright.sync_api")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(find_browser() is None, reason="no Chromium")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
STILL = ["/", "/help", "/privacy", "/comparison", "/accessibility", "/verify-help", "/nowhere"]


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The application on a free port of the loopback interface."""
    server = create_server(app, host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=find_browser(), args=flags)
        yield browser
        browser.close()


class Visitor:
    """Somebody who fills in a request and looks at each page as it comes."""

    def __init__(self, browser: Any, site: str, database: Database, folder: Path, **more: Any) -> None:
        self.context = browser.new_context(base_url=site, **more)
        self.page = self.context.new_page()
        self.scripts = more.get("java_script_enabled", True)
        self.database = database
        self.photo = folder / "me.jpg"
        self.photo.write_bytes(trip.jpeg())
        self.found: list[str] = []

    def look(self) -> None:
        """Note what is hard to use on the page that is open, and whether it scrolls sideways."""
        if not self.scripts:
            return
        where = self.page.url.partition("//")[2].partition("/")[2]
        for fault in axe_api.Axe().run(self.page, options=RULES).response["violations"]:
            self.found.append(f"{where}: {fault['id']} {fault['nodes'][0]['html'][:120]}")
        if self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            self.found.append(f"{where}: scrolls sideways")

    def press(self, text: str) -> None:
        self.look()
        self.page.get_by_role("button", name=text, exact=True).or_(
            self.page.get_by_role("link", name=text, exact=True)
        ).first.click()

    def record(self, **values: Any) -> None:
        """What the probing worker would record about the photo of the face."""
        with self.database.writing() as session:
            for probe in session.scalars(select(Probe).where(Probe.kind == "selfie")):
                for name, value in values.items():
                    setattr(probe, name, value)


def ask(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/")
    visitor.press("Start now")
    visitor.press("Continue")
    assert page.title().startswith("Error: ")
    page.check("#rights-2")
    visitor.press("Continue")
    page.check("#for_whom-0")
    visitor.press("Continue")
    page.check("#residence-0")
    visitor.press("Continue")
    for index in range(4):
        page.check(f"#ways-{index}")
    visitor.press("Continue")
    page.check("#consent")
    visitor.press("Continue")


def show_a_face(visitor: Visitor) -> None:
    page = visitor.page
    page.set_input_files("#photo", visitor.photo)
    visitor.press("Send this photo")
    visitor.look()
    visitor.record(state="choose-face", boxes=[[10, 10, 90, 90], [150, 20, 230, 100]])
    page.get_by_role("link", name="Look again now").click()
    page.get_by_label("Face 2").check(force=True)
    visitor.press("This is me")
    visitor.record(state="ready")
    page.get_by_role("link", name="Look again now").click()
    visitor.press("Continue")


def finish(visitor: Visitor) -> None:
    page = visitor.page
    page.fill("#text", "https://example.com/a-rather-long-name-of-a-person/and-a-long-name-of-a-picture-2014.jpg")
    visitor.press("Continue")
    page.set_input_files("#picture", visitor.photo)
    if visitor.scripts:
        visitor.press("Send only its fingerprint")
        page.get_by_text("The picture is on your device").wait_for()
    else:
        visitor.press("Send this file")
        page.goto("/request/files")
    visitor.press("Continue")
    page.fill("#text", "anna")
    visitor.press("Continue")
    page.fill("#email", "anna@example.com")
    visitor.press("Continue")
    page.fill("#code", trip.newest_code(visitor.database))
    visitor.press("Continue")
    page.fill("#helps", "Years ago.")
    visitor.press("Continue")
    visitor.press("Send my request")
    visitor.press("I have kept them")
    visitor.look()
    visitor.press("Take your request back")
    visitor.press("Take my request back")
    assert "You took this request back" in page.inner_text("main")


@pytest.mark.parametrize(
    ("width", "scheme", "scripts"), [(320, "light", True), (1366, "dark", True), (375, "light", False)]
)
def test_a_whole_request(
    browser: Any, site: str, database: Database, tmp_path: Path, width: int, scheme: str, scripts: bool
) -> None:
    viewport = {"width": width, "height": 740}
    visitor = Visitor(
        browser, site, database, tmp_path, viewport=viewport, color_scheme=scheme, java_script_enabled=scripts
    )
    ask(visitor)
    show_a_face(visitor)
    finish(visitor)
    assert visitor.found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_to_read_and_the_answer(
    app: Flask, browser: Any, site: str, database: Database, tmp_path: Path, scheme: str
) -> None:
    with database.writing() as session:
        certificate_id = certified.issued(session)[0].id
        case = session.get_one(Case, "case")
        case.rights[0].outcome = "fulfilled"
        case.state, case.outcome, case.closed_at = "closed", "fulfilled", case.received_at
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["case"] = "case"
    cookie = client.get_cookie("efface")
    assert cookie
    visitor = Visitor(browser, site, database, tmp_path, viewport={"width": 320, "height": 700}, color_scheme=scheme)
    visitor.context.add_cookies([{"name": "efface", "value": cookie.value, "url": site}])
    for path in (*STILL, "/case/sign-in", "/case", f"/case/certificates/{certificate_id}"):
        visitor.page.goto(path)
        visitor.look()
    assert visitor.found == []


def test_shift_three_times_leaves_the_page(browser: Any, site: str, database: Database, tmp_path: Path) -> None:
    visitor = Visitor(browser, site, database, tmp_path)
    asked: list[str] = []
    visitor.context.route("**/leave", lambda route: (asked.append(route.request.url), route.fulfill(body="weather")))
    visitor.page.goto("/help")
    for _ in range(3):
        visitor.page.keyboard.press("Shift")
    visitor.page.wait_for_url("**/leave")
    assert len(asked) == 1


def test_the_error_summary_has_the_focus(browser: Any, site: str, database: Database, tmp_path: Path) -> None:
    visitor = Visitor(browser, site, database, tmp_path)
    visitor.page.goto("/case/sign-in")
    visitor.press("Continue")
    assert visitor.page.evaluate("document.activeElement.className") == "ef-summary"
    visitor.page.get_by_role("link", name="Enter your reference").click()
    assert visitor.page.evaluate("document.activeElement.id") == "reference"

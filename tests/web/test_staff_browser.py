"""The staff's pages in a real browser: everybody can use them, and the keyboard alone is enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from waitress import create_server

from portal import accounts
from portal.db import Database
from portal.stores import scans
from portal.tables import Erasure, Judgement, Store
from tests.browser.finding import find_browser
from tests.cases.making import send
from tests.web.desk import Colleague, case_in_review, case_to_decide, colleague, fill_store

sync_api = pytest.importorskip("playwright.sync_api")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(find_browser() is None, reason="no Chromium")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The application on a free port of the loopback interface."""
    server = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=find_browser(), args=flags)
        yield browser
        browser.close()


def browse(browser: Any, site: str, who: Colleague, **more: Any) -> Any:
    context = browser.new_context(base_url=site, **more)
    cookie = who.client.get_cookie("efface")
    assert cookie is not None
    context.add_cookies([{"name": "efface", "value": cookie.value, "url": site}])
    return context


def all_pages(database: Database, folder: Path, boss: Colleague) -> list[str]:
    """Addresses of all staff pages, with something on each."""
    with database.writing() as session:
        store = fill_store(session, folder)
        case_in_review(session, store)
        deciding = case_to_decide(session, store, "access", "deletion").id
        asking = send(session, "access").case.id
        planned = case_to_decide(session, store, "deletion").id
        scan = scans.start_scan(session, session.get_one(Store, store.id), boss.id).id
        token = accounts.invite(session, ["reviewer"])
    boss.post(f"/staff/cases/{planned}/decide/deletion", confirm="yes", decision="grant", reason="", note="")
    with database.reading() as session:
        erasure = session.scalars(select(Erasure.id)).one()
    paths = (
        f"stores stores/add stores/{store.id} scans/{scan} scans/{scan}/errors lineage/ lineage/add/source "
        f"lineage/add/training accounts accounts/{boss.id} settings cases/ cases/{planned} cases/{asking}/identity "
        f"cases/{deciding}/decide cases/{deciding}/decide/access cases/{deciding}/more-time/access "
        f"erasures/{erasure} erasures/{erasure}/items review/ review/0 audit/ audit/log"
    )
    compare = boss.post("/staff/review/next")
    return ["/staff", f"/join/{token}", compare, f"{compare}?whole=1", *(f"/staff/{path}" for path in paths.split())]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe_and_fits_a_phone(
    app: Flask, database: Database, tmp_path: Path, site: str, browser: Any, scheme: str
) -> None:
    boss = colleague(app, database, "admin", "caseworker", "reviewer", "auditor")
    paths = all_pages(database, tmp_path / "photographs", boss)
    context = browse(browser, site, boss, color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security" in line.text else None)
    for path in paths:
        page.goto(path)
        found = axe_api.Axe().run(page, options=RULES).response["violations"]
        problems += [f"{path}: {one['id']} {[node['target'] for node in one['nodes']]}" for one in found]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append(f"{path} is wider than a phone")
    assert problems == []


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


def test_pairs_are_judged_from_the_keyboard_alone(
    comparing: tuple[Colleague, str], database: Database, site: str, browser: Any
) -> None:
    reviewer, path = comparing
    page = browse(browser, site, reviewer, viewport={"width": 1366, "height": 768}).new_page()
    page.goto(path)
    bottom = page.evaluate("document.querySelector('.ef-tools').getBoundingClientRect().bottom")
    assert bottom <= 768, "the answers must be seen without scrolling"
    page.keyboard.press("z")
    assert page.locator(".zoomed").count() == 1
    page.keyboard.press("c")
    page.wait_for_url("**?whole=1*")
    page.keyboard.press("c")
    page.wait_for_url(f"**{path}")
    second = press_and_go_on(page, "5", path)
    press_and_go_on(page, "1", second)
    assert press_and_go_on(page, "u", page.url) == second
    assert standing(database) == ["same"]


def press_and_go_on(page: Any, key: str, path: str) -> str:
    """Press a key that leads to another pair; returns the path there."""
    page.keyboard.press(key)
    page.wait_for_url(lambda address: not address.endswith(path))
    page.wait_for_load_state()
    return "/" + str(page.url).split("/", 3)[3]


def test_single_keys_can_be_turned_off_and_stay_off(
    comparing: tuple[Colleague, str], database: Database, site: str, browser: Any
) -> None:
    reviewer, path = comparing
    page = browse(browser, site, reviewer).new_page()
    page.goto(path)
    page.locator("#shortcuts").uncheck()
    assert not takes_the_key(page)
    page.reload()
    assert not page.locator("#shortcuts").is_checked()
    assert not takes_the_key(page)
    page.locator("#shortcuts").check()
    assert takes_the_key(page, "z")
    assert standing(database) == []


def takes_the_key(page: Any, key: str = "5") -> bool:
    """Whether the page does something with a key, which it then keeps from the browser."""
    event = f"new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}})"
    return not page.evaluate(f"document.body.dispatchEvent({event})")


def test_without_scripts_the_buttons_do_it_all(
    comparing: tuple[Colleague, str], database: Database, site: str, browser: Any
) -> None:
    reviewer, path = comparing
    page = browse(browser, site, reviewer, java_script_enabled=False).new_page()
    page.goto(path)
    assert page.locator("[data-zoom]").is_hidden()
    page.get_by_role("button", name="Probably same").click()
    page.wait_for_url(lambda address: not address.endswith(path))
    assert standing(database) == ["probably-same"]
    page.get_by_role("button", name="Undo my last answer").click()
    page.wait_for_url(f"**{path}")
    assert standing(database) == []


def test_a_scan_s_page_refreshes_itself(
    app: Flask, database: Database, tmp_path: Path, site: str, browser: Any
) -> None:
    boss = colleague(app, database, "admin")
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs")
        scan = scans.start_scan(session, store, boss.id)
    page = browse(browser, site, boss).new_page()
    page.goto(f"/staff/scans/{scan.id}")
    with database.writing() as session:
        row = session.merge(scan)
        row.expected, row.seen, row.faces, row.working_seconds = 1000, 500, 321, 10.0
    page.get_by_text("500 of 1,000").wait_for()
    assert page.locator("progress").evaluate("bar => bar.value") == 50
    assert "50 percent" in page.locator("[data-spoken]").inner_text()
    plain = browse(browser, site, boss, java_script_enabled=False).new_page()
    plain.goto(f"/staff/scans/{scan.id}")
    assert plain.locator("meta[http-equiv=refresh]").count() == 1

"""A reviewer judges pairs with the keyboard alone, from the sign-in to the empty queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portal.cli.demo.running import Installation
from portal.cli.demo.staff import PASSWORD
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until
from tests.browser.keyboard import Typist
from tests.browser.signing_in import next_code
from tests.browser.visiting import DESK, Visitor
from tests.journeys.staffed import Team

pytestmark = pytest.mark.photographs
EMAIL = "p44@mail.example"
ALL_SEEN = """[...document.querySelectorAll("h1, .ef-frame, .ef-answers, .ef-tools")].every(one => {
    const box = one.getBoundingClientRect();
    return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
})"""

CAPTIONS = """all => all.map(one => [one.querySelector("figcaption").textContent,
    one.querySelector("img").src.split("/").at(-1)])"""


@pytest.fixture
def asked(house: Installation, team: Team, archive: Path, photographs: Path) -> Subject:
    """Somebody asked with a selfie, and three photographs were found."""
    person = Subject(house)
    selfie = (photographs / "obama.jpg").read_bytes()
    person.asks(Request(("deletion",), selfie=selfie, account="mr_44", email=EMAIL))
    until(team.reviewers[0].waits, what="the search")
    return person


def test_pairs_are_judged_by_keyboard_alone(browser: Any, house: Installation, team: Team, asked: Subject) -> None:
    visitor = Visitor(browser, house.address)
    typist, rita = Typist(visitor), team.reviewers[0]
    visitor.go("/staff/sign-in")
    typist.fill("E-mail address", rita.email)
    typist.fill("Password", PASSWORD)
    typist.fill("6-digit code", next_code(rita))
    typist.leave_by("Enter")
    typist.enter("Compare pictures")
    assert "3 pairs wait" in visitor.text
    typist.enter("Start")
    tells_nothing(visitor, asked)
    first, second = judge(typist, "5"), visitor.path
    assert judge(typist, "u") == second
    assert visitor.path == first, "undo leads back to the pair"
    look_closer(typist)
    shortcuts_can_be_switched_off(typist)
    assert judge(typist, "4") == first
    judge(typist, "1")
    judge(typist, "3")
    assert visitor.path == "/staff/review/"
    assert "No pairs wait for you" in visitor.text
    typist.enter("Take back my last answer")
    assert visitor.path != "/staff/review/"
    typist.enter("Same")
    assert "No pairs wait for you" in visitor.text
    typist.enter("Sign out")
    assert visitor.faults == []
    visitor.close()


def judge(typist: Typist, key: str) -> str:
    """Press a key that leads to another pair; returns the path before."""
    before = typist.visitor.path
    typist.leave_by(key)
    return before


def tells_nothing(visitor: Visitor, asked: Subject) -> None:
    """Both faces and all answers are in sight, and nothing that could lead the eye."""
    page = visitor.page
    assert page.viewport_size == DESK
    assert page.evaluate(ALL_SEEN)
    assert page.locator(".ef-frame img").evaluate_all("all => all.map(one => one.naturalWidth)") == [480, 480]
    captions = page.locator(".ef-pair figure").evaluate_all(CAPTIONS)
    assert sorted(captions) == [["Found", "found.jpg"], ["Sent", "sent.jpg"]], "on whichever side they stand"
    source = page.content().lower()
    hidden = [asked.reference, EMAIL, "mr_44", "obama", "dating", "distance", "score", "threshold", "candidates", " %"]
    assert [word for word in hidden if word.lower() in source] == []


def look_closer(typist: Typist) -> None:
    page = typist.page
    page.keyboard.press("z")
    assert page.locator("[data-zoom]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("z")
    typist.leave_by("c")
    assert page.get_by_alt_text("The whole picture that was found").evaluate("one => one.naturalWidth") > 480
    typist.leave_by("c")
    assert page.get_by_alt_text("The whole picture that was found").count() == 0


def shortcuts_can_be_switched_off(typist: Typist) -> None:
    """WCAG 2.1.4: a key of one character can be turned off. Then it does nothing; buttons still do all."""
    page, path = typist.page, typist.visitor.path
    typist.focus("Keys 1–5, U, Z, F, C, S")
    page.keyboard.press("Space")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for key in "12345uzfcs":
        page.keyboard.press(key)
    assert page.locator(".zoomed").count() == 0
    assert asked == []
    # An answer would have led to another pair.
    page.reload()
    assert typist.visitor.path == path
    assert not page.get_by_label("Keys 1–5, U, Z, F, C, S").is_checked()
    typist.focus("Keys 1–5, U, Z, F, C, S")
    page.keyboard.press("Space")
    page.keyboard.press("z")
    assert page.locator(".zoomed").count() == 1
    page.keyboard.press("z")

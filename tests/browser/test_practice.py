"""The pages around comparing: practice and the truth after it, the third's view, rates, and photographs with others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.cli.demo.waiting import until
from portal.db import Database
from portal.matching import review
from portal.tables import Candidate, Face, Image, KnownPhoto
from tests.browser.keyboard import Typist
from tests.browser.signing_in import at_desk
from tests.browser.visiting import PHONE
from tests.fakes import drawn_jpeg
from tests.matching.making import make_account, make_known, practise
from tests.web.desk import Colleague, case_in_review, case_to_decide, colleague, fill_store

IN_SIGHT = """[...document.querySelectorAll("h1, .ef-frame, .ef-answers, .ef-tools, .ef-alike")].every(one => {
    const box = one.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
})"""


def known_pictures(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known pairs whose pictures a browser can show."""
    monkeypatch.setattr("portal.matching.known.picture", lambda *_: drawn_jpeg(3, seed=1, size=(480, 480)))
    with database.writing() as session:
        make_known(session)
        assert session.scalars(select(KnownPhoto.id)).first()


def test_practising_by_keyboard_alone(
    app: Flask, database: Database, site: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_pictures(database, monkeypatch)
    reviewer = colleague(app, database, "reviewer")
    visitor = at_desk(browser, site, reviewer)
    typist, page = Typist(visitor), visitor.page
    visitor.go("/staff/review/")
    typist.enter("Start")
    first = visitor.path
    page.keyboard.press("f")
    assert page.locator(".flipped").count() == 1
    typist.leave_by("1")
    assert "You said “Different”" in visitor.text
    assert visitor.path == first
    typist.leave_by("n")
    assert visitor.path != first
    typist.leave_by("s")
    assert "Why do you leave this pair to others?" in visitor.text
    typist.leave_by("s")
    typist.leave_by("s")
    typist.leave_by("2")
    assert "You said “Cannot tell”" in visitor.text
    page.get_by_label("Keys").click()
    told = visitor.path
    page.keyboard.press("n")
    assert visitor.path == told, "switched off, keys do nothing here either"
    typist.enter("How I do")
    assert "2 pairs with a known answer" in visitor.text
    assert visitor.faults == []
    visitor.close()


def test_a_reviewer_looks_as_they_like(
    app: Flask, database: Database, site: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_pictures(database, monkeypatch)
    visitor = at_desk(browser, site, colleague(app, database, "reviewer"))
    page = visitor.page
    visitor.go("/staff/review/")
    page.get_by_text("How I like to look").click()
    for wish in ("Blur pictures", "without colours", "Strong contrast", "needs two keys"):
        page.get_by_label(wish).check()
    page.get_by_text("Keys for comparing").click()
    visitor.page.get_by_role("button", name="Keys for the right hand").click()
    visitor.look()
    serving = app.extensions["database"]
    monkeypatch.setattr(serving, "config", replace(serving.config, likeness=True))
    visitor.press("Start")
    assert page.locator(".wish-contrast").count() == 1
    assert page.evaluate(IN_SIGHT), "the parts, too, stand beside the pictures without scrolling"
    path, seen = visitor.path, "one => getComputedStyle(one).filter"
    found = page.locator("[data-found] img")
    page.mouse.move(0, 0)
    assert "blur" in found.evaluate(seen)
    page.locator("[data-found]").focus()
    assert found.evaluate(seen) == "grayscale(1)"
    page.keyboard.press("i")
    page.locator("[data-found]").evaluate("one => one.scrollTo(7, 11)")
    together = "[...document.querySelectorAll('.ef-frame')].every(one => one.scrollTop === 11)"
    until(lambda: page.evaluate(together), what="both pictures")
    page.keyboard.press("0")
    assert visitor.path == path, "one slip decides nothing"
    assert page.evaluate("document.activeElement.value") == "same"
    page.keyboard.press("Enter")
    page.get_by_text("You said “Same”").wait_for()
    visitor.press("Next pair")
    assert page.locator("[data-break]").is_hidden()
    page.evaluate("localStorage.setItem('efface-review-since', String(Date.now() - 46 * 60 * 1000))")
    page.reload()
    assert page.locator("[data-break]").is_visible()
    visitor.look()
    page.get_by_role("button", name="Go on").click()
    page.reload()
    assert page.locator("[data-break]").is_hidden()
    assert visitor.faults == []
    visitor.close()


def pages(app: Flask, database: Database, folder: Path, boss: Colleague) -> list[str]:
    with database.writing() as session:
        store = fill_store(session, folder)
        case = case_in_review(session, store)
        for name, answer in (("one", "same"), ("two", "different")):
            account = make_account(session, name)
            practise(session, account, 20)
            candidate = session.scalars(select(Candidate).where(Candidate.case_id == case.id)).first()
            assert candidate is not None
            review.lease(session, candidate, account)
            review.answer(session, account, candidate.id, answer)
        practise(session, boss.id, 20)
        review.lease(session, candidate, boss.id)
        review.answer(session, boss.id, candidate.id, "same")
        third = candidate.id
        deciding = case_to_decide(session, store, "deletion")
        image = session.scalars(select(Image).order_by(Image.id)).first()
        assert image is not None
        image.width, image.height = 640, 480
        faces = [Face(image_id=image.id, left=left, top=134, right=left + 200, bottom=334) for left in (50, 390)]
        session.add_all(faces)
        session.flush()
        for one in session.scalars(select(Candidate).filter_by(image_id=image.id)):
            one.face_id = faces[0].id
    look = boss.post("/staff/review/next")
    return [
        f"/staff/review/{third}/third",
        f"{look}/leave",
        "/staff/practice/mine",
        "/staff/practice/",
        "/staff/reports/",
        f"/staff/cases/{deciding.id}/group-photographs",
        "/staff/review/",
    ]


def test_each_page_passes_axe_and_fits_a_phone(
    app: Flask, database: Database, tmp_path: Path, site: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_pictures(database, monkeypatch)
    boss = colleague(app, database, "admin", "caseworker", "reviewer")
    paths = pages(app, database, tmp_path / "photographs", boss)
    visitor = at_desk(browser, site, boss, viewport=PHONE, reduced_motion="reduce")
    for path in paths:
        visitor.go(path)
        visitor.look_in_the_dark()
    visitor.go(paths[0])
    visitor.press("Show what the others said")
    visitor.look_in_the_dark()
    assert "The two before you said “Same” and “Different”" in visitor.text
    newcomer = colleague(app, database, "reviewer")
    other = at_desk(browser, site, newcomer, viewport=PHONE, reduced_motion="reduce")
    other.go("/staff/review/")
    other.look_in_the_dark()
    other.press("Start")
    other.look_in_the_dark()
    other.press("Same")
    other.look_in_the_dark()
    assert "person" in other.text or "people" in other.text
    assert visitor.faults + other.faults == []
    visitor.close()
    other.close()

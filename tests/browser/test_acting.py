"""Acting for somebody else and requests by post, at a browser: by finger on a phone, and at a desk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal import clock
from portal.db import Database
from portal.languages import day
from tests.browser.signing_in import at_desk
from tests.browser.visiting import Visitor
from tests.web.desk import colleague
from tests.web.person.test_agents import PDF, PERSON, case_of, link_of
from tests.web.trip import newest_code


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "permission.pdf"
    path.write_bytes(PDF)
    return path


def test_somebody_asks_for_another_who_says_yes_and_a_caseworker_agrees(
    browser: Any, site: str, app: Flask, database: Database, paper: Path
) -> None:
    agent = Visitor(browser, site, touch=True)
    asks_for_another(agent, paper)
    reference = sends(agent, database)
    person = Visitor(browser, site, touch=True)
    link = link_of(database)
    assert link
    person.go(link)
    assert "Bo Berg" in person.text
    person.press("Yes, that is right")
    assert reference in person.text
    person.press("I have kept them")
    person.press("Who acts for whom")
    assert "Go on alone" in person.text
    cora = at_desk(browser, site, colleague(app, database, "caseworker", name="Cora"))
    case, _ = case_of(database, reference)
    cora.go(f"/staff/cases/{case.id}")
    cora.press("Go through the list")
    cora.press("Save what I saw")
    assert "each point" in cora.text
    for name in ("permission", "scope", "in-time"):
        cora.page.check(f"#point-{name}-yes")
    cora.press("Save what I saw")
    assert "They may act." in cora.text
    for visitor in (agent, person, cora):
        assert visitor.faults == []
        visitor.close()


def asks_for_another(agent: Visitor, paper: Path) -> None:
    agent.go("/")
    agent.press("Start now")
    agent.choose("Have them deleted")
    agent.press("Continue")
    agent.choose("Somebody who asked me to do it for them")
    agent.press("Continue")
    agent.choose("United States: California")
    agent.press("Continue")
    agent.press("Continue")
    assert "Enter the name of the person" in agent.text
    agent.page.get_by_label("What is the name of the person?").fill("Anna Ames")
    agent.page.get_by_label("What is your own name?").fill("Bo Berg")
    agent.choose("The person signed a permission", "Have them deleted")
    agent.page.get_by_label("What is the e-mail address of the person?").fill(PERSON)
    agent.press("Continue")
    agent.upload("Add a photo of the paper, or a PDF", paper)
    agent.press("Send this paper")
    assert "We have it." in agent.text
    agent.press("Continue")


def sends(agent: Visitor, database: Database) -> str:
    agent.choose("A link to a profile or a picture")
    agent.press("Continue")
    assert "“your” mean this person" in agent.text
    agent.page.locator("#text").fill("https://example.com/anna.jpg")
    agent.press("Continue")
    agent.page.locator("#email").fill("bo@agent.example")
    agent.press("Continue")
    agent.page.locator("#code").fill(newest_code(database))
    agent.press("Continue")
    agent.press("Continue")
    assert "Anna Ames" in agent.text
    agent.press("Send my request")
    return str(agent.page.locator(".ef-reference").inner_text())


@pytest.mark.parametrize("touch", [False, True])
def test_a_letter_is_entered_at_the_desk(
    browser: Any, site: str, app: Flask, database: Database, paper: Path, touch: bool
) -> None:
    cora = at_desk(browser, site, colleague(app, database, "caseworker", name="Cora"), touch=touch)
    cora.go("/staff/cases/")
    cora.press("Enter a request that came by phone or post")
    cora.press("Enter it and show the letter")
    assert "Choose how it came" in cora.text
    came = clock.now().date() - timedelta(days=9)
    cora.choose("By post", "Have them deleted")
    cora.page.get_by_label("On which day did it come?").fill(came.isoformat())
    cora.page.get_by_label("A link to a profile or a picture").fill("https://example.com/anna.jpg")
    cora.page.get_by_label("Name and postal address").fill("Anna Ames\nHill 1\nUlm")
    cora.upload("Scan of the letter", paper)
    cora.press("Enter it and show the letter")
    assert "Anna Ames" in cora.text
    assert day(came) in cora.text
    cora.press("I have printed it")
    cora.press("How it came")
    cora.press("Show name and address")
    assert "Hill 1" in cora.text
    assert cora.faults == []
    cora.close()

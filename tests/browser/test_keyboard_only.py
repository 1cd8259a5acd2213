"""One whole case with nothing but keys: a person asks, two people compare, two decide and approve, the person reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import workers
from portal.db import Database
from portal.tables import Case, Erasure, Store
from tests.browser.keyboard import Typist
from tests.browser.visiting import Visitor
from tests.web import trip
from tests.web.desk import PASSWORD, code_of, fill_store, find_photographs, make_account

LINK = "https://dating.example/mira"
# Whoever points, or has a field filled without a key being pressed, is told on the console, which is a fault.
WATCH = """{
  let keyed = false;
  addEventListener("keydown", () => { keyed = true; }, true);
  addEventListener("pagehide", () => { keyed = false; }, true);
  for (const pointed of ["pointerdown", "mousedown", "touchstart"])
    addEventListener(pointed, () => console.error("somebody pointed"), true);
  addEventListener("input", () => { if (!keyed) console.error("something was filled in without a key"); }, true);
  addEventListener("submit", () => { if (!keyed) console.error("something was sent without a key"); }, true);
}"""


class Keys:
    """People at keyboards before one portal, each with a browser of their own."""

    def __init__(self, browser: Any, site: str, database: Database, folder: Path) -> None:
        self.browser, self.site, self.database = browser, site, database
        self.visitors: list[Visitor] = []
        with database.writing() as session:
            self.store = fill_store(session, folder, count=1)
            self.staff = {
                name: make_account(session, f"{name}@staff.example", role, name=name.title())
                for name, role in (
                    ("rita", "reviewer"), ("rob", "reviewer"), ("carl", "caseworker"), ("cleo", "caseworker")
                )
            }  # fmt: skip

    def sit_down(self) -> Typist:
        self.visitors.append(Visitor(self.browser, self.site))
        self.visitors[-1].context.add_init_script(WATCH)
        return Typist(self.visitors[-1], looks=False)

    def sign_in(self, name: str) -> Typist:
        typist = self.sit_down()
        typist.open("/staff/sign-in")
        account, secret = self.staff[name]
        typist.fill("E-mail address", account.email)
        typist.fill("Password", PASSWORD)
        typist.fill("6-digit code", code_of(secret))
        typist.leave_by("Enter")
        assert typist.visitor.path == "/staff"
        return typist

    def case(self) -> Case:
        with self.database.reading() as session:
            return session.scalars(select(Case)).one()


@pytest.fixture
def keys(app: Flask, browser: Any, site: str, database: Database, tmp_path: Path) -> Keys:
    return Keys(browser, site, database, tmp_path / "photographs")


def test_a_whole_case_is_carried_through_without_a_mouse(keys: Keys) -> None:
    person = keys.sit_down()
    ask(person, keys.database)
    carl = keys.sign_in("carl")
    reference = keys.case().reference
    check_identity(carl, reference)
    search(keys)
    for name in ("rita", "rob"):
        compare(keys.sign_in(name))
    assert keys.case().state == "deciding"
    decide(carl, reference)
    cleo = keys.sign_in("cleo")
    approve(cleo, reference)
    erase(keys)
    answer_items(carl, reference)
    confirm(cleo, reference)
    assert (keys.case().state, keys.case().outcome) == ("closed", "partly-fulfilled")
    read(person)
    assert [fault for visitor in keys.visitors for fault in visitor.faults] == []
    for visitor in keys.visitors:
        visitor.close()


def ask(person: Typist, database: Database) -> None:
    person.open("/")
    person.enter("Start now")
    person.tick("Have them deleted")
    person.enter("Continue")
    person.pick("Me")
    person.enter("Continue")
    person.pick("United States: Colorado")
    person.enter("Continue")
    person.tick("A link to a profile or a picture")
    person.enter("Continue")
    person.fill("What is the link?", LINK)
    person.enter("Continue")
    person.fill("What is your e‑mail address?", "mira@mail.example")
    person.enter("Continue")
    person.fill("Enter the code", trip.newest_code(database))
    person.enter("Continue")
    person.fill("Is there anything that helps us to find you?", "A dating site, in 2014.")
    person.enter("Continue")
    assert LINK.removeprefix("https://") in person.visitor.text
    person.enter("Send my request")
    assert re.fullmatch(r"EF-[2-9A-Z]{4}-[2-9A-Z]{4}", person.page.locator(".ef-reference").inner_text())
    person.enter("I have kept them")


def check_identity(carl: Typist, reference: str) -> None:
    carl.enter("Requests")
    carl.enter(reference)
    carl.enter("Check who is asking")
    carl.pick("Yes, I am sure")
    carl.fill("How do you know?", "The account answered from the address that it has.")
    carl.enter("Save the decision")


def search(keys: Keys) -> None:
    """The machine's part: what the search finds."""
    with keys.database.writing() as session:
        find_photographs(session, session.scalars(select(Case)).one(), session.scalars(select(Store)).one())


def compare(reviewer: Typist) -> None:
    reviewer.enter("Compare pictures")
    reviewer.enter("Start")
    reviewer.leave_by("5")
    assert "No pairs wait for you" in reviewer.visitor.text


def decide(carl: Typist, reference: str) -> None:
    carl.enter("Requests")
    carl.enter(reference)
    carl.enter("Decide")
    carl.enter("Decide about: Have them deleted")
    carl.pick("Grant it")
    carl.enter("Show what the person will read")
    carl.enter("Grant it")


def approve(cleo: Typist, reference: str) -> None:
    cleo.enter("Requests")
    cleo.enter(reference)
    cleo.enter("Read the plan")
    cleo.enter("Approve exactly this plan")


def erase(keys: Keys) -> None:
    """The machine's part: the erasure, up to what people must answer."""
    with keys.database.reading() as session:
        erasure_id = session.scalars(select(Erasure.id)).one()
    assert workers.carry_out(keys.database, "erasing", erasure_id) == "worked"


def answer_items(carl: Typist, reference: str) -> None:
    carl.enter("Requests")
    carl.enter(reference)
    carl.enter("Answer the items")
    for place, result in enumerate(("Kept", "Kept", "Told"), 1):
        for _ in range(place):
            carl.focus("What was done?")
        carl.page.keyboard.type(result)
        if place == 1:
            carl.fill("On which day?", "01012026")
            carl.fill("Why?", "A claim is heard in court.")
        carl.fill("Say it in a sentence", "By letter on 20 November.")
        carl.enter("Keep this answer")


def confirm(cleo: Typist, reference: str) -> None:
    """The second person, about the model."""
    cleo.enter("Requests")
    cleo.enter(reference)
    cleo.enter("Answer the items")
    cleo.enter("I have read it: confirm this answer")
    assert "The certificate is issued" in cleo.visitor.text


def read(person: Typist) -> None:
    """The answer, and the certificate."""
    person.enter("Follow your request")
    assert "Your answer" in person.visitor.text
    person.enter("Read the certificate")
    assert "What was done" in person.visitor.text

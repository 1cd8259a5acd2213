"""A person asks on a phone: from the first page to the reference, back with the secret words, and taken back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from portal.cli.demo.running import Installation
from tests.browser.visiting import Visitor

LINK = "https://www.site.example/people/a-rather-long-name-of-a-person/and-the-name-of-a-picture-2014.jpg"
# With scripts and without. The same questions in the dark are in test_public_pages.
PHONES: dict[str, dict[str, Any]] = {"light": {"color_scheme": "light"}, "plain": {"scripts": False}}


@pytest.mark.photographs
@pytest.mark.parametrize("phone", PHONES)
def test_a_person_asks_on_a_phone_follows_it_and_takes_it_back(
    browser: Any, house: Installation, photographs: Path, phone: str
) -> None:
    visitor = Visitor(browser, house.address, touch=True, **PHONES[phone])
    email = f"{phone}@mail.example"
    ask(visitor)
    show_a_face(visitor, photographs / "obama.jpg")
    name_other_ways(visitor)
    give_contact(visitor, house, email)
    reference, words = send(visitor, email)
    assert visitor.faults == []
    visitor.close()
    follow_and_take_back(Visitor(browser, house.address, touch=True, **PHONES[phone]), reference, words)


def ask(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.press("Start now")
    visitor.choose("Find out if you have photos of me", "Get a copy of them", "Have them deleted")
    visitor.press("Continue")
    visitor.choose("Me")
    visitor.press("Continue")
    visitor.choose("European Union, Iceland, Liechtenstein or Norway")
    visitor.press("Continue")
    visitor.choose("A photo of my face", "A link to a profile or a picture", "An account name")
    visitor.press("Continue")
    visitor.choose("Yes, you may compare my face with the photos you have")
    visitor.press("Continue")


def show_a_face(visitor: Visitor, photograph: Path) -> None:
    visitor.upload("Add a photo of your face", photograph)
    visitor.press("Send this photo")
    # The page of the check goes on by itself, with scripts or without, once the worker has loaded its networks.
    visitor.page.get_by_text("Ready").wait_for(timeout=60_000)
    visitor.look()
    assert visitor.page.get_by_alt_text("Picture 1 that you sent").evaluate("one => one.naturalWidth") > 0
    visitor.press("Continue")


def name_other_ways(visitor: Visitor) -> None:
    visitor.page.get_by_label("What is the link?").fill(LINK)
    visitor.press("Continue")
    visitor.page.get_by_label("What is the account name?").fill("mr_44")
    visitor.press("Continue")


def give_contact(visitor: Visitor, house: Installation, email: str) -> None:
    visitor.page.get_by_label(re.compile("mail address")).fill(email)
    visitor.press("Continue")
    code = re.search(r"\b\d{6}\b", house.last_mail(email))
    assert code is not None
    visitor.page.get_by_label("Enter the code").fill(code[0])
    visitor.press("Continue")


def send(visitor: Visitor, email: str) -> tuple[str, str]:
    """The last question, the answers to check, the confirmation. Returns the reference and the secret words."""
    visitor.page.get_by_label("Is there anything that helps us to find you?").fill("A dating site, in 2014.")
    visitor.press("Continue")
    answers = visitor.text
    assert all(said in answers for said in (email, "mr_44", "site.example", "A dating site, in 2014."))
    visitor.press("Send my request")
    assert visitor.path == "/request/sent"
    reference = visitor.page.locator(".ef-reference").inner_text()
    words = visitor.page.locator(".ef-words").inner_text()
    assert re.fullmatch(r"EF-[2-9A-Z]{4}-[2-9A-Z]{4}", reference)
    assert len(words.split()) > 3
    visitor.press("I have kept them")
    assert "Your request" in visitor.text
    return reference, words


def follow_and_take_back(visitor: Visitor, reference: str, words: str) -> None:
    """From another browser, such as one at home, with what was written down."""
    visitor.go("/")
    visitor.press("Follow your request")
    visitor.page.get_by_label("Reference").fill(reference.lower())
    visitor.page.get_by_label("Secret words").fill(f" {words.upper()} ")
    visitor.press("Continue")
    assert reference in visitor.text
    assert "How far it is" in visitor.text
    visitor.press("Take your request back")
    visitor.press("Take my request back")
    assert "You took this request back" in visitor.text
    visitor.press("Sign out")
    assert visitor.faults == []
    visitor.close()


def test_what_needs_another_look_is_said_once_at_the_top_and_once_at_the_field(
    browser: Any, house: Installation
) -> None:
    visitor = Visitor(browser, house.address, touch=True)
    page = visitor.page
    visitor.go("/")
    visitor.press("Start now")
    visitor.press("Continue")
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.className") == "ef-summary"
    field = page.get_by_role("group", name="What would you like to do?")
    described = [page.locator(f"#{name}").inner_text() for name in field.get_attribute("aria-describedby").split()]
    assert any("Choose what you would like to do" in words for words in described)
    visitor.strike(page.locator(".ef-summary").get_by_role("link"))
    assert page.evaluate("document.activeElement.type") == "checkbox"
    assert visitor.faults == []
    visitor.close()

"""Choosing a language, without scripts, on a phone; and how the pages turn in one from right to left."""

from __future__ import annotations

from typing import Any

from tests.browser.visiting import Visitor

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
STARTS_AT = "getComputedStyle(document.querySelector('main h1')).direction"


def test_a_language_is_chosen_by_its_own_name_without_scripts(browser: Any, site: str) -> None:
    visitor = Visitor(browser, site, touch=True, scripts=False, locale="de")
    page = visitor.page
    page.goto("/help")
    page.locator(".ef-languages summary").click()
    page.get_by_role("button", name="العربية").click()
    page.wait_for_load_state()
    assert visitor.path == "/help"
    assert page.locator("html").get_attribute("dir") == "rtl"
    visitor.close()


def test_the_open_list_of_languages_fits_on_a_phone_and_has_no_faults(browser: Any, site: str) -> None:
    visitor = Visitor(browser, site, touch=True, locale="ar")
    page = visitor.page
    page.goto("/")
    page.locator(".ef-languages summary").click()
    visitor.look()
    assert page.evaluate(SIDEWAYS) <= 0
    assert page.evaluate(STARTS_AT) == "rtl"
    # The Exit button is at the end of a line, which is the left side here.
    box = page.locator("[data-exit]").bounding_box()
    assert box["x"] < 60
    assert visitor.faults == []
    visitor.close()

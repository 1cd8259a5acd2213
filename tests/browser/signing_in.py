"""Signing in through the page, with the code that the app shows; or being signed in already."""

from __future__ import annotations

import time
from typing import Any

from portal.cli.demo.staff import PASSWORD, Staff
from tests.browser.visiting import Visitor
from tests.web.desk import Colleague

STEP_SECONDS = 30


def next_code(who: Staff) -> str:
    """The code of the step that comes: each code works once, and the present one made the account just now.

    So everybody signs in through the page at most once a minute.
    """
    return str(who.totp.at(int(time.time()) + STEP_SECONDS))


def sign_in(visitor: Visitor, who: Staff) -> None:
    visitor.go("/staff/sign-in")
    visitor.page.get_by_label("E-mail address").fill(who.email)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_label("6-digit code").fill(next_code(who))
    visitor.press("Sign in")
    assert visitor.path == "/staff"


def at_desk(browser: Any, site: str, who: Colleague, **more: Any) -> Visitor:
    """A browser in which somebody is signed in already."""
    visitor = Visitor(browser, site, **more)
    cookie = who.client.get_cookie("efface")
    assert cookie is not None
    visitor.context.add_cookies([{"name": "efface", "value": cookie.value, "url": site}])
    return visitor

"""Signing in through the page, with the code that the app shows."""

from __future__ import annotations

import time

from portal.cli.demo.people import PASSWORD, Staff
from tests.browser.visiting import Visitor

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

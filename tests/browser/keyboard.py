"""Somebody who has only a keyboard."""

from __future__ import annotations

from typing import Any

from tests.browser.visiting import Visitor

# The name of what has the focus, as far as these pages name things: its label, its text.
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === document.body) return "";
    const named = (one.labels?.length ? one.labels[0] : one).cloneNode(true);
    for (const hidden of named.querySelectorAll("[aria-hidden=true]")) hidden.remove();
    return named.textContent.replace(/\\s+/g, " ").trim();
}"""
# Far more than any page has of things that can have the focus.
MOST_TABS = 60


class Typist:
    """Presses keys and nothing else. Raises AssertionError where a keyboard does not lead on."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page

    def focus(self, name: str) -> None:
        """Tab to the thing with this name. The focus must be seen all the way, and must not be trapped."""
        passed: list[str] = []
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            passed.append(self.page.evaluate(FOCUSED))
            if passed[-1] == name:
                assert self.page.evaluate("document.activeElement.matches(':focus-visible')"), f"{name}: no focus ring"
                return
        raise AssertionError(f"Tab does not lead to {name!r}, only to {passed}")

    def fill(self, name: str, text: str) -> None:
        self.focus(name)
        self.page.keyboard.type(text)

    def enter(self, name: str) -> None:
        """Tab to a button or link and press it."""
        self.focus(name)
        self.leave_by("Enter")

    def leave_by(self, key: str) -> Any:
        """Press a key that leads to another page, and look at that."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press(key)
        self.visitor.look()

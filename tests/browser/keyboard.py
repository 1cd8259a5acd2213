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
    """Presses keys and nothing else. Raises AssertionError where a keyboard does not lead on.

    `looks`: what is hard to use is noted of each page on the way. The screens are all looked at elsewhere.
    """

    def __init__(self, visitor: Visitor, *, looks: bool = True) -> None:
        self.visitor, self.page = visitor, visitor.page
        self._look = visitor.look if looks else visitor.looked

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(path)
        self._look()

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
        self._look()

    def tick(self, name: str) -> None:
        """Tab to a tick box and mark it."""
        self.focus(name)
        self.page.keyboard.press("Space")
        assert self.page.evaluate("document.activeElement.checked"), name

    def pick(self, name: str) -> None:
        """Tab to a group of radio buttons, and go down in it with the arrow key."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.type") == "radio":
                break
        self.page.keyboard.press("Space")
        passed = [self.page.evaluate(FOCUSED)]
        while passed[-1] != name and len(passed) < MOST_TABS:
            self.page.keyboard.press("ArrowDown")
            passed.append(self.page.evaluate(FOCUSED))
        assert passed[-1] == name, f"{name!r} is none of {passed}"
        assert self.page.evaluate("document.activeElement.checked"), name

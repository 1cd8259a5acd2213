"""Somebody at a browser, every page they come to looked at: is it easy to use, and does it keep to itself?"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tests.browser.accessible import faults_of

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1366, "height": 768}
# This page goes on by itself as soon as the picture is checked; what it is like is tested where nothing checks it.
PASSING = re.compile(r"/request/photos/\w+")
# Chromium notes a page that says what is wrong as if something could not be loaded: a form that is shown again, a page
# that is not there, a pair that somebody else holds.
OWN_ANSWER = re.compile(r"the server responded with a status of (404|409|422)")


class Visitor:
    """A browser of one's own, on a phone (`touch`) or at a desk.

    `faults` is what is wrong with the pages so far: rules of axe, sideways scrolling, requests to other addresses,
    errors on the console (those of the content policy come there, too), pages that nobody looked at.
    """

    def __init__(self, browser: Any, address: str, *, touch: bool = False, scripts: bool = True, **more: Any) -> None:
        self.address, self.touch, self.scripts = address, touch, scripts
        # Everything but the colours is the same in the dark.
        self._rules = ("color-contrast",) if more.get("color_scheme") == "dark" else ()
        self._faults: list[str] = []
        self._came: set[str] = set()
        self._looked: set[str] = set()
        size = PHONE if touch else DESK
        options = {"viewport": size, "has_touch": touch, "is_mobile": touch, "java_script_enabled": scripts}
        self.context = browser.new_context(base_url=address, **(options | more))
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.context.on("request", self._asked)
        self.page.on("framenavigated", self._arrived)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._faults.append(f"{self.path}: {error}"))

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def text(self) -> str:
        return str(self.page.locator("main").inner_text())

    @property
    def faults(self) -> list[str]:
        unseen = {path for path in self._came - self._looked if not PASSING.fullmatch(path)} if self.scripts else set()
        return self._faults + [f"{path}: nobody looked at it" for path in sorted(unseen)]

    def look(self) -> None:
        """Note what is wrong with the page that is open. Without scripts there is no axe: only the rest is noted."""
        if not self.scripts:
            return
        path = self.path
        self._faults += [f"{path}: {fault}" for fault in faults_of(self.page, rules=self._rules)]
        self._looked.add(path)

    def looked(self) -> None:
        """Somebody else looks at the page that is open."""
        self._looked.add(self.path)

    def look_in_the_dark(self) -> None:
        """The page that is open once more: only the colours are others. For visitors with reduced motion."""
        self.page.emulate_media(color_scheme="dark")
        self._faults += [f"{self.path}, dark: {fault}" for fault in faults_of(self.page, ("color-contrast",))]
        self.page.emulate_media(color_scheme="light")

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def press(self, name: str) -> None:
        """Press the first button or link with this name, and look at the page that comes."""
        with self.page.expect_navigation(wait_until="load"):
            self.strike(self.named(name))
        if not PASSING.fullmatch(self.path):
            self.look()

    def strike(self, what: Any) -> None:
        """With a finger on a phone, else with the mouse."""
        (what.tap if self.touch else what.click)()

    def named(self, name: str) -> Any:
        role = self.page.get_by_role
        return role("button", name=name, exact=True).or_(role("link", name=name, exact=True)).first

    def choose(self, *labels: str) -> None:
        """Mark radio buttons and tick boxes by their labels."""
        for label in labels:
            box = self.page.get_by_label(label, exact=True)
            self.strike(self.page.get_by_text(label, exact=True))
            assert box.is_checked(), label

    def upload(self, field: str, file: Any) -> None:
        """Choose a file in the window that the browser opens for it."""
        with self.page.expect_file_chooser() as chooser:
            self.strike(self.page.get_by_label(field, exact=True))
        chooser.value.set_files(file)

    def close(self) -> None:
        self.context.close()

    def _asked(self, request: Any) -> None:
        own = request.url.startswith((self.address + "/", "data:", "blob:"))
        if not own:
            self._faults.append(f"{self.path}: asked for {request.url}")

    def _arrived(self, frame: Any) -> None:
        if frame.parent_frame is None and frame.url.startswith("http"):
            self._came.add(urlsplit(frame.url).path)

    def _said(self, line: Any) -> None:
        if line.type == "error" and not OWN_ANSWER.search(line.text):
            self._faults.append(f"{self.path}: the console says {line.text}")

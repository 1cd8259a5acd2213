"""Opens screens in a real browser, in light, dark, on a small phone and in Arabic, looks for faults, keeps pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from portal.languages.catalogues import read_texts
from tests.browser.accessible import faults_of
from tests.browser.screens import Screen
from tests.browser.visiting import DESK, PHONE, Visitor
from tests.browser.world import World

# The colours are all that changes in the dark.
COLOURS = ("color-contrast",)
BROKEN = "[...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.alt)"
LANGUAGE = "efface-language"


def translated(text: str, page: Any) -> str:
    """A text of the portal as the page that is open would say it."""
    spoken = page.evaluate("document.documentElement.lang")
    return text if spoken == "en" else str(read_texts(spoken)[text].string)


class Photographer:
    """One browser window, handed from one to the next of those who sit before the portal.

    `folder` is where the pictures go, named after screen and kind; without one only faults are looked for.
    """

    def __init__(self, browser: Any, site: str, world: World, folder: Path | None = None) -> None:
        self.site, self.world, self.folder = site, world, folder
        self.visitor = Visitor(browser, site, reduced_motion="reduce")
        self.page = self.visitor.page
        self.looks = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def visit(self, screen: Screen) -> list[str]:
        """Faults of one screen, each as a line with the screen's name and kind."""
        path = screen.path.format(**self.world.ids)
        self._sit_down(screen.who)
        faults = self._open(path, screen, DESK)
        self._keep(screen, "light")
        self.page.emulate_media(color_scheme="dark")
        faults += self._look("dark", COLOURS)
        self._keep(screen, "dark")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(PHONE)
        faults += self._look("360 px")
        self._keep(screen, "360")
        if screen.is_for_persons:
            faults += self._in_arabic((screen.again or screen.path).format(**self.world.ids), screen)
        return [f"{screen.name}, {fault}" for fault in faults]

    def close(self) -> list[str]:
        """Close the window. Returns what the console and the network said meanwhile."""
        self.visitor.close()
        return list(self.visitor.faults)

    def _sit_down(self, who: str) -> None:
        self.visitor.context.clear_cookies()
        cookie = self.world.clients[who].get_cookie("efface")
        if cookie is not None:
            self.visitor.context.add_cookies([{"name": "efface", "value": cookie.value, "url": self.site}])

    def _open(self, path: str, screen: Screen, size: dict[str, int]) -> list[str]:
        self.page.set_viewport_size(size)
        answer = self.page.goto(path)
        landed = self.page.url.removeprefix(self.site)
        if screen.press:
            # This page is a screen of its own.
            self.visitor.looked()
            button = self.page.locator("form button", has_text=translated(screen.press, self.page))
            with self.page.expect_navigation(wait_until="load") as pressed:
                button.click()
            answer = pressed.value
        self.visitor.looked()
        faults = [f"no picture is shown: {alt}" for alt in self.page.evaluate(BROKEN)]
        return faults if (answer.status, landed) == (screen.status, path) else [*faults, f"{answer.status} at {landed}"]

    def _look(self, kind: str, rules: tuple[str, ...] = ()) -> list[str]:
        self.looks += 1
        return [f"{kind}: {fault}" for fault in faults_of(self.page, rules)]

    def _in_arabic(self, path: str, screen: Screen) -> list[str]:
        self.visitor.context.add_cookies([{"name": LANGUAGE, "value": "ar", "url": self.site}])
        faults = self._open(path, screen, PHONE)
        spoken = self.page.evaluate("[document.documentElement.lang, getComputedStyle(document.body).direction]")
        if spoken != ["ar", "rtl"]:
            faults.append(f"Arabic: the page is in {spoken}")
        faults += self._look("Arabic")
        self._keep(screen, "arabic")
        return faults

    def _keep(self, screen: Screen, kind: str) -> None:
        if self.folder is None:
            return
        self.page.screenshot(path=self.folder / f"{screen.name}.{kind}.jpg", full_page=True, type="jpeg", quality=70)

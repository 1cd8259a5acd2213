"""An own look in a real browser: what is drawn is the colour, the logo shows, and all can be read in both lights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from portal import colours
from portal.config import Config
from portal.db import Database
from portal.web import create_app
from tests.browser.chromium import served
from tests.browser.visiting import Visitor

# As pale as an own colour may be.
COLOUR = "#b030b0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_own_colour_and_a_logo_can_be_seen_in_both_lights(
    browser: Any, config: Config, database: Database, tmp_path: Path, scheme: str
) -> None:
    Image.new("RGB", (300, 100), COLOUR).save(tmp_path / "logo.png")
    own = replace(config, organisation="The archive", colour=COLOUR, logo=str(tmp_path / "logo.png"))
    with served(create_app(own)) as address:
        visitor = Visitor(browser, address, color_scheme=scheme)
        visitor.go("/")
        link = colours.read(COLOUR) if scheme == "light" else colours.for_dark(colours.read(COLOUR))
        assert drawn(visitor, ".ef-header", "backgroundColor") == f"rgb{colours.read(COLOUR)}"
        assert drawn(visitor, ".ef-hero a:not(.btn)", "color") == f"rgb{link}"
        assert visitor.page.locator(".ef-logo").evaluate("one => one.naturalWidth") == 300
        visitor.press("Start now")
        visitor.page.check("#rights-0")
        visitor.look()
        assert visitor.faults == []
        visitor.close()


def drawn(visitor: Visitor, place: str, what: str) -> str:
    """A computed style of the first element there is."""
    return str(visitor.page.locator(place).first.evaluate(f"one => getComputedStyle(one).{what}"))

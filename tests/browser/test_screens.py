"""Every screen: no fault of axe, nothing that scrolls sideways, nothing on the console.

With EFFACE_TEST_SCREENS, a folder, pictures of all of them are kept there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.config import Config
from portal.db import Database
from tests.browser.photographing import Photographer
from tests.browser.screens import NOT_SCREENS, SCREENS
from tests.browser.world import World, with_all_pages

PICTURES = os.environ.get("EFFACE_TEST_SCREENS")


def test_no_screen_is_forgotten(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    known = {screen.endpoint for screen in SCREENS if screen.endpoint}
    assert pages - known - set(NOT_SCREENS) == set(), "add a line to tests/browser/screens.py"
    assert known | set(NOT_SCREENS) <= pages, "these are not there any more"
    assert known & set(NOT_SCREENS) == set()


def test_no_two_screens_have_one_name() -> None:
    assert len({screen.name for screen in SCREENS}) == len(SCREENS)


@pytest.fixture
def config(config: Config) -> Config:
    return with_all_pages(config)


@pytest.fixture
def photographer(app: Flask, database: Database, tmp_path: Path, site: str, browser: Any) -> Photographer:
    return Photographer(browser, site, World(app, database, tmp_path), Path(PICTURES) if PICTURES else None)


def test_every_screen_can_be_used_by_everybody(photographer: Photographer) -> None:
    faults = [fault for screen in SCREENS for fault in photographer.visit(screen)]
    assert faults + photographer.close() == []
    persons = sum(screen.is_for_persons for screen in SCREENS)
    assert photographer.looks == 2 * len(SCREENS) + persons

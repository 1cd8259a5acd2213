"""Every screen: no fault of axe, nothing that scrolls sideways, nothing on the console.

With EFFACE_TEST_SCREENS, a folder, pictures of all of them are kept there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, template_rendered
from jinja2 import Template

from portal.config import Config
from portal.db import Database
from tests.browser.photographing import Photographer
from tests.browser.screens import NOT_SCREENS, SCREENS
from tests.browser.world import World, with_all_pages

PICTURES = os.environ.get("EFFACE_TEST_SCREENS")
FRAMED = r'{% extends "([^"]+)" %}'


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


@pytest.fixture
def shown(app: Flask) -> Iterator[set[str]]:
    """Names of the templates that were shown."""
    names: set[str] = set()

    def note(_sender: Flask, template: Template, **_: object) -> None:
        names.add(str(template.name))

    with template_rendered.connected_to(note, app):
        yield names


def pages_of(app: Flask) -> set[str]:
    """Names of the templates that are whole pages: those that stand in a frame and are none themselves."""
    folder = Path(app.root_path, str(app.template_folder))
    texts = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.html")}
    framed = {name: found.group(1) for name, text in texts.items() if (found := re.match(FRAMED, text))}
    return framed.keys() - set(framed.values())


def test_every_screen_can_be_used_by_everybody(app: Flask, photographer: Photographer, shown: set[str]) -> None:
    faults = [fault for screen in SCREENS for fault in photographer.visit(screen)]
    assert faults + photographer.close() == []
    assert pages_of(app) - shown == set(), "pages that no line of tests/browser/screens.py shows"
    persons = sum(screen.is_for_persons for screen in SCREENS)
    assert photographer.looks == 2 * len(SCREENS) + persons

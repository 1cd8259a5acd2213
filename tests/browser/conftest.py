"""One Chromium and one installation for all journeys of this package."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal import images
from portal.config import Config
from portal.db import Database
from portal.web import create_app
from tests.browser.chromium import chromium, served, what_is_missing
from tests.journeys.installed import house, team
from tests.journeys.staffed import Team

# Fixtures are found by the names in this module.
__all__ = ["house", "team"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = what_is_missing()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def app(config: Config, database: Database) -> Flask:
    return create_app(config)


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The application alone, without workers, for pages that a test fills with rows itself."""
    with served(app) as address:
        yield address


@pytest.fixture(scope="package")
def archive(team: Team, photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned store with three photographs of one man and two of another, and all that was made of them."""
    folder = tmp_path_factory.mktemp("archive")
    for name in ("obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "biden.jpg"):
        shutil.copyfile(photographs / name, folder / name)
    biden = images.open_picture((photographs / "biden.jpg").read_bytes()).pixels
    (folder / "biden-mirrored.jpg").write_bytes(images.to_jpeg(biden[:, ::-1]))
    team.takes_in("Dating site 2014", folder)
    team.admin.records_lineage("Dating site 2014")
    return folder

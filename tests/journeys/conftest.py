"""Whole installations with real processes: web server, queue, one worker per queue, clockwork."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.cli.demo.people import Admin, Caseworker, Reviewer
from portal.cli.demo.running import Installation, installation
from tests.journeys.staffed import Team


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "journeys" in item.path.parts:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the journeys that leave it standing."""
    folder = tmp_path_factory.mktemp("house")
    with installation(folder / "data", EFFACE_COOLING_HOURS="0", EFFACE_ORGANISATION="The archive") as house:
        yield house


@pytest.fixture(scope="package")
def team(house: Installation) -> Team:
    """The people who work there."""
    admin = Admin(house, "ada", house.join)
    return Team(
        admin,
        [Reviewer(house, name, admin.invites(name, "reviewer")) for name in ("rita", "ravi", "rosa")],
        Caseworker(house, "carl", admin.invites("carl", "caseworker")),
        Caseworker(house, "cleo", admin.invites("cleo", "caseworker")),
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An empty folder that becomes a store."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder

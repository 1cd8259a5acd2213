"""Fixtures for whole journeys, in whichever package: a real installation, and the people who work there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.cli.demo.running import Installation, installation
from portal.cli.demo.staff import Admin, Caseworker, Reviewer
from tests.journeys.staffed import Team


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A real installation with real workers, for the journeys of one package that leave it standing."""
    folder = tmp_path_factory.mktemp("house")
    with installation(folder / "data", EFFACE_COOLING_HOURS="0", EFFACE_ORGANISATION="The archive") as house:
        yield house


@pytest.fixture(scope="package")
def team(house: Installation) -> Team:
    """The people who work there. Each made the account through an invitation, and has a code app."""
    admin = Admin(house, "ada", house.join)
    return Team(
        admin,
        [Reviewer(house, name, admin.invites(name, "reviewer")) for name in ("rita", "ravi", "rosa")],
        Caseworker(house, "carl", admin.invites("carl", "caseworker")),
        Caseworker(house, "cleo", admin.invites("cleo", "caseworker")),
    )

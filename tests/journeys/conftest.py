"""Whole installations with real processes: web server, queue, one worker per queue, clockwork."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.installed import house, team

# Fixtures are found by the names in this module.
__all__ = ["house", "team"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "journeys" in item.path.parts:
            item.add_marker(pytest.mark.journey)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An empty folder that becomes a store."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder

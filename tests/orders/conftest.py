"""What the tests of orders start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.db import Database
from portal.orders import carrying, checking, chunks, planning, verifying
from tests.orders.scene import Scene


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight photographs a chunk, so that a few make several, and shards of nine lie in two."""
    for module in (chunks, verifying):
        monkeypatch.setattr(module, "SIZE", 8)
    monkeypatch.setattr(planning, "TOGETHER", 2)
    monkeypatch.setattr(carrying, "BATCH", 10)
    monkeypatch.setattr(checking, "TOGETHER", 2)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    return Scene(database, tmp_path / "photographs")

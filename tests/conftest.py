"""Fixtures shared by all tests: a throw-away installation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal.config import Config
from portal.db import Database
from portal.tables import Base


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path / "data", cooling_hours=0, redis_url=f"unix://{tmp_path}/no-queue.sock")


@pytest.fixture
def database(config: Config) -> Iterator[Database]:
    """A database with all tables, in a folder of its own. No queue runs: bells ring in vain, as when it is down."""
    database = Database(config)
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A writing session, rolled back at the end."""
    with database.session(write=True) as session:
        yield session


@pytest.fixture
def shared_faces() -> Path | None:
    """Photographs for development, where a checkout has them beside it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "faces"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder with the demo's photographs: obama.jpg, obama2.jpg, biden.jpg ..."""
    named = os.environ.get("EFFACE_TEST_PHOTOGRAPHS")
    folder = Path(named) if named else Path(__file__).resolve().parents[1] / "build" / "photographs"
    if not (folder / "obama.jpg").is_file():
        pytest.fail(f"There are no photographs in {folder}: run make photographs")
    return folder

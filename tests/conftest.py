"""Fixtures shared by all tests: a throw-away installation.

With EFFACE_TEST_DATABASE_URL, an address of a PostgreSQL database, each test gets a schema of its own there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from portal import schema
from portal.config import Config
from portal.db import Database
from portal.matching import shared
from tests.sharing import Templates, make_tables, quickly

# Taken out of the environment: the programs that tests start refuse what is no setting of theirs.
POSTGRESQL = os.environ.pop("EFFACE_TEST_DATABASE_URL", "")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The processes of pytest-xdist read the environment as this one did."""
    if POSTGRESQL:
        os.environ["EFFACE_TEST_DATABASE_URL"] = POSTGRESQL


# What takes longest begins first, so that no process is alone with it at the end.
LONGEST = ("journeys", "browser", "encoder", "migrations")


# The tests of a file stay in one process. These files do so together: they share an installation with real processes.
SHARED_HOUSES = {
    "journeys": ("tests/journeys/test_bad_input.py", "tests/journeys/test_other_roads.py"),
    "browser": (
        "tests/browser/test_caseworker.py",
        "tests/browser/test_person.py",
        "tests/browser/test_reviewer.py",
    ),
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return next((house for house, files in SHARED_HOUSES.items() if file in files), file)

    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if POSTGRESQL and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="looks into SQLite's own files"))
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (*LONGEST, item.path.parent.name).index(item.path.parent.name))


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    with quickly():
        yield


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture
def database_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Empty for SQLite in the data folder; else an empty schema of PostgreSQL, dropped at the end.

    Commands and programs that the test starts find it in their environment.
    """
    if not POSTGRESQL:
        yield ""
        return
    own = f"test_{secrets.token_hex(6)}"
    engine = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {own}"))
        url = make_url(POSTGRESQL).update_query_dict({"options": f"-csearch_path={own}"})
        monkeypatch.setenv("EFFACE_DATABASE_URL", url.render_as_string(hide_password=False))
        yield os.environ["EFFACE_DATABASE_URL"]
        connection.execute(text(f"DROP SCHEMA {own} CASCADE"))
    engine.dispose()


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    return Config(
        data=tmp_path / "data",
        cooling_hours=0,
        scan_processes=1,
        database_url=database_url,
        redis_url=f"unix://{tmp_path}/no-queue.sock",
    )


@pytest.fixture
def database(config: Config, templates: Templates, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with all tables, in a folder of its own. No queue runs: bells ring in vain, as when it is down.

    Where the test is marked `migrated` the migrations make the tables, as commands refuse any others.
    """
    migrated = request.node.get_closest_marker("migrated") is not None
    if not POSTGRESQL:
        templates.put(config, migrated=migrated)
    database = Database(config)
    if POSTGRESQL:
        (schema.upgrade if migrated else make_tables)(database)
    yield database
    database.close()
    shared.forget(config)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A writing session, rolled back at the end."""
    with database.session(write=True) as session:
        yield session


@pytest.fixture(scope="session")
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

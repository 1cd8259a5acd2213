"""The keeping: templates are in shared memory soon after their commit, and overwritten soon after they are deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from portal.db import Database
from portal.matching import shared
from portal.matching.shared import Rows
from tests.matching.test_gallery import add, erase, load, memory_of
from tests.matching.test_nearness import some_vectors
from workers.keeping import PAUSE_WITHOUT_ROOM, Keeper

pytestmark = pytest.mark.skipif(not shared.TMPFS.is_dir(), reason="this machine has no tmpfs")


@pytest.fixture
def start(database: Database) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start_one() -> subprocess.Popen[bytes]:
        environ = {**os.environ, "EFFACE_DATA": str(database.config.data)}
        started.append(subprocess.Popen([sys.executable, "-m", "workers", "keeping"], env=environ))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def until(seen: Callable[[], bool], seconds: float = 60.0) -> None:
    started = time.monotonic()
    while not seen():
        assert time.monotonic() - started < seconds, "not seen in time"
        time.sleep(0.02)


def is_held(database: Database, vector: np.ndarray) -> bool:
    folder = shared.folder_of(database.config)
    return folder is not None and folder.is_dir() and vector.tobytes() in memory_of(database.config)


def test_memory_follows_the_database(database: Database, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors[:2])
    start()
    until(lambda: is_held(database, vectors[0]))
    add(database, vectors[2:])
    until(lambda: is_held(database, vectors[2]))
    erase(database, faces[:1])
    until(lambda: not is_held(database, vectors[0]))
    assert [is_held(database, vector) for vector in vectors] == [False, True, True]


def test_it_looks_within_a_second_of_each_commit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look after a commit sees it, and the pause after a look is short: by its own time, whoever else works."""
    monkeypatch.setattr("workers.keeping.time", SimpleNamespace(monotonic=time.thread_time))
    vectors = some_vectors(2, 1)
    faces = add(database, vectors[:1])
    keeper = Keeper(database)
    for change in (lambda: None, lambda: add(database, vectors[1:]), lambda: erase(database, faces)):
        change()
        assert keeper.turn() < 1
    assert [is_held(database, vector) for vector in vectors] == [False, True]


def test_killed_and_started_again_it_goes_on(database: Database, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    vectors = some_vectors(2, 1)
    faces = add(database, vectors)
    first = start()
    until(lambda: is_held(database, vectors[1]))
    first.send_signal(signal.SIGKILL)
    first.wait()
    erase(database, faces[:1])
    start()
    until(lambda: not is_held(database, vectors[0]))
    assert len(load(database)) == 1


def test_without_a_commit_nothing_is_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    add(database, some_vectors(1, 1))
    keeper = Keeper(database)
    keeper.turn()
    keeper.turn()
    monkeypatch.setattr(Keeper, "_all", lambda self: pytest.fail("it looked"))
    if database.engine.dialect.name == "sqlite":
        keeper.turn()


def test_without_room_it_waits_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add(database, some_vectors(1, 1))

    def full(self: Rows, count: int) -> None:
        raise shared.NoRoom("There is no room.")

    monkeypatch.setattr(Rows, "make_room", full)
    assert Keeper(database).turn() == PAUSE_WITHOUT_ROOM
    assert "There is no room." in caplog.text

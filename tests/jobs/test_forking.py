"""Many workers from one process: each comes up under its name, again when it is killed, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from portal.cli.demo.waiting import until
from portal.db import Database
from portal.processes import PidFile

pytestmark = [
    pytest.mark.migrated,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker is a program of its own"),
]
# These need no queue.
NAMES = {"clockwork", "keeping"}


@pytest.fixture
def start(database: Database) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start_one() -> subprocess.Popen[str]:
        environ = {**os.environ, "EFFACE_DATA": str(database.config.data)}
        command = [sys.executable, "-m", "workers", *sorted(NAMES)]
        started.append(subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True))
        until(lambda: set(children(started[-1])) == NAMES, pause=0.02)
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def children(parent: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    return {child.name(): child for child in psutil.Process(parent.pid).children()}


def test_who_is_killed_comes_up_again_and_all_stop_cleanly(
    database: Database, start: Callable[[], subprocess.Popen[str]]
) -> None:
    parent = start()
    first = children(parent)
    os.kill(first["keeping"].pid, signal.SIGKILL)
    until(lambda: children(parent).get("keeping") not in {None, first["keeping"]}, pause=0.02)
    second = children(parent)
    assert second["clockwork"] == first["clockwork"]
    assert {one.pid for one in PidFile(database.config.data / "workers.pid").living()} == {
        one.pid for one in second.values()
    }
    parent.send_signal(signal.SIGTERM)
    _, said = parent.communicate(timeout=25)
    assert parent.returncode == 0
    assert "keeping ended (-9); starting it again." in said
    assert not any(one.is_running() for one in second.values())
    assert not (database.config.data / "workers.pid").exists()


def test_none_outlives_its_parent_and_what_an_earlier_one_left_is_ended(
    database: Database, start: Callable[[], subprocess.Popen[str]]
) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    PidFile(database.config.data / "workers.pid").write([left.pid])
    # Whoever is dead is gone only once somebody asked after it.
    threading.Thread(target=left.wait).start()
    parent = start()
    assert left.wait(10) == -signal.SIGTERM
    bereft = list(children(parent).values())
    parent.kill()
    _, alive = psutil.wait_procs(bereft, timeout=10)
    assert not alive


def test_what_one_says_stands_in_its_own_log(database: Database) -> None:
    environ = {**os.environ, "EFFACE_DATA": str(database.config.data), "EFFACE_REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-m", "workers", "clockwork", "mailing"]
    parent = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    log = database.config.data / "logs" / "mailing.log"
    until(lambda: log.is_file() and "The queue does not answer" in log.read_text(), pause=0.02)
    assert parent.poll() is None, "one that ends does not take the others with it"
    parent.terminate()
    assert parent.wait(25) == 0

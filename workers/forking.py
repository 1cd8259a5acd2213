"""Many workers from one process: what all of them need is loaded once, and each is a fork of it.

On two cores sixteen processes that each load the same take eighteen seconds to start, and hold it in memory as often.
Only on Linux: elsewhere it is not safe to fork once the face libraries are loaded. The networks themselves are made in
each child: OpenVINO has threads of its own then, and those do not come along.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import psutil

from portal.processes import PidFile, call_this, die_with_parent, end

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
# These have the face networks, too.
WITH_FACES = {"scanning", "reencoding", "probing", "searching"}


def fork(names: list[str], data: Path) -> str:
    """Returns in each child, with the name it is to work under. The parent starts anew what died, until told to stop:
    then it ends them all and raises SystemExit.

    What a child says goes to `logs/NAME.log` in `data`; the numbers of the children stand in `workers.pid` there.
    """
    die_with_parent()
    crew = Crew(data)
    crew.pids.end_leftovers()
    # Those without faces do not wait until the face libraries are loaded.
    for some in ([name for name in names if name not in WITH_FACES], [name for name in names if name in WITH_FACES]):
        _load(some)
        for name in some:
            if crew.add(name):
                return name
    while not crew.over.wait(RESTART_SECONDS):
        for name in crew.lose():
            if crew.add(name):
                return name
    end([psutil.Process(pid) for pid in crew.living])
    crew.pids.path.unlink(missing_ok=True)
    sys.exit(0)


def _load(names: list[str]) -> None:
    for name in names:
        importlib.import_module(f"workers.{name}")
    # What is loaded stays in pages that all share: the children's collector does not write to it.
    gc.collect()
    gc.freeze()


class Crew:
    """The children of this process: which of them live, and where their numbers are written down."""

    def __init__(self, data: Path) -> None:
        self.logs = data / "logs"
        self.pids = PidFile(data / "workers.pid")
        self.living: dict[int, str] = {}
        self.over = threading.Event()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def add(self, name: str) -> bool:
        """Fork. True in the child, which then is like a process that was just started."""
        if self.over.is_set():
            return False
        # A child that is told to stop before it has forgotten its parent's ways would not hear it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        pid = os.fork()
        if pid:
            self.living[pid] = name
            self.pids.write(list(self.living))
        else:
            self._leave(name)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        return pid == 0

    def lose(self) -> list[str]:
        """The names of those that died since the last time."""
        dead = []
        for pid in list(self.living):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                name = self.living.pop(pid)
                log.warning("%s ended (%s); starting it again.", name, os.waitstatus_to_exitcode(status))
                dead.append(name)
        return dead

    def _leave(self, name: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        call_this(name)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)

    def _stop(self, _number: int, _frame: object) -> None:
        self.over.set()

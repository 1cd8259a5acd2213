"""`efface up` without web server and faces: the queue, the clockwork, and the workers that an experiment needs.

`python -m tests.experiments.small_house erasing erasing mailing` runs in the installation that EFFACE_DATA names.
What dies is started again, as there. `running_house` starts it from an experiment, and says who lives in it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from portal.cli import up
from portal.cli.opening import answering
from portal.config import Config, read_config
from portal.processes import die_with_parent, start
from tests.experiments.hurried import CLOCKS, say_who_writes

READY_SECONDS = 180
# Where the clocks are hurried, what died is looked for as often.
LOOK_SECONDS = 0.05


class SmallHouse(up.House):
    """The house with the programs that are asked for."""

    def __init__(self, config: Config, kinds: list[str]) -> None:
        super().__init__(config)
        self.programs = {
            f"{kind}-{number}": ["-m", "tests.experiments.hurried", kind]
            for number, kind in enumerate(["clockwork", *kinds])
        }

    def _answers(self) -> bool:
        return True


@dataclass(frozen=True)
class Running:
    """A small house that is up."""

    config: Config
    process: subprocess.Popen[bytes]

    def find(self, *words: str) -> list[psutil.Process]:
        """The processes, forked ones too, whose command says one of these words."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if any(word in " ".join(process.cmdline()) for word in words):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill(self, *words: str) -> int:
        """SIGKILL them all at once. How many that were."""
        return sum(send(process, signal.SIGKILL) for process in self.find(*words))


def send(process: psutil.Process, number: int) -> bool:
    """Send a signal; False when the process has ended already."""
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running_house(config: Config, *kinds: str, clocks: str = "") -> Iterator[Running]:
    """A small house with one worker for each of `kinds`; it is stopped in the end. `clocks` as in `hurried`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EFFACE_")}
    environ |= {"EFFACE_DATA": str(config.data), "EFFACE_COOLING_HOURS": str(config.cooling_hours), CLOCKS: clocks}
    environ |= {"EFFACE_PORT": "0", "PYTHONWARNINGS": "ignore"}
    log = config.data / "house.log"
    process = start(["-m", "tests.experiments.small_house", *kinds], environ, log)
    running = Running(config, process)
    try:
        limit = time.monotonic() + READY_SECONDS
        while b"Efface is running" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.02)
        yield running
    finally:
        for stopped in running.find("hurried"):
            send(stopped, signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(60)


if __name__ == "__main__":
    die_with_parent()
    if os.environ.get(CLOCKS):
        up.RESTART_SECONDS = LOOK_SECONDS
    say_who_writes()
    with answering():
        SmallHouse(read_config(), sys.argv[1:]).run()

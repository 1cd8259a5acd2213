"""A worker that sleeps past its lease and wakes up again: nothing it writes then is accepted."""

from __future__ import annotations

import random
import signal
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from portal.db import Database
from tests.experiments import erasing, hurried
from tests.experiments.erasing import is_over, state_of, wait_for
from tests.experiments.small_house import Running, running_house, send

CLOCKS = "1.5,0.4,0.5"
# Images for each zombie: so that there is something left to be done when it wakes.
IMAGES = 20
LONGEST = 0.5


def measure(zombies: int, lanes: int = 1, clocks: str = CLOCKS, seed: int = 1) -> dict[str, Any]:
    """`lanes` erasures side by side, each with its share of the zombies. `clocks` "": the product's own."""
    runs: list[dict[str, Any]] = []
    met = 0
    # An erasure may end before all of its zombies were met: then there is another.
    while met < zombies:
        share = -(-(zombies - met) // lanes)
        chances = [random.Random(seed + len(runs) + lane) for lane in range(lanes)]
        with ThreadPoolExecutor(lanes) as crew:
            runs += crew.map(partial(_lane, share, clocks), chances)
        met = sum(run["zombies"] for run in runs)
    stale = sum(run["stale_writes"] for run in runs)
    ok = all(erasing.is_well(run) for run in runs) and not stale
    return {
        "name": "zombie",
        "figure": stale,
        "target": 0,
        "ok": ok,
        "counts": {"zombies": met, "clocks": clocks or "the product's own", "runs": runs},
    }


def _lane(zombies: int, clocks: str, chance: random.Random) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="zombie-") as folder:
        scene = erasing.build(Path(folder), erasing.Size(IMAGES * zombies))
        database = scene.open()
        hurried.watch(database)
        met = held_lock = 0
        with running_house(scene.config, "erasing", "erasing", clocks=clocks) as house:
            erasing.approve_all(database)
            while met < zombies and not is_over(database):
                kind = meet(house, database, chance)
                met += kind == "woken"
                held_lock += kind == "held the lock"
            wait_for(lambda: is_over(database), "the erasure after the last zombie")
        counts: dict[str, Any] = erasing.reckon(scene)
        counts["doubled"] += hurried.done_twice(database)
        counts |= {"zombies": met, "held_lock": held_lock, "stale_writes": hurried.stale_writes(database)}
        database.close()
    return counts


def meet(house: Running, database: Database, chance: random.Random) -> str:
    """Stop whoever works, let the other go on past the lease, wake the first, and wait until it has given up."""
    wait_for(lambda: _worker(house, database) is not None or is_over(database), "somebody who works")
    time.sleep(chance.uniform(0, LONGEST))
    zombie = _worker(house, database)
    if zombie is None or not send(zombie, signal.SIGSTOP):
        return "nobody worked"
    _, fence, owner = state_of(database)
    if _is_locked(database):
        # Nobody can write while it sleeps with the lock in its hand, so that nobody overtakes it either.
        send(zombie, signal.SIGCONT)
        return "held the lock"
    if owner is None or not owner.endswith(f"/{zombie.pid}"):
        send(zombie, signal.SIGCONT)
        return "had ended"
    wait_for(lambda: state_of(database)[1] > fence, "the next claim")
    # It wakes while the other works, or once all is done.
    time.sleep(chance.uniform(0, LONGEST))
    send(zombie, signal.SIGCONT)
    wait_for(lambda: not _is_alive(zombie), "the end of the zombie")
    return "woken"


def _worker(house: Running, database: Database) -> psutil.Process | None:
    _, _, owner = state_of(database)
    return next((one for one in house.find("hurried erasing") if owner and owner.endswith(f"/{one.pid}")), None)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_locked(database: Database) -> bool:
    """Whether the stopped process holds the write lock: others give it back within the second."""
    with closing(sqlite3.connect(database.config.data / "efface.sqlite", timeout=1.0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.rollback()
    return False

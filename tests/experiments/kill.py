"""Random `kill -9`, again and again: nothing is lost, left or done twice, and there is one certificate."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from portal.db import Database
from tests.experiments import erasing, hurried
from tests.experiments.erasing import is_over, state_of, wait_for
from tests.experiments.small_house import Running, running_house, send

# Seconds: a lease, its renewal, the sweep. The product's own (20, 5, 10) would make one kill last half a minute.
CLOCKS = "1.0,0.25,0.25"
COPIES = 2
# How long the one who has claimed may work before the next kill, at most.
LONGEST_WORK = 0.4
# Looking again at all items is one step: killed as often as the steps before it, it would never be done.
LONGEST_CHECK, LATE_KILLS = 10.0, 5
# Where the killed did not work on the erasure: another did, or nobody yet. Such kills are made, and do not count.
IDLE = "of one who did not work"


def measure(kills: int, images: int, seed: int = 1) -> dict[str, Any]:
    """Erase `images` photographs x 2 copies, in as many installations one after another as `kills` kills take."""
    chance = random.Random(seed)
    runs: list[dict[str, Any]] = []
    killed: Counter[str] = Counter()
    while hits(killed) < kills:
        with tempfile.TemporaryDirectory(prefix="kill-") as folder:
            counts, seen = _run(Path(folder), kills - hits(killed), images, chance)
        runs.append(counts)
        killed += seen
    wrong = {name: sum(run[name] for run in runs) for name in ("lost", "left", "doubled", "stale_writes")}
    certificates = [run["certificates"] for run in runs]
    ok = all(erasing.is_well(run) for run in runs) and not wrong["stale_writes"]
    return {
        "name": "kill",
        "figure": {**wrong, "certificates": max(certificates)},
        "target": {"lost": 0, "left": 0, "doubled": 0, "stale_writes": 0, "certificates": 1},
        "ok": ok and hits(killed) >= kills,
        "counts": {"kills": hits(killed), "kills_by_state": dict(killed), "clocks": CLOCKS, "runs": runs},
    }


def _run(folder: Path, kills: int, images: int, chance: random.Random) -> tuple[dict[str, Any], Counter[str]]:
    scene = erasing.build(folder, erasing.Size(images, COPIES))
    database = scene.open()
    hurried.watch(database)
    with running_house(scene.config, "erasing", "erasing", clocks=CLOCKS) as house:
        erasing.approve_all(database)
        killed = kill_all_along(house, database, kills, chance)
        wait_for(lambda: is_over(database), "the erasure after the last kill")
    counts: dict[str, Any] = erasing.reckon(scene)
    counts |= {"stale_writes": hurried.stale_writes(database), "fence": state_of(database)[1]}
    counts["doubled"] += hurried.done_twice(database)
    database.close()
    return counts, killed


def kill_all_along(house: Running, database: Database, kills: int, chance: random.Random) -> Counter[str]:
    """Kill at random instants until it was so often, and some times more at the end. In which state, at each."""
    killed: Counter[str] = Counter()
    passed = 0
    while killed["checking"] < LATE_KILLS:
        # Kills between two claims hit processes that do nothing yet: most are aimed at one that works.
        if chance.random() < 0.9:
            wait_for(lambda past=passed: state_of(database)[1] > past or is_over(database), "the next claim")
        if hits(killed) >= kills:
            wait_for(lambda: state_of(database)[0] not in ("cooling", "running"), "the end of the running")
        late = state_of(database)[0] != "running"
        time.sleep(chance.uniform(0, LONGEST_CHECK if late else LONGEST_WORK))
        state, fence, owner = state_of(database)
        if is_over(database):
            break
        victims = _victims(house, owner, chance)
        hit = any(_owns(owner, victim) for victim in victims)
        killed[state if hit else IDLE] += any([send(victim, signal.SIGKILL) for victim in victims])
        # Where the one who works was spared nobody claims anew, and the next kill need not wait for it.
        spared = any(_owns(owner, one) for one in house.find("hurried erasing") if one not in victims)
        passed = fence - 1 if spared else fence
    return killed


def hits(killed: Counter[str]) -> int:
    """How many kills hit whoever worked on the erasure."""
    return killed.total() - killed[IDLE]


def _victims(house: Running, owner: str | None, chance: random.Random) -> list[psutil.Process]:
    """The one process that works, one of the two workers with what it forked, or both racing workers."""
    workers = house.find("hurried erasing")
    kind = chance.choices(("working", "one", "both"), (6, 2, 2))[0]
    if kind == "both":
        return workers
    if kind == "working":
        return [one for one in workers if _owns(owner, one)]
    # Those that were killed a moment ago are not there yet, or end while they are asked.
    parents = {worker: _parent_of(worker) for worker in workers}
    first = [worker for worker, parent in parents.items() if parent == house.process.pid]
    if not first:
        return workers
    one = chance.choice(first)
    return [one, *(worker for worker, parent in parents.items() if parent == one.pid)]


def _parent_of(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return None


def _owns(owner: str | None, process: psutil.Process) -> bool:
    return owner is not None and owner.endswith(f"/{process.pid}")

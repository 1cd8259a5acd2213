"""How long it takes until the work of a killed worker goes on: with the product's own lease, renewal and sweep."""

from __future__ import annotations

import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from portal import jobs
from portal.db import Database
from tests.experiments import erasing, hurried
from tests.experiments.erasing import is_over, state_of, wait_for
from tests.experiments.small_house import Running, running_house
from workers import clockwork

LIMIT = 30.0
# Work is going on when it is killed, and there is some left for each kill to come.
IMAGES, LONGEST = 40, 0.5


def measure(kills: int, lanes: int = 1, clocks: str = "", seed: int = 1) -> dict[str, Any]:
    """`lanes` installations side by side, each with its share of the kills: worker and what it forked, at once."""
    share = -(-kills // lanes)
    with ThreadPoolExecutor(lanes) as crew:
        runs = list(crew.map(lambda lane: _lane(share, clocks, random.Random(seed + lane)), range(lanes)))
    seconds = [each for run in runs for each in run]
    own = f"{jobs.LEASE.total_seconds():.0f},{jobs.RENEW_SECONDS:.0f},{clockwork.SWEEP_SECONDS:.0f}"
    p95 = round(float(np.percentile(seconds, 95)), 2)
    counts = {
        "kills": len(seconds),
        "lease_renew_sweep_seconds": clocks or own,
        "median_s": round(float(np.median(seconds)), 2),
        "most_s": round(max(seconds), 2),
    }
    ok = p95 <= LIMIT and len(seconds) >= kills
    return {"name": "resume", "figure": p95, "target": LIMIT, "ok": ok, "counts": counts}


def _lane(kills: int, clocks: str, chance: random.Random) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="resume-") as folder:
        scene = erasing.build(Path(folder), erasing.Size(IMAGES * kills))
        database = scene.open()
        hurried.watch(database)
        with running_house(scene.config, "erasing", clocks=clocks) as house:
            erasing.approve_all(database)
            seconds = [resumed(house, database, chance) for _ in range(kills)]
            wait_for(lambda: is_over(database), "the end")
        assert erasing.is_well(erasing.reckon(scene))
        database.close()
    return seconds


def resumed(house: Running, database: Database, chance: random.Random) -> float:
    """Seconds from a kill to the first thing that the next process writes of the erasure's work.

    What goes on does so right after a sweep, and is killed again soon: so the wait is nearly the longest there is.
    """
    before = _writes(database)
    wait_for(lambda: _writes(database) > before or is_over(database), "work to kill")
    time.sleep(chance.uniform(0, LONGEST))
    house.kill("hurried erasing")
    killed = time.monotonic()
    _, fence, _ = state_of(database)
    assert not is_over(database), "the work was over before the kill"
    wait_for(lambda: _writes(database, fence) > 0, "the work after the kill")
    return time.monotonic() - killed


def _writes(database: Database, after: int = 0) -> int:
    """How much was written under fences after this one."""
    with database.reading() as session:
        asked = session.connection().exec_driver_sql("SELECT count(*) FROM watched_write WHERE fence > ?", (after,))
        return int(asked.scalar_one())

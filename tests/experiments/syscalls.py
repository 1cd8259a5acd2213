"""A kill, and an input/output error, at every file and socket system call of a small erasure: the same end each time.

strace counts the calls first, then the erasure is carried out once for each of them, from the same beginning, with the
one thing going wrong there. After that it is carried out as the sweep would have it, and the end is compared.

`python -m tests.experiments.syscalls WARM DATA QUEUE ERASURE` is the nursery: it has loaded everything, and forks a
process for each line it reads, so that what is counted is the erasure alone.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

import workers
from portal import clock
from portal.config import Config
from portal.db import Database
from portal.tables import Case, Certificate, Entry, Erasure, ErasureItem, Mail
from tests.experiments import erasing
from tests.experiments.erasing import Scene
from tests.queue import running_queue

# Memory is no file, though strace counts its mapping to the descriptors.
CALLS = "%file,%desc,%network"
NOT_FILES = {"mmap", "mmap2"}
CALL = re.compile(r"^(\d+) +(\w+)\(")
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
SECONDS = 60.0


@dataclass(frozen=True)
class Point:
    """The `number`th call of this name, and what goes wrong there."""

    call: str
    number: int
    fault: str

    @property
    def options(self) -> list[str]:
        return ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{self.fault}:when={self.number}"]


def what_is_missing() -> str:
    """Why this cannot be measured here; "" where it can."""
    if shutil.which("strace") is None:
        return "This experiment needs strace. On Debian: apt install strace"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"strace may not watch processes here: {tried.stderr.strip()[:200]}" if tried.returncode else ""


def measure(points: int, seed: int = 1) -> dict[str, Any]:
    """Figure: the share of points after which the same end was reached. `points`: try a sample of so many; 0: each."""
    with tempfile.TemporaryDirectory(prefix="syscalls-") as folder, running_queue(Config(data=Path(folder, "q"))) as at:
        scene = _begin(Path(folder), at.queue)
        with _nursery(scene) as nursery:
            calls = _count(scene, nursery)
            end = _end_of(scene)
            there = [
                Point(call, number, fault)
                for call, count in sorted(calls.items())
                for number in range(1, count + 1)
                for fault in ("signal=KILL", "error=EIO")
            ]
            tried = random.Random(seed).sample(there, min(points or len(there), len(there)))
            results = {point: _try(scene, nursery, point, end) for point in tried}
    same = sum(result["same"] for result in results.values())
    wrong = [f"{point.call} {point.number} {point.fault}" for point, result in results.items() if not result["same"]]
    counts = {
        "points": len(there),
        "tried": len(tried),
        "struck": sum(result["struck"] for result in results.values()),
        "already_absent": sum(result["already_absent"] for result in results.values()),
        "calls": dict(sorted(calls.items())),
        "wrong": wrong,
    }
    figure = round(100 * same / len(tried), 2)
    return {"name": "syscalls", "figure": figure, "target": 100, "ok": same == len(tried), "counts": counts}


def _begin(folder: Path, queue: str) -> Scene:
    """An approved deletion of one photograph, which is three items, and a copy of everything to begin again from."""
    scene = erasing.build(folder / "live", erasing.Size(1), redis_url=queue)
    database = scene.open()
    erasing.approve_all(database)
    database.close()
    for copy in ("pristine", "warm"):
        shutil.copytree(folder / "live", folder / copy)
    return scene


def _begin_again(scene: Scene) -> None:
    live = scene.config.data.parent
    shutil.rmtree(live)
    shutil.copytree(live.with_name("pristine"), live)


@contextmanager
def _nursery(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    data = scene.config.data
    warm = data.parent.with_name("warm") / "data"
    arguments = [str(warm), str(data), scene.config.redis_url, _erasure_id(scene)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.experiments.syscalls", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(data.parent.with_name("nursery.log")).open("ab"),
        text=True,
        bufsize=1,
    )
    try:
        assert _said(process) == "ready"
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(SECONDS)


def _count(scene: Scene, nursery: subprocess.Popen[str]) -> Counter[str]:
    """How often each system call is made when nothing goes wrong."""
    _begin_again(scene)
    log = scene.config.data.parent.with_name("calls.log")
    assert _run(nursery, log, ["-e", f"trace={CALLS}"]) == 0
    calls = [found.groups() for line in log.read_text(errors="replace").splitlines() if (found := CALL.match(line))]
    # strace counts in each thread by itself. The lease is renewed in another, where the machine is slow.
    return Counter(name for thread, name in calls if thread == calls[0][0] and name not in NOT_FILES)


def _try(scene: Scene, nursery: subprocess.Popen[str], point: Point, end: list[str]) -> dict[str, Any]:
    _begin_again(scene)
    log = scene.config.data.parent.with_name("point.log")
    status = _run(nursery, log, point.options)
    _carry_on(scene)
    counts = erasing.reckon(scene)
    return {
        "same": erasing.is_well(counts) and _end_of(scene) == end,
        # At the end of a process a call less may be made than when they were counted.
        "struck": os.WIFSIGNALED(status) or "(INJECTED)" in log.read_text(errors="replace"),
        "already_absent": counts["already_absent"],
    }


def _run(nursery: subprocess.Popen[str], log: Path, options: list[str]) -> int:
    """Have the nursery fork a process that erases while strace looks on. Its status, as `waitpid` gives it."""
    assert nursery.stdin is not None
    nursery.stdin.write("go\n")
    child = int(_said(nursery))
    _wait_until(child, "T", "0")
    strace = subprocess.Popen(
        ["strace", "-f", "-p", str(child), "-o", str(log), *options], stderr=subprocess.DEVNULL, start_new_session=True
    )
    _wait_until(child, "t", str(strace.pid))
    os.kill(child, signal.SIGCONT)
    ended = int(_said(nursery))
    strace.wait(SECONDS)
    return ended


def _wait_until(child: int, state: str, tracer: str) -> None:
    """The process has stopped by itself (T), and then strace holds it (t): only then it may be sent on."""
    limit = time.monotonic() + SECONDS
    while True:
        lines = Path(f"/proc/{child}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        if (status["State"][0], status["TracerPid"]) == (state, tracer):
            return
        assert time.monotonic() < limit, f"strace may not watch this process, or takes too long: {status['State']}"
        time.sleep(0.002)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _carry_on(scene: Scene) -> None:
    """What the sweep would do once the lease has run out, or the time to try again has come."""
    database = scene.open()
    for _ in range(4):
        with database.writing() as session:
            erasure = session.scalars(select(Erasure)).one()
            if erasure.work_state == "done":
                break
            erasure.run_after = clock.now() - timedelta(seconds=1)
            erasure.lease_until = erasure.lease_until and erasure.run_after
        workers.carry_out(database, "erasing", erasure.id)
    database.close()


def _end_of(scene: Scene) -> list[str]:
    """Everything that must be the same in the end, as lines."""
    database = scene.open()
    with database.reading() as session:
        case, erasure = session.scalars(select(Case)).one(), session.scalars(select(Erasure)).one()
        lines = [f"case {case.state} {case.outcome} {case.version}", f"erasure {erasure.state} {erasure.work_state}"]
        lines += [f"certificate {each}" for each in session.scalars(select(Certificate.kind))]
        lines += [f"entry {each}" for each in session.scalars(select(Entry.kind).order_by(Entry.position))]
        items = session.scalars(select(ErasureItem).order_by(ErasureItem.position))
        # A process that is killed between the deed and its record cannot say that it was its own: both mean gone.
        lines += [f"item {item.kind} {item.state} {item.evidence and item.evidence['gone']}" for item in items]
        lines += [f"mail {each}" for each in session.scalars(select(Mail.work_state))]
    database.close()
    return lines + [f"file {path.name}" for folder in scene.folders for path in sorted(folder.rglob("*"))]


def _erasure_id(scene: Scene) -> str:
    database = scene.open()
    with database.reading() as session:
        found = session.scalars(select(Erasure.id)).one()
    database.close()
    return found


def _serve(warm: Path, data: Path, queue: str, erasure_id: str) -> None:
    """The nursery: erase once elsewhere, so that nothing is left to be loaded, then fork for each line."""
    elsewhere = Config(data=warm, redis_url=queue, cooling_hours=0)
    _erase(elsewhere, erasure_id)
    _say("ready")
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY)
            signal.raise_signal(signal.SIGSTOP)
            try:
                _erase(replace(elsewhere, data=data), erasure_id)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _say(child)
        _say(os.waitpid(child, 0)[1])


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _erase(config: Config, erasure_id: str) -> None:
    database = Database(config)
    workers.carry_out(database, "erasing", erasure_id)
    database.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])

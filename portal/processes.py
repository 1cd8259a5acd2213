"""Processes that must not outlive their parent: the parent-death signal, the pid file, starting and ending."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
GRACE_SECONDS = 20


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Have this process told when its parent dies, however it dies. Elsewhere than on Linux a thread watches."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)
    else:
        threading.Thread(target=_watch_parent, args=(parent, signal_number), daemon=True).start()
    if os.getppid() != parent:  # It died before we asked.
        os.kill(os.getpid(), signal_number)


def _watch_parent(parent: int, signal_number: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal_number)


def call_this(name: str) -> None:
    """Have this process listed under a name (Linux: at most 15 letters), for `ps` and `pgrep`."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NAME, name.encode())


class PidFile:
    """The processes of one installation: pid and start time, so that a number used again is not mistaken."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pids: list[int]) -> None:
        rows = [{"pid": pid, "started": psutil.Process(pid).create_time()} for pid in pids if psutil.pid_exists(pid)]
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(rows))
        draft.replace(self.path)

    def living(self) -> list[psutil.Process]:
        """The processes written down that still run."""
        try:
            rows: list[dict[str, Any]] = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return []
        return [process for row in rows if (process := _same(row)) is not None]

    def end_leftovers(self) -> int:
        """End what an earlier, killed run left behind, children included. Returns how many."""
        leftovers = self.living()
        leftovers += [child for process in leftovers for child in process.children(recursive=True)]
        end(leftovers)
        self.path.unlink(missing_ok=True)
        return len(leftovers)


def _same(row: dict[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(row["pid"])
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - row["started"]) < 1 else None
    except psutil.NoSuchProcess:
        return None


def end(processes: list[psutil.Process], grace: float = GRACE_SECONDS) -> None:
    """SIGTERM, wait, then SIGKILL for those that did not listen."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, timeout=grace)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=5)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def start(arguments: list[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start `python ARGUMENTS` as a child in a process group of its own, its output going to `log`."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal must reach the parent alone, which then ends its children in order.
            start_new_session=True,
        )

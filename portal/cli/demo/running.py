"""Starts the real thing, as an operator does: `efface up` in a process of its own, with a free port."""

from __future__ import annotations

import email
import email.policy
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.errors import Unavailable

START_SECONDS = 200


@dataclass(frozen=True)
class Installation:
    """A portal that is up."""

    data: Path
    address: str
    join: str
    process: subprocess.Popen[str]
    environ: dict[str, str]

    def efface(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an `efface` command on this installation."""
        command = [sys.executable, "-m", "portal.cli", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120)

    def last_mail(self, to: str, after: int = 0, seconds: float = 60) -> str:
        """The newest mail to somebody, once there are more than `after` of them. Raises Unavailable."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            mails = self.mails(to)
            if len(mails) > after:
                return mails[-1]
            time.sleep(0.05)
        raise Unavailable(f"No mail to {to} came in {seconds:.0f} seconds.")

    def mails(self, to: str) -> list[str]:
        found = []
        for path in sorted((self.data / "outbox").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = message.get_body(("plain",))
            if message["To"] == to and body is not None:
                found.append(body.get_content())
        return found


@contextmanager
def installation(data: Path, **settings: str) -> Iterator[Installation]:
    """An installation with its data in `data`; it is stopped at the end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EFFACE_")}
    environ |= {"EFFACE_DATA": str(data.absolute()), "EFFACE_PORT": "0", **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "up", "--with-parent"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address, join = _greeting(process)
        yield Installation(data, address, join, process, environ)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _greeting(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The address and the first-run link that `efface up` prints. Raises Unavailable with what it said instead."""
    said: list[str] = []
    done = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if "outbox" in line:
                done.set()
        done.set()

    threading.Thread(target=listen, daemon=True).start()
    done.wait(START_SECONDS)
    text = "".join(said)
    address = re.search(r"running at (\S+)", text)
    join = re.search(r"(http\S+/join/\S+)", text)
    if address is None:
        raise Unavailable(f"The portal did not start: {text[-600:]}")
    return address[1], join[1] if join else ""

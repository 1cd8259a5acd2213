"""The only door to the web: looks for a token on a page, in a process apart that can be killed without harm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workers.fetching.child import CODES

CHILD = Path(__file__).with_name("child.py")
SECONDS = 15.0


def look(link: str, token: str, hosts: Sequence[str], program: Path = CHILD, seconds: float = SECONDS) -> str:
    """Whether `token` is on the page at `link`: one of `child.CODES`. Only `hosts`, as names, are ever asked.

    The process inherits no variable and no open file; whatever goes wrong in it is `unreachable` or `too-slow`.
    """
    question = json.dumps({"link": link, "token": token, "hosts": list(hosts)}).encode()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-X", "utf8", str(program)],
            input=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "too-slow"
    word = done.stdout[:100].decode("ascii", "replace").strip()
    return word if word in CODES else "unreachable"

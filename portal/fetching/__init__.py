"""The only door to the web: looks for a token on a page, reads a file or hands a text over, in a process apart that can
be killed without harm.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from portal.fetching.child import CODES, FETCHED, LARGEST_ANSWER, TOLD, Refused, place_of

__all__ = ["CHILD", "Refused", "fetch", "look", "place_of", "tell"]

CHILD = Path(__file__).with_name("child.py")
SECONDS = 15.0


def look(link: str, token: str, hosts: Sequence[str], program: Path = CHILD, seconds: float = SECONDS) -> str:
    """Whether `token` is on the page at `link`: one of `child.CODES`. Only `hosts`, as names, are ever asked.

    The process inherits no variable and no open file; whatever goes wrong in it is `unreachable` or `too-slow`.
    """
    question = json.dumps({"link": link, "token": token, "hosts": list(hosts)}).encode()
    answer = _ask(question, program, seconds)
    if answer is None:
        return "too-slow"
    word = answer[:100].decode("ascii", "replace").strip()
    return word if word in CODES else "unreachable"


def fetch(
    link: str, hosts: Sequence[str], most: int, program: Path = CHILD, seconds: float = SECONDS
) -> tuple[str, bytes]:
    """The bytes at `link`, if they are at most `most`; 0 asks only whether it is there. No redirect is followed.

    The word is one of `child.FETCHED` or `child.CODES`; there are bytes with `fetched` alone.
    """
    answer = _ask(json.dumps({"link": link, "hosts": list(hosts), "most": most}).encode(), program, seconds)
    if answer is None:
        return "too-slow", b""
    word, _, data = answer.partition(b"\n")
    came = word[:100].decode("ascii", "replace")
    return (came, data) if came in (*FETCHED, *CODES) else ("unreachable", b"")


def tell(
    link: str, text: str, name: str, program: Path = CHILD, seconds: float = SECONDS
) -> tuple[str, int | None, str]:
    """Hand `text` to `link` by POST, under an id that stays the same. Returns what came, the status and the answer.

    What came is one of `child.TOLD` or `child.CODES`; there is a status for TOLD, and an answer where it was taken.
    """
    answer = _ask(json.dumps({"link": link, "text": text, "id": name}).encode(), program, seconds)
    if answer is None:
        return "too-slow", None, ""
    try:
        told = json.loads(answer)
        came, status, said = told["came"], told["status"], told["answer"]
    except (ValueError, KeyError, TypeError):
        return "unreachable", None, ""
    right = came in (*TOLD, *CODES) and isinstance(status, int | None) and isinstance(said, str)
    return (came, status, said[:LARGEST_ANSWER]) if right else ("unreachable", None, "")


def _ask(question: bytes, program: Path, seconds: float) -> bytes | None:
    """What the process wrote; None when it had to be ended."""
    try:
        return subprocess.run(
            [sys.executable, "-I", "-X", "utf8", str(program)],
            input=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            timeout=seconds,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        return None

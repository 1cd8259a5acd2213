"""The signed entries of the log once more, in a file beside the database and outside of its backups.

A database that was put back from a backup lacks the entries that were added since. The log may go on with exactly
those and no others, so they are taken from here. A line is the entry's position, a space, and its bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from portal.errors import Conflict

NAME = "entries"
# An entry has at most 64 KiB, so that the last line begins within so many bytes of the end.
TAIL = 80 * 1024


def count(folder: Path) -> int:
    """How many entries the file holds. A last line that was broken off by a kill does not count."""
    path = folder / NAME
    if not path.exists():
        return 0
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        whole, newline, _ = file.read().rpartition(b"\n")
    return int(whole[whole.rfind(b"\n") + 1 :].partition(b" ")[0]) + 1 if newline else 0


def extend(folder: Path, start: int, bodies: Sequence[bytes]) -> None:
    """Write the entries from position `start` on, those that are not there yet. On the disk when this returns.

    The caller sees to it that nobody else does so at the same time.
    """
    have = count(folder)
    lines = [b"%d %b\n" % (position, body) for position, body in enumerate(bodies, start) if position >= have]
    with (folder / NAME).open("a+b") as file:
        _cut_broken_line(file.fileno())
        file.write(b"".join(lines))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Iterator[bytes]:
    """The bytes of each entry in order. Raises Conflict, code log-forked, when one is missing or out of its place."""
    path = folder / NAME
    if not path.exists():
        return
    with path.open("rb") as file:
        for expected, line in enumerate(file):
            if not line.endswith(b"\n"):
                return
            position, _, body = line[:-1].partition(b" ")
            if position != str(expected).encode():
                raise Conflict(f"Entry {expected} is missing in the copy of the log, {path}.", "log-forked")
            yield body


def _cut_broken_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, size - (len(tail) - tail.rfind(b"\n") - 1))

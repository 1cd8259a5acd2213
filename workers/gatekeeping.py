"""`python -m workers.gatekeeping`: looks at the faces of files for the gate, in a process apart from whoever asks.

In comes the length of a file as 8 bytes and its bytes, out goes a line with one word. Nothing that is sent is kept.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import closing
from typing import BinaryIO

from portal.config import read_config
from portal.db import Database
from portal.matching.kept_out import KeptOut
from portal.processes import die_with_parent
from portal.stores.seeing import Look
from portal.suppression import newest
from portal.suppression.asking import LENGTH
from workers import encoder as encoders
from workers.looking import Looker


class Gatekeeper:
    """Looks at one file after another. What was kept or forgotten meanwhile counts from the next file on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        used = encoders.load_encoders(database)
        self._names = [(one.name, one.version) for one in used]
        self._looker = Looker(used)
        self._newest: tuple[object, ...] | None = None

    def close(self) -> None:
        self._looker.close()

    def look(self, data: bytes) -> str:
        """`held`: a face in it is near to a kept one; `clear`: none is; `no-picture`."""
        with self._database.reading() as session:
            latest = newest(session)
            if latest != self._newest:
                self._newest, self._kept_out = latest, KeptOut(session, self._names)
        digest = hashlib.sha256(data).digest()
        [look] = self._looker.look([(digest, data)])
        if not isinstance(look, Look):
            return "no-picture"
        return "held" if self._kept_out.holds_back(digest, look.templates) else "clear"


def serve(gatekeeper: Gatekeeper, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until nobody asks any more."""
    while head := source.read(LENGTH):
        sink.write(gatekeeper.look(source.read(int.from_bytes(head))).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    die_with_parent()
    # Whatever a library prints must not look like an answer.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    with closing(Database(read_config())) as opened, closing(Gatekeeper(opened)) as keeper:
        serve(keeper, sys.stdin.buffer, answers)

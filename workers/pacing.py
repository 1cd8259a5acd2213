"""Reading no faster than the operator of a store allows."""

from __future__ import annotations

import threading
import time

from portal.errors import LostLease


class Pace:
    """So many readings a second at most, evenly. `a_second` may change at any time; None: no limit."""

    def __init__(self, lost: threading.Event) -> None:
        self._lost = lost
        self._next = 0.0
        self.a_second: int | None = None

    def portion(self, most: int) -> int:
        """How many to read one after another, so that a slow pace is no row of bursts."""
        return most if self.a_second is None else min(most, self.a_second)

    def take(self, count: int) -> None:
        """Wait until `count` more may be read. Raises LostLease when somebody else goes on with the work meanwhile."""
        if self.a_second is None:
            return
        now = time.monotonic()
        begin = max(self._next, now)
        self._next = begin + count / self.a_second
        if self._lost.wait(begin - now):
            raise LostLease("Another worker goes on with this scan.")

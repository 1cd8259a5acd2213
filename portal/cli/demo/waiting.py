"""Waiting for something to become so."""

from __future__ import annotations

import time
from collections.abc import Callable

from portal.errors import Unavailable


def until(so: Callable[[], bool], seconds: float = 60, what: str = "it", pause: float = 0.1) -> None:
    """Look every `pause` seconds until `so()` is true. Raises Unavailable after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        time.sleep(pause)
        if so():
            return
        if time.monotonic() > limit:
            raise Unavailable(f"Waited {seconds:.0f} seconds for {what}.", "too-slow")

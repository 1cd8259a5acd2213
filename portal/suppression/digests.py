"""Many digests of photographs, kept so that one of them is found at once: keyed ones, and near-duplicate ones."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from portal.images import FLAT, NEAR_LIMIT
from portal.keys import Keys

PURPOSE = "suppression"
# Of a keyed hash half is kept where there are millions: 128 bits do not meet by chance.
HALF = 16


class Halves:
    """Many half hashes, sorted by their first eight bytes, so that one is found without a Python object for each."""

    def __init__(self, packed: list[bytes]) -> None:
        words = np.frombuffer(b"".join(packed), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        order = np.argsort(words[:, 0], kind="stable")
        self._first, self._second = words[order, 0], words[order, 1]

    def missing(self, halves: list[bytes]) -> int:
        """How many of these are not among them; looked up all at once."""
        if not len(self._first):
            return len(halves)
        asked = np.frombuffer(b"".join(halves), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        places = np.minimum(np.searchsorted(self._first, asked[:, 0]), len(self._first) - 1)
        found = (self._first[places] == asked[:, 0]) & (self._second[places] == asked[:, 1])
        # Where two begin alike the right one may be the next.
        return sum(not self.holds(halves[place]) for place in np.flatnonzero(~found))

    def holds(self, half: bytes) -> bool:
        first, second = np.frombuffer(half, dtype=">u8").astype(np.uint64)
        start = int(np.searchsorted(self._first, first, side="left"))
        end = int(np.searchsorted(self._first, first, side="right"))
        return bool((self._second[start:end] == second).any())


class OfOrders:
    """What all orders' suppressions stop: 48 bytes of memory for each photograph."""

    def __init__(self, digests: list[bytes], near: list[bytes]) -> None:
        self._halves = Halves(digests)
        told = np.frombuffer(b"".join(near), dtype=np.uint64).reshape(-1, 4)
        self._near = told[(told != np.frombuffer(FLAT, dtype=np.uint64)).any(axis=1)]

    def stop(self, keyed: bytes, near: bytes | None) -> bool:
        return self._halves.holds(keyed[:HALF]) or any_near(self._near, near)


def halves(keys: Keys, digests: Iterable[bytes]) -> list[bytes]:
    key = keys.derived(PURPOSE)
    return [hmac.digest(key, digest, "sha256")[:HALF] for digest in digests]


def chunk_place(order_id: str, number: int) -> str:
    return f"suppression-chunk/{order_id}/{number}"


def place(erasure_id: str, image_id: int) -> str:
    return f"suppression/{erasure_id}/{image_id}"


def packed_near(digests: list[bytes]) -> NDArray[np.uint64]:
    """Digests as rows of four 64-bit words. Flat pictures are near to nothing and left out."""
    told = [digest for digest in digests if digest != FLAT]
    return np.frombuffer(b"".join(told), dtype=np.uint64).reshape(len(told), 4)


def any_near(known: NDArray[np.uint64], near: bytes | None) -> bool:
    if near is None or near == FLAT or not len(known):
        return False
    differing = np.bitwise_count(known ^ np.frombuffer(near, dtype=np.uint64)).sum(axis=1, dtype=np.int64)
    return bool((differing <= NEAR_LIMIT).any())

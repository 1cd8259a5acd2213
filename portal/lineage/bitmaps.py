"""Many ids of images in few bytes: the only door of the compressed bitmaps.

Ids are cut into ranges of 65,536. What is stored of a range is one Roaring bitmap in its portable format
(https://github.com/RoaringBitmap/RoaringFormatSpec) behind four bytes of a checksum: at most one bit for each id of
the range, two bytes for each of few, and 19 bytes in all for a range without gaps.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

SIZE = 1 << 16
# A bitmap of one range: 1,024 words of 64 bits are needed where more ids than this are in it.
FEW = 4096
WITH_RUNS, WITHOUT_RUNS = 12347, 12346


class Damaged(ValueError):
    """These bytes are not what was stored."""


def split(image_ids: Iterable[int]) -> dict[int, BitMap]:
    """Ids by range: its number, and which ids of it, counted from its start."""
    ids = image_ids if isinstance(image_ids, np.ndarray) else np.fromiter(image_ids, np.int64)
    # This way of sorting is fastest where they are in order already, as they mostly are.
    ids = np.sort(ids, kind="stable")
    ends = np.flatnonzero(np.diff(ids >> 16)) + 1
    parts = [part for part in np.split(ids, ends) if part.size]
    return {int(part[0]) >> 16: BitMap(array("I", (part & (SIZE - 1)).astype(np.uint32).tobytes())) for part in parts}


def ids_of(number: int, members: BitMap) -> list[int]:
    """The ids of images again, ascending."""
    return [number * SIZE + offset for offset in members]


def plain(members: BitMap) -> bytes:
    """The bitmap in its portable format: the same bytes for the same members, however they came in."""
    members.run_optimize()
    return members.serialize()


def pack(members: BitMap) -> bytes:
    """The bytes to be stored."""
    data = plain(members)
    return zlib.crc32(data).to_bytes(4, "big") + data


def unpack(stored: bytes) -> BitMap:
    """What was packed. Raises Damaged."""
    return BitMap.deserialize(_checked(stored))


def count_held(stored: bytes, wanted: Iterable[int]) -> int:
    """How many of some offsets the stored bytes hold: read by hand, so that a fault of the packer would show here."""
    held = _offsets(_checked(stored))
    return int(np.isin(np.fromiter(wanted, np.int64), held).sum())


def _checked(stored: bytes) -> bytes:
    checksum, data = stored[:4], stored[4:]
    if zlib.crc32(data).to_bytes(4, "big") != checksum or not data:
        raise Damaged("the checksum is another")
    return data


def _offsets(data: bytes) -> NDArray[Any]:
    """The offsets in a portable Roaring bitmap of one range. Its head names the kind of its one container."""
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    if words[0] == WITH_RUNS:
        is_run, count, body = data[4] & 1, int(np.frombuffer(data, "<u2", 1, 7)[0]) + 1, data[9:]
    elif words[0] == WITHOUT_RUNS and words[2]:
        is_run, count, body = 0, int(words[5]) + 1, data[16:]
    else:
        return np.empty(0, np.int64)
    if is_run:
        runs = np.frombuffer(body, "<u2", offset=2).astype(np.int64).reshape(-1, 2)
        return np.concatenate([np.arange(start, start + more + 1) for start, more in runs])
    if count <= FEW:
        return np.frombuffer(body, "<u2", count).astype(np.int64)
    return np.flatnonzero(np.unpackbits(np.frombuffer(body, np.uint8, SIZE // 8), bitorder="little"))

"""Which rows lie within a threshold of a probe: one pass over the rows, at the speed of the memory.

|v - p|² <= t² is the same as v·p - |v|²/2 >= (|p|² - t²)/2. Each row carries its |v|²/2, so one product per row and
probe decides. It is made in float32, so the bar is lowered by the most that its rounding can amount to, and what gets
over it is measured again in float64: the answer is that of the plain formula.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Rows and products that a thread looks at in one go: they stay in its core's cache.
ROWS = 2**16
PRODUCTS = 2**18
# A thread takes that many stretches of the rows, one after the other, so that none waits long for the slowest.
PARTS = 8
# The largest product of matrices that OpenBLAS makes in the calling thread. Beyond it its own threads would fight ours.
IN_ONE_THREAD = 2**18
ROUNDING = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Near:
    """Rows within the threshold (k,), the probe each is nearest to, and that distance in float64."""

    rows: NDArray[np.int64]
    probes: NDArray[np.int64]
    distances: NDArray[np.float64]


NONE = Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def within(table: Floats, dimensions: int, probes: Floats, threshold: float) -> Near:
    """Rows of `table` (n, width: the template, half its squared length, zeros) near any of `probes` (p, dimensions)."""
    asked = np.zeros((len(probes), table.shape[1]), np.float32)
    asked[:, :dimensions], asked[:, dimensions] = probes, -1
    columns, exact = np.ascontiguousarray(asked.T), probes.astype(np.float64)
    bars = _bars(exact, threshold, table.shape[1])

    def look(part: range) -> Near:
        rows = max(1, min(ROWS, PRODUCTS // len(asked), len(part)))
        room = np.empty((rows, len(asked)), np.float32), np.empty((rows, len(asked)), np.bool_)
        found = []
        for start in part[::rows]:
            block = table[start : min(start + rows, part.stop)]
            close = _over(block, columns, bars, *room)
            if not len(close):
                continue
            near = _measured(block[close, :dimensions], exact, threshold)
            found.append(Near(close[near.rows] + start, near.probes, near.distances))
        return _joined(found)

    with ThreadPoolExecutor(cores()) as pool:
        return _joined(list(pool.map(look, _parts(len(table), PARTS * cores()))))


def _parts(rows: int, count: int) -> list[range]:
    """So many stretches of rows, as equal as can be, none empty."""
    ends = [rows * number // count for number in range(count + 1)]
    return [range(start, end) for start, end in pairwise(ends) if start < end]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _bars(probes: NDArray[np.float64], threshold: float, width: int) -> Floats:
    """The least product of a row within the threshold, for each probe, less what rounding may take from it."""
    lengths = np.linalg.norm(probes, axis=1)
    longest = lengths + threshold  # of a row within the threshold
    rounding = (width + 4) * ROUNDING * (longest * lengths + longest**2 / 2)
    bars = (lengths**2 - threshold**2) / 2 - rounding
    lowered: Floats = np.nextafter(bars.astype(np.float32), np.float32(-np.inf))
    return lowered


def _over(block: Floats, columns: Floats, bars: Floats, products: Floats, over: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The rows whose product with any of `columns` reaches its bar. The last two are room, (rows, p)."""
    if len(bars) == 1:
        return np.flatnonzero(np.vecdot(block, columns[:, 0]) >= bars[0])
    products, over = products[: len(block)], over[: len(block)]
    _multiply(block, columns, products)
    reached = np.flatnonzero(np.greater_equal(products, bars, out=over))
    return np.unique(reached // len(bars))


def _multiply(block: Floats, columns: Floats, products: Floats) -> None:
    """All products (n, p), made in small stacked pieces by this thread alone."""
    piece = max(1, min(16, IN_ONE_THREAD // columns.size))
    stacked = len(block) // piece * piece
    pieces = block[:stacked].reshape(-1, piece, block.shape[1])
    np.matmul(pieces, columns, out=products[:stacked].reshape(-1, piece, len(columns.T)))
    np.matmul(block[stacked:], columns, out=products[stacked:])


def _measured(vectors: Floats, probes: NDArray[np.float64], threshold: float) -> Near:
    """The plain formula, in float64."""
    if not len(vectors):
        return NONE
    exact = vectors.astype(np.float64)
    distances = np.stack([np.sqrt(np.square(exact - probe).sum(axis=1)) for probe in probes], axis=1)
    nearest = distances.argmin(axis=1)
    smallest = distances[np.arange(len(distances)), nearest]
    kept = np.flatnonzero(smallest <= threshold)
    return Near(kept, nearest[kept], smallest[kept])


def _joined(parts: list[Near]) -> Near:
    if not parts:
        return NONE
    return Near(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.probes for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )

"""Which rows lie within a threshold of a probe: one pass over the rows, at the speed of the memory.

|v - p|² <= t² is the same as v·p - |v|²/2 >= (|p|² - t²)/2. Each row carries its |v|²/2, so one product per row and
probe decides. It is made in float32, so the bar is lowered by the most that its rounding can amount to, and what gets
over it is measured again in float64: the answer is that of the plain formula.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Rows and products that a thread looks at in one go: they stay in its core's cache.
ROWS = 2**16
PRODUCTS = 2**18
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
    exact = probes.astype(np.float64)
    bars = _bars(exact, threshold, table.shape[1])

    rows = max(1, min(ROWS, PRODUCTS // len(asked)))

    def look(start: int) -> Near:
        block = table[start : start + rows]
        close = _over(block, asked, bars)
        near = _measured(block[close, :dimensions], exact, threshold)
        return Near(close[near.rows] + start, near.probes, near.distances)

    with ThreadPoolExecutor(cores()) as pool:
        return _joined(list(pool.map(look, range(0, len(table), rows))))


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


def _over(block: Floats, asked: Floats, bars: Floats) -> NDArray[np.int64]:
    """The rows whose product with any probe reaches its bar."""
    if len(asked) == 1:
        return np.flatnonzero(np.vecdot(block, asked[0]) >= bars[0])
    reached = np.flatnonzero(_products(block, asked) >= bars)
    return np.unique(reached // len(asked))


def _products(block: Floats, asked: Floats) -> Floats:
    """All products (n, p), made in small stacked pieces by this thread alone."""
    columns = np.ascontiguousarray(asked.T)
    piece = max(1, min(32, IN_ONE_THREAD // asked.size))
    stacked = len(block) // piece * piece
    products = np.empty((len(block), len(asked)), np.float32)
    pieces = block[:stacked].reshape(-1, piece, block.shape[1])
    np.matmul(pieces, columns, out=products[:stacked].reshape(-1, piece, len(asked)))
    np.matmul(block[stacked:], columns, out=products[stacked:])
    return products


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

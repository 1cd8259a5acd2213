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

# Rows whose products with 64 probes stay in a core's cache.
BLOCK = 2048
# Rows that a thread takes at a time.
PORTION = 32 * BLOCK
ROUNDING = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Near:
    """Rows within the threshold (k,), the probe each is nearest to, and that distance in float64."""

    rows: NDArray[np.int64]
    probes: NDArray[np.int64]
    distances: NDArray[np.float64]


def within(table: Floats, dimensions: int, probes: Floats, threshold: float) -> Near:
    """Rows of `table` (n, width: the template, half its squared length, zeros) near any of `probes` (p, dimensions)."""
    asked = np.zeros((len(probes), table.shape[1]), np.float32)
    asked[:, :dimensions], asked[:, dimensions] = probes, -1
    exact = probes.astype(np.float64)
    bars = _bars(exact, threshold, table.shape[1])

    def look(start: int) -> list[Near]:
        parts = []
        for at in range(start, min(start + PORTION, len(table)), BLOCK):
            block = table[at : min(at + BLOCK, start + PORTION)]
            close = _over(block, asked, bars)
            if len(close):
                near = _measured(block[close, :dimensions], exact, threshold)
                parts.append(Near(close[near.rows] + at, near.probes, near.distances))
        return parts

    with ThreadPoolExecutor(cores()) as pool:
        parts = [part for some in pool.map(look, range(0, len(table), PORTION)) for part in some]
    return _joined(parts)


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
        return np.flatnonzero(block @ asked[0] >= bars[0])
    reached = np.flatnonzero(block @ asked.T >= bars)
    return np.unique(reached // len(asked))


def _measured(vectors: Floats, probes: NDArray[np.float64], threshold: float) -> Near:
    """The plain formula, in float64."""
    exact = vectors.astype(np.float64)
    distances = np.stack([np.sqrt(np.square(exact - probe).sum(axis=1)) for probe in probes], axis=1)
    nearest = distances.argmin(axis=1)
    smallest = distances[np.arange(len(distances)), nearest]
    kept = np.flatnonzero(smallest <= threshold)
    return Near(kept, nearest[kept], smallest[kept])


def _joined(parts: list[Near]) -> Near:
    if not parts:
        return Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Near(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.probes for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )

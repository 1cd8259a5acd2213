"""The features of dlib's frontal face detector, compiled when they are first needed (Numba).

Felzenszwalb's histograms of oriented gradients as dlib computes them: in cells of 8 x 8 pixels, 18 signed and 9
unsigned directions and 4 sums that tell how rough the place is, each against the four blocks of cells around. Here of
a grey picture, and as bytes: the detector's filters need no more. The compiled code lies in Numba's cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

CELL = 8
DIRECTIONS = 18
PLANES = 32  # 18 + 9 + 4, and one that stays zero: multiplying goes by sixteens.
# A feature of 1 is this many steps of a byte. No feature but the four sums is above 0.4; those are halved.
STEPS = 255 / 0.4
MOST, EIGHTH, HALF, ONE = np.float32(0.2), np.float32(0.125), np.float32(0.5), np.float32(1)
NEVER_ZERO = np.float32(1e-4)
ROUGH = np.float32(0.2357) * HALF
# The nine directions as dlib has them, to four decimals, as parts to the right and down.
UNITS = (
    (1.0, 0.0), (0.9397, 0.3420), (0.7660, 0.6428), (0.5, 0.8660), (0.1736, 0.9848),
    (-0.1736, 0.9848), (-0.5, 0.8660), (-0.7660, 0.6428), (-0.9397, 0.3420),
)  # fmt: skip

Grey = NDArray[np.uint8]
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function as machine code of this processor, kept for the next process where a folder for it can be had."""
    try:
        made: Any = numba.njit(cache=True, nogil=True, fastmath=True)(function)
    except RuntimeError:
        log.warning("Numba has no folder to keep its code in: each process compiles anew, a few seconds")
        made = numba.njit(nogil=True, fastmath=True)(function)
    return cast(Function, made)


def _directions() -> NDArray[np.uint8]:
    """Direction of every gradient between two bytes, (511 x 511,): 511 x (down + 255) + right + 255.

    Of directions that fit equally well the lower number counts, as in dlib.
    """
    steps = np.arange(-255, 256)
    down, right = np.meshgrid(steps, steps, indexing="ij")
    best, direction = np.zeros(down.shape), np.zeros(down.shape, np.uint8)
    for number, (to_right, to_down) in enumerate(UNITS):
        along = to_right * right + to_down * down
        for sign, opposite in ((1, 0), (-1, DIRECTIONS // 2)):
            better = sign * along > best
            best[better], direction[better] = (sign * along)[better], number + opposite
    return direction.reshape(-1)


DIRECTION = _directions()


def features(grey: Grey, rows: int, columns: int) -> NDArray[np.uint8]:
    """Features (rows - 2, columns - 2, PLANES) of a picture laid at the top left of so many cells.

    What the picture does not fill has no gradients, and its edge is none.
    """
    return _normed(_histograms(grey, DIRECTION, rows, columns), np.float32(STEPS))


@compiled
def _histograms(grey: Grey, direction: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.float32]:
    """(rows + 2, columns + 2, 18): each gradient goes to its direction in the four nearest cells, a ring around.

    Neighbours often add to the same place, and each sum waits for the one before: so every other pixel has sums of
    its own, which are joined at the end of a line.
    """
    found = np.zeros((rows + 2, columns + 2, 18), np.float32)
    even, odd = np.zeros((columns + 2) * 18, np.float32), np.zeros((columns + 2) * 18, np.float32)
    height, width = min(rows * 8, grey.shape[0]) - 1, min(columns * 8, grey.shape[1]) - 1
    # One more than there are, with length zero, so that pixels come in pairs.
    here, beyond = np.zeros(width + 2, np.float32), np.zeros(width + 2, np.float32)
    parts, where = np.zeros(width + 2, np.float32), np.zeros(width + 2, np.int32)
    for x in range(width + 2):
        parts[x] = np.float32(((x + 4) & 7) + 0.5) * EIGHTH
    for y in range(1, height):
        even[:], odd[:] = 0, 0
        for x in range(1, width):
            right = np.int32(grey[y, x + 1]) - np.int32(grey[y, x - 1])
            down = np.int32(grey[y + 1, x]) - np.int32(grey[y - 1, x])
            length = np.sqrt(np.float32(right * right + down * down))
            beyond[x] = length * parts[x]
            here[x] = length - beyond[x]
            where[x] = (down + 255) * 511 + right + 255
        for x in range(1, width):
            where[x] = ((x + 4) >> 3) * 18 + direction[where[x]]
        for x in range(1, width, 2):
            one, other = where[x], where[x + 1]
            even[one] += here[x]
            odd[other] += here[x + 1]
            even[one + 18] += beyond[x]
            odd[other + 18] += beyond[x + 1]
        cell = (y + 4) >> 3
        part = np.float32(((y + 4) & 7) + 0.5) * EIGHTH
        upper, lower = found[cell].ravel(), found[cell + 1].ravel()
        for at in range(even.shape[0]):
            both = even[at] + odd[at]
            upper[at] += both * (ONE - part)
            lower[at] += both * part
    return found


@compiled
def block_lengths(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """One over the length of each block of 2 x 2 cells, without the ring."""
    rows, columns = cells.shape[0] - 2, cells.shape[1] - 2
    energy = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            for which in range(9):
                both = cells[y + 1, x + 1, which] + cells[y + 1, x + 1, which + 9]
                energy[y, x] += both * both
    lengths = np.zeros((max(0, rows - 1), max(0, columns - 1)), np.float32)
    for y in range(rows - 1):
        for x in range(columns - 1):
            block = energy[y, x] + energy[y, x + 1] + energy[y + 1, x] + energy[y + 1, x + 1]
            lengths[y, x] = ONE / np.sqrt(block + NEVER_ZERO)
    return lengths


@compiled
def _normed(cells: NDArray[np.float32], steps: np.float32) -> NDArray[np.uint8]:
    """Each cell's histogram against its four blocks: lower right, upper right, lower left, upper left."""
    lengths = block_lengths(cells)
    rows, columns = max(0, cells.shape[0] - 4), max(0, cells.shape[1] - 4)
    found = np.zeros((rows, columns, 32), np.uint8)
    for y in range(rows):
        for x in range(columns):
            first, second = lengths[y + 1, x + 1], lengths[y, x + 1]
            third, fourth = lengths[y + 1, x], lengths[y, x]
            one = two = three = four = np.float32(0)
            for which in range(18):
                value = cells[y + 2, x + 2, which]
                a, b = min(value * first, MOST), min(value * second, MOST)
                c, d = min(value * third, MOST), min(value * fourth, MOST)
                one, two, three, four = one + a, two + b, three + c, four + d
                found[y, x, which] = np.uint8(HALF * (a + b + c + d) * steps + HALF)
            for which in range(9):
                value = cells[y + 2, x + 2, which] + cells[y + 2, x + 2, which + 9]
                a, b = min(value * first, MOST), min(value * second, MOST)
                c, d = min(value * third, MOST), min(value * fourth, MOST)
                found[y, x, 18 + which] = np.uint8(HALF * (a + b + c + d) * steps + HALF)
            rough = ROUGH * steps
            found[y, x, 27] = np.uint8(min(one * rough, np.float32(254)) + HALF)
            found[y, x, 28] = np.uint8(min(two * rough, np.float32(254)) + HALF)
            found[y, x, 29] = np.uint8(min(three * rough, np.float32(254)) + HALF)
            found[y, x, 30] = np.uint8(min(four * rough, np.float32(254)) + HALF)
    return found

"""Brightness of a photograph in other sizes, by straight lines between the pixels.

Where the processor suits (`lanes.multiplies_bytes`) 16 or 32 pixels are made at once, the same to the last bit: a
portrait of 448 x 368 pixels is made a sixth smaller in 0.02 ms in place of 0.17. Numba keeps what it compiled until
this file changes: after a change in `lanes`, change this one too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from portal import images
from portal.images import Pixels
from workers.encoder import lanes
from workers.encoder.histograms import Grey, compiled
from workers.encoder.lanes import BYTE, LANES, SHORT, Writer, instructions

# Registers are loaded and stored whole: a picture has so many bytes behind it.
SPARE = 64
# Places between two pixels are told in so many parts of their distance, twice: to the right, and down.
PARTS, ROUNDED, SHIFT = 128, 1 << 13, 14
WIDE = 2 * LANES

Shorts = NDArray[np.int16]


class Picture(NamedTuple):
    """Brightness, line after line, and SPARE bytes behind that do not count."""

    numbers: Grey
    height: int
    width: int

    @property
    def grey(self) -> Grey:
        """The same as (height, width), without a copy."""
        return self.numbers[: self.height * self.width].reshape(self.height, self.width)


def picture_of(grey: Grey) -> Picture:
    """A copy."""
    numbers = np.empty(grey.size + SPARE, np.uint8)
    numbers[: grey.size] = grey.reshape(-1)
    return Picture(numbers, *grey.shape)


def fitted(pixels: Pixels, shape: tuple[int, int]) -> tuple[Picture, float]:
    """Luma of RGB pixels, as large as it fits into (height, width), and its scale. Enlarged when it is smaller."""
    height, width = pixels.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    # Straight lines between pixels leave none out down to half the size. Beyond that, they are averaged first.
    near = np.ascontiguousarray(images.shrink(pixels, 2 * max(shape)))
    grey = Picture(_luma(near.reshape(-1)), *near.shape[:2])
    rows, columns = (max(1, min(most, round(side * scale))) for most, side in zip(shape, (height, width), strict=True))
    return resized(grey, rows, columns), scale


def resized(picture: Picture, height: int, width: int) -> Picture:
    """The picture in another size, at most three times smaller, its corners kept in place."""
    if lanes.multiplies_bytes():
        return Picture(_resized_in_lanes(*picture, height, width), height, width)
    return Picture(_resized(*picture, height, width), height, width)


@compiled
def _luma(pixels: Grey) -> Grey:
    """Brightness of RGB triples in one row, after ITU-R 601-2, rounded as Pillow rounds it; SPARE bytes behind."""
    count = pixels.shape[0] // 3
    made = np.empty(count + SPARE, np.uint8)
    for at in range(count):
        made[at] = (pixels[3 * at] * 19595 + pixels[3 * at + 1] * 38470 + pixels[3 * at + 2] * 7471 + 32768) >> 16
    return made


@compiled
def _between(old: int, new: int) -> tuple[NDArray[np.int64], Shorts]:
    """For each of `new` pixels in the place of `old`: which pixel it lies behind, and the parts of this and the next.

    Parts are (2 x new,). Of the last pixel all parts are its own, as of the only one.
    """
    at, parts = np.empty(new, np.int64), np.empty(2 * new, np.int16)
    for x in range(new):
        place = x * (old - 1) / max(1, new - 1)
        at[x] = min(int(place), max(0, old - 2))
        part = int((place - at[x]) * PARTS + 0.5)
        parts[2 * x], parts[2 * x + 1] = PARTS - part, part
    return at, parts


@compiled
def _resized(numbers: Grey, high: int, wide: int, height: int, width: int) -> Grey:
    made = np.empty(height * width + SPARE, np.uint8)
    rows, down = _between(high, height)
    columns, right = _between(wide, width)
    line = np.empty(wide + 1, np.int32)
    for y in range(height):
        one, other = rows[y] * wide, min(rows[y] + 1, high - 1) * wide
        upper, lower, new = numbers[one : one + wide], numbers[other : other + wide], made[y * width : (y + 1) * width]
        for x in range(wide):
            line[x] = upper[x] * down[2 * y] + lower[x] * down[2 * y + 1]
        line[wide] = line[wide - 1]
        for x in range(width):
            at = columns[x]
            new[x] = (line[at] * right[2 * x] + line[at + 1] * right[2 * x + 1] + ROUNDED) >> SHIFT
    return made


@instructions
def _join_lines(to: Writer, seen: Any, one: Any, other: Any, parts: Any, part: Any, line: Any, new: Any) -> None:
    """32 sums of pixels of two lines, by their parts."""
    total = to.some(seen, one, WIDE).of_kind(SHORT) * to.spread(parts, part, WIDE)
    below = to.some(seen, other, WIDE).of_kind(SHORT) * to.spread(parts, to.step(part, 1, 1), WIDE)
    to.put(total + below, line, new)


@instructions
def _join_neighbours(to: Writer, line: Any, at: Any, picks: Any, parts: Any, part: Any, made: Any, new: Any) -> None:
    """16 pixels, of neighbours picked from the 64 sums from `at` on, by their parts."""
    low, high = to.some(line, at, WIDE), to.some(line, to.step(at, WIDE, 1), WIDE)
    pairs = to.picked(low, high, to.some(picks, part, WIDE))
    total = to.products_of_pairs(pairs, to.some(parts, part, WIDE))
    to.put(((total + ROUNDED) >> SHIFT).of_kind(BYTE), made, new)


@compiled
def _resized_in_lanes(numbers: Grey, high: int, wide: int, height: int, width: int) -> Grey:
    made = np.empty(height * width + SPARE, np.uint8)
    rows, down = _between(high, height)
    starts, picks, right = _picks(wide, width)
    # What is picked for 16 pixels begins before the last pixel, and is loaded whole.
    line = np.zeros(wide + 2 * WIDE, np.int16)
    for y in range(height):
        one, other = rows[y] * wide, min(rows[y] + 1, high - 1) * wide
        for x in range(0, wide, WIDE):
            _join_lines(numbers, one + x, other + x, down, 2 * y, line, x)
        line[wide] = line[wide - 1]
        for x in range(0, width, LANES):
            _join_neighbours(line, starts[x // LANES], picks, right, 2 * x, made, y * width + x)
    return made


@compiled
def _picks(old: int, new: int) -> tuple[NDArray[np.int64], Shorts, Shorts]:
    """As `_between`, for 16 pixels at a time: where their first one lies, and where all lie behind it, two for each."""
    at, parts = _between(old, new)
    whole = (new + LANES - 1) // LANES * LANES
    starts = at[::LANES].copy()
    picks, padded = np.zeros(2 * whole, np.int16), np.zeros(2 * whole, np.int16)
    for number in range(2 * new):
        x = number // 2
        picks[number] = at[x] - starts[x // LANES] + number % 2
        padded[number] = parts[number]
    return starts, picks, padded

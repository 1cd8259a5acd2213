"""dlib's frontal face detector (HOG), with dlib's own filters, at a fifth of its time.

The pyramid is dlib's: each copy has 5/6 of the side of the one before, down to the window. Filters and features are
multiplied as bytes on OpenVINO, all sizes in one graph; of the filters' bytes only the lower half of the range is used,
so that no processor's sums overflow. Scores differ from dlib's own by less than 0.05 on the same grey picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

from workers.encoder.filters import WINDOW
from workers.encoder.histograms import CELL, PLANES, STEPS, Grey, compiled, features, resized
from workers.encoder.network import Precision, compile_graph
from workers.encoder.weights import Filters, Floats

Squares = NDArray[np.float32]

SMALLEST_SIDE = 64
# Windows reach over the edge by so many cells: before the first cell, and behind the last one.
BEFORE, BEHIND = 4, 5
# Three windows side by side are looked at in one step: with five filters alone a third of the multipliers would work.
ABREAST = 3
# OpenVINO multiplies as bytes only what is told in 255 steps; in fewer it does so as bf16, for twice the time.
STEPS_OF_A_BYTE = 255
# From the window to dlib's own box: moved, and made smaller, in pixels of the window's 80.
MOVED, BOX = 5, 73


class HogDetector:
    """Finds frontal faces from 73 pixels of width on, in pictures that fit into one shape (height, width)."""

    def __init__(self, filters: Filters, shape: tuple[int, int], precision: Precision) -> None:
        self.shape = shape
        self._filters = filters
        self._sizes = _sizes(shape)
        self._cells = [(round(height / CELL), round(width / CELL)) for height, width in self._sizes]
        self._ask = compile_graph(*_graph(filters, self._cells), precision)

    def find(self, grey: Grey, least: float = 0.0) -> tuple[Squares, NDArray[np.float32]]:
        """Squares (n, 4) as left, top, right, bottom in `grey` (at most `shape`), best first, and their scores (n,).

        A score above 0 is what dlib calls a face. Of squares that overlap, only the best stays.
        """
        answer = self._ask(self._features(grey))
        squares, scores = [], []
        for number, ((height, _), (_, columns)) in enumerate(zip(self._sizes, self._cells, strict=True)):
            places, found = _above(answer[number][0], self._filters.thresholds, columns - 2, np.float32(least))
            corners = (places[:, ::-1] - (BEFORE - 1)) * CELL + MOVED
            squares.append(np.concatenate([corners, corners + BOX], axis=1) * (self.shape[0] / height))
            scores.append(found)
        return self._best(np.concatenate(squares).astype(np.float32), np.concatenate(scores))

    def _features(self, grey: Grey) -> list[NDArray[np.uint8]]:
        made = []
        for number, ((height, width), (rows, columns)) in enumerate(zip(self._sizes, self._cells, strict=True)):
            if number:
                # The picture's own part of the canvas: what lies beside it is never computed.
                grey = resized(
                    grey, _part(grey.shape[0], self._sizes[number - 1][0], height),
                    _part(grey.shape[1], self._sizes[number - 1][1], width),
                )  # fmt: skip
            made.append(features(grey, rows, columns)[None])
        return made

    def _best(self, squares: Squares, scores: NDArray[np.float32]) -> tuple[Squares, NDArray[np.float32]]:
        order = np.argsort(-scores, kind="stable")
        squares, scores = squares[order], scores[order]
        kept = _apart(squares, self._filters.overlap, self._filters.covered)
        return squares[kept], scores[kept]


def _sizes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Height and width of the canvas and of its smaller copies, down to where the window no longer fits."""
    sizes = []
    height, width = shape
    while min(height, width) >= SMALLEST_SIDE and max(height, width) >= WINDOW * CELL:
        sizes.append((height, width))
        height, width = height * 5 // 6, width * 5 // 6
    return sizes


def _part(pixels: int, of: int, now: int) -> int:
    """How many pixels a picture that filled `pixels` of `of` fills of `now`."""
    return max(1, min(now, round(pixels * now / of)))


def _graph(filters: Filters, cells: list[tuple[int, int]]) -> tuple[list[Any], list[Any]]:
    """Features (1, rows - 2, columns - 2, PLANES) of each size -> scores (1, 3 x 5, rows - 2, a third of columns)."""
    kernel = _kernel(filters)
    high = 2 * np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    low, top = ops.constant(np.float32(0)), ops.constant(np.float32(255))
    given, maps = [], []
    for rows, columns in cells:
        taken = ops.parameter([1, rows - 2, columns - 2, PLANES], np.uint8)
        node = ops.convert(ops.transpose(taken, np.array([0, 3, 1, 2])), "f32")
        node = ops.fake_quantize(node, low, top, low, top, 256)
        few = ops.fake_quantize(ops.constant(kernel), *map(ops.constant, (-high, high, -high, high)), STEPS_OF_A_BYTE)
        steps = -(-(columns - 2) // ABREAST)
        behind = ABREAST * (steps - 1) + WINDOW + ABREAST - 1 - (columns - 2) - BEFORE
        maps.append(ops.convolution(node, few, [1, ABREAST], [BEFORE, BEFORE], [BEHIND, behind], [1, 1]))
        given.append(taken)
    return maps, given


def _kernel(filters: Filters) -> Floats:
    """(3 x 5, PLANES, 10, 12): each filter at three places, for features in steps of a byte."""
    scaled = filters.weights / np.float32(STEPS)
    scaled[:, 27:] *= 2
    count, planes = scaled.shape[:2]
    kernel = np.zeros((ABREAST * count, PLANES, WINDOW, WINDOW + ABREAST - 1), np.float32)
    for place in range(ABREAST):
        kernel[place * count : (place + 1) * count, :planes, :, place : place + WINDOW] = scaled
    return kernel


@compiled
def _above(
    scored: Floats, thresholds: Floats, columns: int, least: np.float32
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows and columns (n, 2) where the best filter's score is above `least`, and these scores (n,).

    From maps (3 x 5, rows, a third of columns).
    """
    places, scores = [(0, 0)][:0], [least][:0]
    views = thresholds.shape[0]
    for row in range(scored.shape[1]):
        for column in range(columns):
            place, step = column % ABREAST, column // ABREAST
            best = scored[place * views, row, step] - thresholds[0]
            for view in range(1, views):
                best = max(best, scored[place * views + view, row, step] - thresholds[view])
            if best > least:
                places.append((row, column))
                scores.append(best)
    made = np.empty((len(places), 2), np.int64)
    for number, (row, column) in enumerate(places):
        made[number, 0], made[number, 1] = row, column
    return made, np.array(scores, np.float32)


@compiled
def _apart(squares: Squares, overlap: float, covered: float) -> NDArray[np.int64]:
    """Which squares stay, when none may be of the same face as a better one that stays: the best comes first.

    dlib divides the shared area by that of the box around both.
    """
    kept = np.empty(squares.shape[0], np.int64)
    count = 0
    for at in range(squares.shape[0]):
        near = False
        for one in kept[:count]:
            shared = joint = mine = other = np.float64(1)
            for side in range(2):
                low, high, its_low, its_high = (
                    squares[at, side], squares[at, side + 2], squares[one, side], squares[one, side + 2]
                )  # fmt: skip
                shared *= max(0.0, min(high, its_high) - max(low, its_low))
                joint *= max(high, its_high) - min(low, its_low)
                mine *= high - low
                other *= its_high - its_low
            if shared / joint > overlap or shared / min(mine, other) > covered:
                near = True
        if not near:
            kept[count] = at
            count += 1
    return kept[:count]

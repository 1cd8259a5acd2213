"""How well each window of a picture fits dlib's filters, multiplied as bytes on OpenVINO, all sizes in one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

from workers.encoder.filters import BEFORE, BEHIND, MOST, WINDOW, for_bytes
from workers.encoder.histograms import PLANES, compiled, features
from workers.encoder.network import Precision, compile_graph
from workers.encoder.resizing import Picture
from workers.encoder.weights import Filters, Floats

Found = tuple[NDArray[np.int64], Floats]

# Three windows side by side are looked at in one step: with five filters alone a third of the multipliers would work.
ABREAST = 3
# OpenVINO multiplies as bytes only what is told in 255 steps; in fewer it does so as bf16, for twice the time.
STEPS_OF_A_BYTE = 255


class Windows:
    """How well each window of a picture, and of its smaller copies, fits the filters."""

    def __init__(self, filters: Filters, cells: Sequence[tuple[int, int]], precision: Precision) -> None:
        """`cells`: rows and columns of the canvas and of its smaller copies."""
        self._cells, self._thresholds = cells, filters.thresholds
        self._ask = compile_graph(*_graph(filters, cells), precision)

    def above(self, pictures: Sequence[Picture], least: float) -> list[Found]:
        """For each size the rows and columns (n, 2) of windows whose score is above `least`, and the scores (n,)."""
        given = zip(pictures, self._cells, strict=True)
        answer = self._ask([features(picture.grey, *cells)[None] for picture, cells in given])
        return [
            _above(answer[number][0], self._thresholds, columns - 2, np.float32(least))
            for number, (_, columns) in enumerate(self._cells)
        ]


def _graph(filters: Filters, cells: Sequence[tuple[int, int]]) -> tuple[list[Any], list[Any]]:
    """Features (1, rows - 2, columns - 2, PLANES) of each size -> scores (1, 3 x 5, rows - 2, a third of columns)."""
    few, steps = for_bytes(filters)
    kernel = _abreast(few * steps[:, None, None, None])
    high = np.tile(MOST * steps, ABREAST)[:, None, None, None]
    low, top = ops.constant(np.float32(0)), ops.constant(np.float32(255))
    given, maps = [], []
    for rows, columns in cells:
        taken = ops.parameter([1, rows - 2, columns - 2, PLANES], np.uint8)
        node = ops.convert(ops.transpose(taken, np.array([0, 3, 1, 2])), "f32")
        node = ops.fake_quantize(node, low, top, low, top, 256)
        told = ops.fake_quantize(ops.constant(kernel), *map(ops.constant, (-high, high, -high, high)), STEPS_OF_A_BYTE)
        across = -(-(columns - 2) // ABREAST)
        behind = ABREAST * (across - 1) + WINDOW + ABREAST - 1 - (columns - 2) - BEFORE
        maps.append(ops.convolution(node, told, [1, ABREAST], [BEFORE, BEFORE], [BEHIND, behind], [1, 1]))
        given.append(taken)
    return maps, given


def _abreast(filters: Floats) -> Floats:
    """(3 x 5, PLANES, 10, 12): each filter at three places."""
    count = len(filters)
    kernel = np.zeros((ABREAST * count, PLANES, WINDOW, WINDOW + ABREAST - 1), np.float32)
    for place in range(ABREAST):
        kernel[place * count : (place + 1) * count, :, :, place : place + WINDOW] = filters
    return kernel


@compiled
def _above(scored: Floats, thresholds: Floats, columns: int, least: np.float32) -> Found:
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

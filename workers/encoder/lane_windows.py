"""The windows of `windows` by registers, for processors that suit `lanes.multiplies_bytes`.

16 windows side by side in five lines meet five filters at once, in 25 registers of sums: nearly one product of four
bytes each in every lane and cycle. A portrait of 448 x 368 pixels takes 0.65 ms with all its smaller copies in place of
1.1 (AMD EPYC, one core). Scores are those of OpenVINO in fp32 within 1e-6 where the features are the same. Numba keeps
what it compiled until this file changes: after a change in `lanes`, change this one too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.core import cgutils

from workers.encoder.filters import BEFORE, BEHIND, WINDOW, for_bytes
from workers.encoder.histograms import CELL, compiled
from workers.encoder.lane_cells import GROUPS, Words, features
from workers.encoder.lanes import FLOAT, LANES, NUMBERS, WHOLE, Writer, instructions
from workers.encoder.resizing import Picture
from workers.encoder.weights import Filters, Floats
from workers.encoder.windows import Found

VIEWS, LINES = 5, 5
FEW = LANES // 2


class LaneWindows:
    """How well each window of a picture, and of its smaller copies, fits the filters."""

    def __init__(self, filters: Filters, cells: Sequence[tuple[int, int]]) -> None:
        """`cells`: rows and columns of the canvas and of its smaller copies."""
        self._cells = cells
        few, steps = for_bytes(filters)
        # (rows, groups, columns, views) of four bytes each.
        groups = few.reshape(VIEWS, GROUPS, 4, WINDOW, WINDOW).transpose(3, 1, 4, 0, 2)
        self._filters = np.ascontiguousarray(groups).view(np.int32).reshape(-1)
        self._scales = np.concatenate([steps, filters.thresholds]).astype(np.float32)

    def above(self, pictures: Sequence[Picture], least: float) -> list[Found]:
        """For each size the rows and columns (n, 2) of windows whose score is above `least`, and the scores (n,)."""
        return [self._above(*given, least) for given in zip(pictures, self._cells, strict=True)]

    def _above(self, picture: Picture, cells: tuple[int, int], least: float) -> Found:
        # What lies beside the picture is empty: no window is looked at that reaches further out than at its edges.
        rows, columns = (min(most, (side + 2) // CELL + 2) for most, side in zip(cells, picture[1:], strict=True))
        # At least one window, in as many lines as are looked at together.
        rows, columns = max(LINES + 2, rows), max(3, columns)
        best = _best(features(picture, rows, columns), columns - 2, self._filters, self._scales)
        return _places(best, np.float32(least))


def _looking(lanes: int) -> Any:
    """The best scores of `lanes` windows side by side in LINES lines, see `instructions`."""

    @instructions
    def write(
        to: Writer, cells: Any, at: Any, wide: Any, first: Any, end: Any, filters: Any, scales: Any, best: Any,
        new: Any, line: Any,
    ) -> None:  # fmt: skip
        """`first` and `end`: the rows of a window that have features, for any of the lines."""
        sums = [[to.variable(WHOLE, lanes) for _ in range(VIEWS)] for _ in range(LINES)]
        only, groups, add = NUMBERS(0), to.unknown(GROUPS), to.builder.add
        rows, inner = cgutils.for_range_slice(to.builder, first, end, NUMBERS(1)), cgutils.for_range(to.builder, groups)
        with rows as (row, _), inner as loop:
            group = to.step(loop.index, row, GROUPS)
            start, weights = add(at, to.builder.mul(group, wide)), to.builder.mul(group, NUMBERS(WINDOW * VIEWS))
            for column in range(WINDOW):
                few = [to.spread(filters, to.step(weights, 1, column * VIEWS + view), lanes) for view in range(VIEWS)]
                for number, places in enumerate(sums):
                    seen = to.some(cells, to.step(to.step(start, wide, GROUPS * number), 1, column), lanes)
                    for place, weight in zip(places, few, strict=True):
                        to.put(to.products_of_bytes(seen, weight, to.some(place, only, lanes)), place, only)
        for number, places in enumerate(sums):
            _keep_best(to, [to.some(place, only, lanes) for place in places], scales, best, to.step(new, line, number))

    return write


def _keep_best(to: Writer, sums: list[Any], scales: Any, best: Any, new: Any) -> None:
    """Of what each filter gives, less its threshold."""
    lanes = sums[0].count
    scores = [
        total.of_kind(FLOAT) * to.spread(scales, NUMBERS(view), lanes) - to.spread(scales, NUMBERS(VIEWS + view), lanes)
        for view, total in enumerate(sums)
    ]
    for score in scores[1:]:
        scores[0] = scores[0].larger(score)
    to.put(scores[0], best, new)


_look_at_many, _look_at_few = _looking(LANES), _looking(FEW)


@compiled
def _best(cells: Words, columns: int, filters: Words, scales: Floats) -> Floats:
    """Each window's best score, (rows, columns)."""
    rows, wide = cells.shape[0] - BEFORE - BEHIND, cells.shape[2]
    line = (columns + LANES - 1) // LANES * LANES
    best, packed = np.empty(rows * line, np.float32), cells.reshape(-1)
    for row in range(0, rows, LINES):
        # The last lines are looked at once more rather than one by one.
        top = min(row, rows - LINES)
        first, end = max(0, BEFORE - (top + LINES - 1)), min(WINDOW, BEFORE + rows - top)
        for x in range(0, columns, LANES):
            at, new = top * GROUPS * wide + x, top * line + x
            if columns - x > FEW:
                _look_at_many(packed, at, wide, first, end, filters, scales, best, new, line)
            else:
                _look_at_few(packed, at, wide, first, end, filters, scales, best, new, line)
    return best.reshape(rows, line)[:, :columns]


@compiled
def _places(best: Floats, least: np.float32) -> Found:
    """Where the best score is above `least`."""
    count = 0
    for row in range(best.shape[0]):
        for column in range(best.shape[1]):
            count += best[row, column] > least
    places, scores = np.empty((count, 2), np.int64), np.empty(count, np.float32)
    count = 0
    for row in range(best.shape[0]):
        for column in range(best.shape[1]):
            if best[row, column] > least:
                places[count, 0], places[count, 1], scores[count] = row, column, best[row, column]
                count += 1
    return places, scores

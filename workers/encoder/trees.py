"""dlib's predictor of five landmarks: fifteen times 500 small trees, each of which moves the points a little.

After Kazemi and Sullivan, "One millisecond face alignment with an ensemble of regression trees" (CVPR 2014). Trees lie
here one behind the other, and a face takes a tenth of dlib's own time, which looks for each leaf all over the memory.
The points are dlib's own, to the pixel.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from portal.images import Box, Pixels
from workers.encoder import weights
from workers.encoder.histograms import compiled
from workers.encoder.weights import Floats

POINTS, ROUNDS, TREES, SPLITS = 5, 15, 500, 15
LEAVES, DEPTH = SPLITS + 1, 4
BRIGHTEST = 255
# Numbers of a matrix of all points: its two sizes, and two for each part of each point.
MATRIX = 2 + 4 * POINTS
TREE = 1 + 4 * SPLITS + 1 + LEAVES * MATRIX


class Trees(NamedTuple):
    """Points are (x, y) in parts of a face's box. Every round looks at brightness in so many spots.

    `start` (5, 2): where the points usually lie. `splits` (rounds, trees, 16, 4): two spots and by how much the first
    must be brighter for the first of two ways, from split 1 to 2 and 3 and so on. `moves` (rounds, trees, 16, 10): what
    a leaf adds to the points. `anchors` (rounds, spots): the point by which a spot lies, `spots` (rounds, spots, 2) how
    far from it.
    """

    start: Floats
    splits: NDArray[np.int16]
    moves: Floats
    anchors: NDArray[np.int16]
    spots: Floats


def read_trees(data: bytes) -> Trees:
    """The predictor in a file's bytes, which is nothing but whole numbers. Raises weights.BadWeights."""
    numbers = _integers(np.frombuffer(data, np.uint8))
    heads = numbers[1 + MATRIX :]
    rounds = 1 + TREES * TREE
    try:
        forests = heads[1 : 1 + ROUNDS * rounds].reshape(ROUNDS, rounds)[:, 1:].reshape(ROUNDS, TREES, TREE)
        spots = _spots(heads[1 + ROUNDS * rounds :])
    except (ValueError, IndexError) as problem:
        raise weights.BadWeights(f"The weights {weights.LANDMARKS} cannot be understood: {problem}.") from problem
    splits = forests[:, :, 1 : 1 + 4 * SPLITS].reshape(ROUNDS, TREES, SPLITS, 4)
    leaves = forests[:, :, 2 + 4 * SPLITS :].reshape(ROUNDS, TREES, LEAVES, MATRIX)
    return Trees(
        _floats(numbers[3 : 1 + MATRIX]).reshape(POINTS, 2),
        _splits(splits),
        _floats(leaves[..., 2:]),
        *spots,
    )


def _splits(numbers: NDArray[np.int64]) -> NDArray[np.int16]:
    """Brightness is a whole number, and so is what a difference must be above."""
    made = np.zeros((ROUNDS, TREES, LEAVES, 4), np.int16)
    made[:, :, 1:, :2] = numbers[..., :2]
    made[:, :, 1:, 2] = np.clip(np.floor(_floats(numbers[..., 2:])), -BRIGHTEST - 1, BRIGHTEST)
    return made


def _spots(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int16], Floats]:
    """Anchors and spots of all rounds, from two lists of lists."""
    count = int(numbers[1])
    anchors = numbers[1 : 1 + ROUNDS * (1 + count)].reshape(ROUNDS, 1 + count)[:, 1:]
    there = numbers[2 + ROUNDS * (1 + count) :].reshape(ROUNDS, 1 + 4 * count)[:, 1:]
    return np.ascontiguousarray(anchors, np.int16), _floats(there).reshape(ROUNDS, count, 2)


def _floats(numbers: NDArray[np.int64]) -> Floats:
    """Each from two whole numbers in a row: mantissa, and exponent of two."""
    pairs = numbers.reshape(*numbers.shape[:-1], -1, 2)
    made = np.ldexp(pairs[..., 0].astype(np.float64), pairs[..., 1]).astype(np.float32)
    return np.ascontiguousarray(made[..., 0] if made.shape[-1] == 1 else made)


@compiled
def _integers(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """dlib's whole numbers, up to the end: a byte that tells sign and length, then so many bytes, the lowest first."""
    found = np.empty(data.shape[0], np.int64)
    count = at = 0
    while at < data.shape[0]:
        length, number = data[at] & 0x0F, np.int64(0)
        if at + length >= data.shape[0]:
            break
        for byte in range(length):
            number |= np.int64(data[at + 1 + byte]) << (8 * byte)
        found[count] = -number if data[at] & 0x80 else number
        count += 1
        at += 1 + length
    return found[:count]


def find_points(trees: Trees, pixels: Pixels, box: Box) -> NDArray[np.int64]:
    """The five points (5, 2), x and y, of the face in the box, in pixels."""
    return _points(trees, pixels, *box)


@compiled
def _points(trees: Trees, pixels: Pixels, left: int, top: int, right: int, bottom: int) -> NDArray[np.int64]:
    shape, found = trees.start.copy(), np.empty(trees.start.shape, np.int64)
    wide, high = right - left, bottom - top
    count = trees.anchors.shape[1]
    x, y, seen = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    for turn in range(ROUNDS):
        along, across = _turned(trees.start, shape)
        for spot in range(count):
            anchor = trees.anchors[turn, spot]
            by_right, by_down = trees.spots[turn, spot, 0], trees.spots[turn, spot, 1]
            x[spot] = _rounded(left + (shape[anchor, 0] + along * by_right - across * by_down) * wide)
            y[spot] = _rounded(top + (shape[anchor, 1] + across * by_right + along * by_down) * high)
        for spot in range(count):
            seen[spot] = _brightness(pixels, x[spot], y[spot])
        _move(trees, turn, seen, shape)
    for point in range(POINTS):
        found[point, 0] = _rounded(left + shape[point, 0] * wide)
        found[point, 1] = _rounded(top + shape[point, 1] * high)
    return found


@compiled
def _move(trees: Trees, turn: int, seen: NDArray[np.int32], shape: Floats) -> None:
    """What all trees of a round add to the points."""
    for tree in range(TREES):
        at = 1
        for _ in range(DEPTH):
            more = seen[trees.splits[turn, tree, at, 0]] - seen[trees.splits[turn, tree, at, 1]]
            # Reckoned and not branched on: nobody guesses which way a face goes.
            at = 2 * at + 1 - int(more > trees.splits[turn, tree, at, 2])
        for part in range(2 * POINTS):
            shape[part >> 1, part & 1] += trees.moves[turn, tree, at - LEAVES, part]


@compiled
def _rounded(place: float) -> Any:
    return np.int32(np.floor(place + 0.5))


@compiled
def _brightness(pixels: Pixels, x: Any, y: Any) -> Any:
    """The mean of red, green and blue, rounded down; outside the picture it is black."""
    if x < 0 or y < 0 or x >= pixels.shape[1] or y >= pixels.shape[0]:
        return 0
    return (np.uint32(pixels[y, x, 0]) + np.uint32(pixels[y, x, 1]) + np.uint32(pixels[y, x, 2])) // np.uint32(3)


@compiled
def _turned(usual: Floats, here: Floats) -> tuple[float, float]:
    """The turn and size that bring the usual points nearest to those here: what becomes of one step to the right."""
    along = across = size = 0.0
    count = usual.shape[0]
    ux, uy = usual[:, 0].sum() / count, usual[:, 1].sum() / count
    hx, hy = here[:, 0].sum() / count, here[:, 1].sum() / count
    for point in range(count):
        a, b = usual[point, 0] - ux, usual[point, 1] - uy
        x, y = here[point, 0] - hx, here[point, 1] - hy
        along += a * x + b * y
        across += a * y - b * x
        size += a * a + b * b
    return along / size, across / size

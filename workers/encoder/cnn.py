"""dlib's CNN face detector on OpenVINO, its image pyramid inside the graph.

The network itself knows faces of about 80 px. So a picture is looked at in several sizes: the canvas, and smaller ones,
each STEP of the one before. Canvases have fixed shapes, because each shape costs a compilation; a photograph is scaled
to fit into one of them and the rest stays black.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

from workers.encoder.network import Precision, compile_graph, convolve, planes, taken_off
from workers.encoder.weights import Floats, Network

Squares = NDArray[np.float32]

# Each smaller copy has this part of the side of the one before. dlib has 5/6, for three times the work.
STEP = 0.6
# Three convolutions without padding: cell i of a score map stands for the pixels around STRIDE * i + FIRST.
STRIDE = 8
FIRST = 14
# dlib grows its picture at all edges, so that faces at the edge are seen too.
EDGE = 10
EDGE_GREY = 114
# The greatest value that counts before each convolution: the pixels', then what all but one in 10,000 stay below on
# photographs. Larger ones are taken for it.
RANGES = (255.0, 4.5, 4.0, 3.0, 3.0, 4.0, 6.0)


class CnnDetector:
    """Finds faces of at least `window` pixels on canvases of one shape (height, width)."""

    def __init__(self, network: Network, shape: tuple[int, int], precision: Precision) -> None:
        self.shape = shape
        self.window, self._overlap = network.loss[0], network.loss[5]
        self._sizes = _sizes(shape, self.window)
        self._ask = compile_graph(*_graph(network, shape, self._sizes), precision)

    def find(self, canvas: NDArray[np.uint8], least: float = 0.0) -> tuple[Squares, NDArray[np.float32]]:
        """Squares (n, 4) as left, top, right, bottom on the canvas, best first, and their scores (n,).

        A score above 0 is what dlib calls a face. Of squares that overlap, only the best stays.
        """
        answer = self._ask(canvas[None])
        squares, scores = [], []
        for number, (height, width) in enumerate(self._sizes):
            scored = answer[number][0, 0]
            rows, columns = np.nonzero(scored > least)
            centres = np.stack([columns, rows], axis=1) * float(STRIDE) + (FIRST - EDGE + 0.5)
            scale = np.array([self.shape[1] / width, self.shape[0] / height])
            half = self.window / 2
            squares.append(np.concatenate([(centres - half) * scale, (centres + half) * scale], axis=1))
            scores.append(scored[rows, columns])
        return _best(np.concatenate(squares).astype(np.float32), np.concatenate(scores), self._overlap)


def _sizes(shape: tuple[int, int], window: float) -> list[tuple[int, int]]:
    """Height and width of the canvas and of its smaller copies, down to where the window no longer fits."""
    sizes = []
    height, width = float(shape[0]), float(shape[1])
    while max(height, width) >= window:
        sizes.append((round(height), round(width)))
        height, width = height * STEP, width * STEP
    return sizes


def _graph(network: Network, shape: tuple[int, int], sizes: list[tuple[int, int]]) -> tuple[Any, list[Any]]:
    """Canvas (1, height, width, 3) uint8 RGB -> one map of scores (1, 1, rows, columns) for each size."""
    canvas = ops.parameter([1, *shape, 3], np.uint8, name="canvas")
    level = planes(canvas)
    maps = []
    for size in sizes:
        if size != shape:
            level = ops.interpolate(
                level, np.array(size), "linear_onnx", "sizes", axes=np.array([2, 3]),
                coordinate_transformation_mode="half_pixel",
            )  # fmt: skip
        maps.append(_scores(level, network))
    return maps, [canvas]


def _scores(level: Any, network: Network) -> Any:
    edge = np.array([0, 0, EDGE, EDGE])
    node = ops.pad(level, edge, edge, "constant", ops.constant(np.float32(EDGE_GREY)))
    given: tuple[Floats, float] | None = taken_off(network)
    layers = network.layers
    for number, at in enumerate(range(0, len(layers) - 1, 3)):
        node = convolve(_rounded(node, RANGES[number]), layers[at], layers[at + 1], given, rounded=True)
        node, given = ops.relu(node), None
    return convolve(_rounded(node, RANGES[-1]), layers[-1], None, rounded=True)


def _rounded(node: Any, greatest: float) -> Any:
    """Values of 0 to `greatest` in 256 steps: processors multiply such numbers twice as fast as bf16."""
    low, high = ops.constant(np.float32(0)), ops.constant(np.float32(greatest))
    return ops.fake_quantize(node, low, high, low, high, 256)


def _best(squares: Squares, scores: NDArray[np.float32], overlap: float) -> tuple[Squares, NDArray[np.float32]]:
    """Of squares that overlap by more than `overlap` (shared area over joint area), the one with the highest score."""
    order = np.argsort(-scores, kind="stable")
    squares, scores = squares[order], scores[order]
    kept: list[int] = []
    for at in range(len(squares)):
        if not kept or overlaps(squares[at], squares[kept]).max() <= overlap:
            kept.append(at)
    return squares[kept], scores[kept]


def overlaps(one: Squares, many: Squares) -> NDArray[np.float32]:
    """Shared area over joint area of one box with each of many (n, 4)."""
    low, high = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:], many[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(many[:, 2:] - many[:, :2], axis=1) + np.prod(one[2:] - one[:2])
    return np.asarray(shared / (areas - shared), np.float32)

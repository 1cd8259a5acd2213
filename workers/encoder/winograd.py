"""dlib's face network with two fifths of the multiplications, for many faces at a time.

Most of its work is convolutions of 3 x 3. Winograd's F(4 x 4, 3 x 3) makes 16 of their results with 36 products in
place of 144, by sums before and after (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015,
arXiv:1509.09308). The others are plain products of matrices. The loops are in `tiles`.

A face takes 2.8 ms in place of 5.0 with OpenVINO's plain convolutions, on the same core of an AMD EPYC of 2023
(`efface bench encoder`: 26 times dlib-bin). No component of a template moves by more than 1e-6.

In bf16, most numbers that are multiplied have 8 bits, their sums all: 0.8 of the time of OpenVINO's bf16, and templates
0.014 from those in fp32 in place of 0.009 (144 portraits); over 1,078 faces at most 0.026, of the 0.03 allowed.
"""

from __future__ import annotations

import math

import numpy as np

from portal.images import Pixels
from workers.encoder import tiles
from workers.encoder.lanes import BYTES, LANES
from workers.encoder.network import folded, last_matrix, residual_blocks, taken_off
from workers.encoder.weights import Floats, Layer, Network

FILTER_SUMS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
BATCH = 48
WIDEST = 256


class WinogradNetwork:
    """Chips (n, 150, 150, 3) uint8 RGB -> templates (n, 128) float32. For one thread; ask `lanes.suits` before.

    With `bf16` most of its products are of such numbers; ask `lanes.multiplies_bf16` before.
    """

    def __init__(self, network: Network, bf16: bool = False) -> None:
        weights, biases = folded(network.layers[0], network.layers[1], taken_off(network))
        self._filters, self._biases = _packed(_matrix(weights)), _aligned(biases)
        self._pixels, self._lines = _room(tiles.CHIP * tiles.LINE), _room(3 * 2 * tiles.FIRST * LANES)
        rooms = new_rooms()
        between: dict[tuple[int, int], tiles.Picture] = {}
        self._first = self._last = _picture(tiles.POOLED, len(biases))
        self._blocks = []
        for layers in residual_blocks(network):
            self._blocks.append(_Block(layers, self._last, between, rooms, bf16))
            self._last = self._blocks[-1].made
        self._matrix = last_matrix(network)

    def __call__(self, chips: Pixels) -> Floats:
        parts = [chips[at : at + BATCH] for at in range(0, len(chips), BATCH)]
        return np.concatenate([self._templates(np.ascontiguousarray(part)) for part in parts])

    def _templates(self, chips: Pixels) -> Floats:
        tiles.chips_pooled(chips, self._filters, self._biases, self._first, self._pixels, self._lines)
        for block in self._blocks:
            block(len(chips))
        inside = slice(1, self._last.side + 1)
        means = self._last.numbers.reshape(_shape(*self._last[1:]))[: len(chips), :, inside, inside].mean(axis=(2, 3))
        templates: Floats = means.reshape(len(chips), -1) @ self._matrix
        return templates


class _Block:
    """Two convolutions and what was there before, added: as large as before, or half as large with more planes."""

    def __init__(
        self,
        layers: list[Layer],
        seen: tiles.Picture,
        between: dict[tuple[int, int], tiles.Picture],
        rooms: tiles.Rooms,
        bf16: bool,
    ) -> None:
        """`between`, by side and planes: what blocks need between their two convolutions, and no longer."""
        first, first_affine, _, second, second_affine = layers[:5]
        self._halves = layers[5].kind == "avg_pool"
        side, planes = (seen.side - 3) // 2 + 1 if self._halves else seen.side, first.sizes[0]
        self._seen, self._rooms = seen, rooms
        self._between = between.setdefault((side, planes), _picture(side, planes))
        # dlib fills up with zeros whichever of the two is smaller: in planes what was there, in size never that.
        self.made = _picture(seen.side // 2, planes) if self._halves else seen
        self._first = _convolution(first, first_affine, seen.side, bf16)
        self._second = _convolution(second, second_affine, side, bf16)

    def __call__(self, faces: int) -> None:
        if self._halves:
            tiles.halved(faces, self._seen, self.made)
        self._first(faces, self._seen, self._between, False, self._rooms)
        self._second(faces, self._between, self.made, True, self._rooms)


class _Tiled:
    """A convolution of 3 x 3 in steps of one, padded by one, and the positive part of its result."""

    def __init__(self, weights: Floats, biases: Floats, bf16: bool) -> None:
        sums = np.einsum("ai,kcij,bj->abck", FILTER_SUMS, weights, FILTER_SUMS, optimize=True)
        matrices = sums.reshape(tiles.PATCH, *sums.shape[2:])
        self._bf16, self._filters = bf16, _packed(_as_bf16(matrices) if bf16 else matrices)
        self._biases = _aligned(biases)

    def __call__(self, faces: int, seen: tiles.Picture, made: tiles.Picture, add: bool, rooms: tiles.Rooms) -> None:
        tiles.tiled(faces, seen, self._filters, self._biases, made, add, rooms, self._bf16)


class _Unfolded:
    """A convolution without padding, as a product of matrices, and the positive part of its result."""

    def __init__(self, weights: Floats, biases: Floats, step: int) -> None:
        self._kernel, self._step = weights.shape[2], step
        self._filters, self._biases = _packed(_matrix(weights)), _aligned(biases)

    def __call__(self, faces: int, seen: tiles.Picture, made: tiles.Picture, add: bool, rooms: tiles.Rooms) -> None:
        tiles.unfolded(faces, seen, self._kernel, self._step, self._filters, self._biases, made, add, rooms)


def _convolution(layer: Layer, affine: Layer, side: int, bf16: bool = False) -> _Tiled | _Unfolded:
    """For pictures of a side."""
    weights, biases = folded(layer, affine)
    if layer.sizes[1:] == (3, 3, 2, 2, 0, 0):
        return _Unfolded(weights, biases, 2)
    if layer.sizes[1:] != (3, 3, 1, 1, 1, 1):
        raise ValueError(f"a convolution has another size: {layer.sizes}")
    if side == 1:
        # Around a single pixel there are only zeros.
        return _Unfolded(weights[:, :, 1:2, 1:2], biases, 1)
    # Sums over the most planes lose most by bf16, and gain least.
    return _Tiled(weights, biases, bf16 and weights.shape[1] < WIDEST)


def new_rooms() -> tiles.Rooms:
    """Large enough for every convolution of the network."""
    patches = tiles.PATCH * tiles.TILES * WIDEST
    return tiles.Rooms(_room(patches), _room(patches), _room(2 * tiles.SQUARE))


def _picture(side: int, planes: int) -> tiles.Picture:
    return tiles.Picture(_room(math.prod(_shape(side, planes))), side, planes)


def _shape(side: int, planes: int) -> tuple[int, ...]:
    framed = tiles.framed(side)
    return BATCH, planes // LANES, framed, framed, LANES


def _matrix(weights: Floats) -> Floats:
    """Filters (out, in, rows, columns) as one matrix (1, rows x columns x in, out)."""
    return weights.transpose(2, 3, 1, 0).reshape(1, -1, len(weights))


def _packed(matrices: Floats) -> Floats:
    """Matrices (kinds, in, out), of each 32 columns after 32 columns."""
    kinds, numbers, out = matrices.shape
    made = _room(matrices.size)
    columns = made.reshape(kinds, out // tiles.PAIR, numbers, tiles.PAIR)
    columns[:] = matrices.reshape(kinds, numbers, -1, tiles.PAIR).transpose(0, 2, 1, 3)
    return made


def _as_bf16(matrices: Floats) -> Floats:
    """Matrices (kinds, in, out) as bf16: (kinds, in / 2, out), two numbers in the place of one."""
    bits = np.ascontiguousarray(matrices, np.float32).view(np.uint32)
    # To the nearest, of two that are equally near to the even one.
    short = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    pairs: Floats = (short[:, ::2] | short[:, 1::2] << 16).astype(np.uint32).view(np.float32)
    return pairs


def _aligned(numbers: Floats) -> Floats:
    """A copy that begins where a register's bytes may."""
    made = _room(numbers.size)
    made[:] = numbers
    return made


def _room(count: int) -> Floats:
    """Zeros, so many."""
    bare = np.zeros(count + LANES, np.float32)
    start = -bare.ctypes.data % BYTES // bare.itemsize
    return bare[start : start + count]

"""The loops of `winograd`, compiled by Numba for processors with registers of 512 bits.

A core multiplies here as fast as it can: 113 GFLOP/s of the 115 of an AMD EPYC of 2023. Numba keeps what it compiled
until this file changes: after a change in `lanes`, change this one too.

Arrays are flat, in blocks of sixteen planes, one register for each place. Pictures lie in a frame of zeros: one pixel
before, and behind as many as whole tiles need. Patches and products are (kinds, planes / 16, TILES, 16), filters
(kinds, planes out / 32, numbers in, 32).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba.core import cgutils
from numpy.typing import NDArray

from workers.encoder.histograms import compiled
from workers.encoder.lanes import LANES, NUMBERS, Lanes, Writer, instructions
from workers.encoder.weights import Floats

TILE = 4  # so many results in each direction from a patch of TILE + 2
PATCH = (TILE + 2) ** 2
TILES = 48  # as many patches and products as stay in a core's own cache, mostly
ROWS = 12  # multiplied at a time: their sums fill 24 of 32 registers
PAIR = 2 * LANES
# The first convolution: a chip's side and the numbers in a line of it, the results in a line, the filters' side.
CHIP, LINE, FIRST, KERNEL = 150, 450, 72, 7
POOLED = 35  # and the results in a line behind the pool
SQUARE = TILE * TILE * LANES


class Picture(NamedTuple):
    """What faces look like between two layers: `numbers` (n, planes / 16, framed, framed, 16), flat."""

    numbers: Floats
    side: int
    planes: int


class Rooms(NamedTuple):
    """For what lies between: patches, their products, and a tile that the picture's edge cuts behind one of zeros."""

    patches: Floats
    products: Floats
    edge: Floats


def sums_before(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> tuple[Any, ...]:
    """Six neighbours -> what their six products with a filter's sums are made of."""
    even, odd, near, far = e - 4 * c, d - 4 * b, e - c, 2 * (d - b)
    return 4 * a - 5 * c + e, even + odd, even - odd, near + far, near - far, 4 * b - 5 * d + f


def sums_after(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> tuple[Any, ...]:
    """Six products -> four results."""
    inner, across, outer, apart = b + c, b - c, d + e, d - e
    return a + inner + outer, across + 2 * apart, inner + 4 * outer, across + 8 * apart + f


def _taking_apart(keep: Callable[[Writer, Lanes, Any, Any], None]) -> Any:
    """The sums before, of 6 x 6 pixels from `at` on, `line` apart: 36 kinds, `kind` apart, from `patch` on."""

    @instructions
    def write(to: Writer, seen: Any, at: Any, line: Any, patches: Any, patch: Any, kind: Any) -> None:
        lines = [to.step(at, line, row) for row in range(6)]
        columns = [sums_before(*(to.load(seen, to.step(y, LANES, x)) for y in lines)) for x in range(6)]
        for row in range(6):
            for column, made in enumerate(sums_before(*(sums[row] for sums in columns))):
                keep(to, made, patches, to.step(patch, kind, 6 * row + column))

    return write


@instructions
def _put_together(
    to: Writer, products: Any, at: Any, kind: Any, biases: Any, bias: Any, seen: Any, old: Any, old_line: Any,
    made: Any, new: Any, new_line: Any,
) -> None:  # fmt: skip
    """The sums after, with biases and 4 x 4 pixels of `seen`; positive parts only, into `made`."""
    kinds = [[to.load(products, to.step(at, kind, 6 * row + column)) for row in range(6)] for column in range(6)]
    columns = [sums_after(*rows) for rows in kinds]
    added = to.load(biases, bias)
    for row in range(TILE):
        for column, sums in enumerate(sums_after(*(part[row] for part in columns))):
            total = sums + added + to.load(seen, to.step(to.step(old, old_line, row), LANES, column))
            to.store(total.larger(to.zeros()), made, to.step(to.step(new, new_line, row), LANES, column))


def _multiplying(depth: int, apart: int, join: Callable[[Writer, Lanes, Lanes, Lanes], Lanes]) -> Any:
    """ROWS rows of numbers times a filter of `depth` numbers for each of `blocks`, for 32 planes; see `instructions`.

    Rows begin `apart` numbers from each other; the second half of the planes lies `half` behind the first. `join` adds
    a product to a sum.
    """

    @instructions
    def write(
        to: Writer,
        rows: Any,
        at: Any,
        blocks: Any,
        block: Any,
        filters: Any,
        filter_at: Any,
        made: Any,
        new: Any,
        half: Any,
    ) -> None:
        sums = [(to.variable(), to.variable()) for _ in range(ROWS)]
        length, only = to.unknown(depth), NUMBERS(0)
        with cgutils.for_range(to.builder, blocks) as outer:
            start = to.builder.add(at, to.builder.mul(outer.index, block))
            filters_start = to.step(filter_at, outer.index, depth * PAIR)
            with cgutils.for_range(to.builder, length) as inner:
                first = to.step(filters_start, inner.index, PAIR)
                pair = to.load(filters, first), to.load(filters, to.step(first, LANES, 1))
                here = to.builder.add(start, inner.index)
                for row in range(ROWS):
                    number = to.spread(rows, to.step(here, apart, row))
                    for place, numbers in zip(sums[row], pair, strict=True):
                        to.store(join(to, number, numbers, to.load(place, only)), place, only)
        for row, (one, other) in enumerate(sums):
            to.store(to.load(one, only), made, to.step(new, LANES, row))
            to.store(to.load(other, only), made, to.step(to.builder.add(new, half), LANES, row))

    return write


@instructions
def _copy(to: Writer, seen: Any, at: Any, made: Any, new: Any) -> None:
    to.store(to.load(seen, at), made, new)


@instructions
def _mean(to: Writer, seen: Any, at: Any, line: Any, made: Any, new: Any) -> None:
    """Of 2 x 2 pixels."""
    corners = [to.load(seen, to.step(to.step(at, line, row), LANES, column)) for row in range(2) for column in range(2)]
    one, two, three, four = corners
    to.store(0.25 * (one + two + three + four), made, new)


@instructions
def _greatest(to: Writer, seen: Any, at: Any, line: Any, biases: Any, bias: Any, made: Any, new: Any) -> None:
    """Of 3 x 3 pixels, with a bias; positive parts only."""
    spots = [to.load(seen, to.step(to.step(at, line, row), LANES, column)) for row in range(3) for column in range(3)]
    greatest = functools.reduce(Lanes.larger, spots)
    to.store((greatest + to.load(biases, bias)).larger(to.zeros()), made, new)


@instructions
def _put(to: Writer, products: Any, at: Any, biases: Any, bias: Any, seen: Any, old: Any, made: Any, new: Any) -> None:
    """A product with a bias and what `seen` holds; its positive part."""
    total = to.load(products, at) + to.load(biases, bias) + to.load(seen, old)
    to.store(total.larger(to.zeros()), made, new)


def _product(to: Writer, one: Lanes, other: Lanes, total: Lanes) -> Lanes:
    return one * other + total


_take_apart, _take_apart_bf16 = _taking_apart(Writer.store), _taking_apart(Writer.store_bf16)
_multiply = _multiplying(LANES, LANES, _product)
_multiply_bf16 = _multiplying(LANES // 2, LANES // 2, Writer.pairs_onto)
_multiply_chip = _multiplying(KERNEL * 3, 2 * 3, _product)


@compiled
def tiled(
    faces: int,
    seen: Picture,
    filters: Floats,
    biases: Floats,
    made: Picture,
    add: bool,
    rooms: Rooms,
    bf16: bool,
) -> None:
    """A convolution of 3 x 3 in steps of one, padded by one, positive parts only; `add`: of the sum with `made`.

    `bf16`: patches are multiplied as bf16, as which the filters are given.
    """
    tiles = faces * (-(-seen.side // TILE)) ** 2
    for first in range(0, tiles, TILES):
        count = min(TILES, tiles - first)
        _take_tiles(seen, first, count, rooms.patches, bf16)
        _multiply_all(rooms.patches, PATCH, seen.planes, count, filters, made.planes, rooms.products, bf16)
        _put_tiles(rooms.products, first, count, seen.side, biases, made, add, rooms.edge)


@compiled
def unfolded(
    faces: int,
    seen: Picture,
    kernel: int,
    step: int,
    filters: Floats,
    biases: Floats,
    made: Picture,
    add: bool,
    rooms: Rooms,
) -> None:
    """The same with filters of `kernel` x `kernel` in steps of `step`, without padding."""
    side = (seen.side - kernel) // step + 1
    for first in range(0, faces * side * side, TILES):
        count = min(TILES, faces * side * side - first)
        _take_pixels(seen, first, count, side, kernel, step, rooms.patches)
        _multiply_all(
            rooms.patches, 1, kernel * kernel * seen.planes, count, filters, made.planes, rooms.products, False
        )
        _put_pixels(rooms.products, first, count, side, biases, made, add, rooms.edge)


@compiled
def chips_pooled(
    chips: NDArray[np.uint8], filters: Floats, biases: Floats, made: Picture, pixels: Floats, lines: Floats
) -> None:
    """The first convolution, 7 x 7 in steps of two, and the greatest of 3 x 3 places, two apart; positive parts only.

    `pixels`: room for one chip. `lines`: for three lines of the convolution's result.
    """
    for face in range(len(chips)):
        numbers = chips[face].reshape(-1)
        for at in range(len(numbers)):
            pixels[at] = numbers[at]
        for line in range(FIRST - 1):
            for x in range(0, FIRST, ROWS):
                new = (line % 3 * FIRST * 2 + x) * LANES
                _multiply_chip(pixels, 2 * line * LINE + 6 * x, KERNEL, LINE, filters, 0, lines, new, FIRST * LANES)
            if line >= 2 and line % 2 == 0:
                _pool(lines, biases, made, face, line // 2 - 1)


@compiled
def _pool(lines: Floats, biases: Floats, made: Picture, face: int, y: int) -> None:
    """One line of the picture behind the pool."""
    for block in range(2):
        for x in range(made.side):
            at, new = (block * FIRST + 2 * x) * LANES, _place(made, face, block, y, x)
            _greatest(lines, at, 2 * FIRST * LANES, biases, block * LANES, made.numbers, new)


@compiled
def halved(faces: int, seen: Picture, made: Picture) -> None:
    """Means of 2 x 2 pixels as the first planes of `made`, zeros as the others."""
    for face in range(faces):
        for block in range(made.planes // LANES):
            for y in range(made.side):
                for x in range(made.side):
                    new = _place(made, face, block, y, x)
                    if block < seen.planes // LANES:
                        at = _place(seen, face, block, 2 * y, 2 * x)
                        _mean(seen.numbers, at, framed(seen.side) * LANES, made.numbers, new)
                    else:
                        made.numbers[new : new + LANES] = 0


@compiled
def framed(side: int) -> int:
    """The side of a picture with its frame."""
    return -(-side // TILE) * TILE + 2


@compiled
def _place(picture: Picture, face: int, block: int, y: int, x: int) -> int:
    """Where a pixel's registers begin; the frame is at -1."""
    wide = framed(picture.side)
    return (((face * (picture.planes // LANES) + block) * wide + y + 1) * wide + x + 1) * LANES


@compiled
def _multiply_all(
    patches: Floats, kinds: int, planes: int, count: int, filters: Floats, out: int, products: Floats, bf16: bool
) -> None:
    """`count` patches of `planes` numbers times the filters, kind by kind. Two bf16 lie in the place of one number."""
    numbers, place = (planes // 2, LANES // 2) if bf16 else (planes, LANES)
    for kind in range(kinds):
        for pair in range(out // PAIR):
            at = (kind * (out // PAIR) + pair) * numbers * PAIR
            for row in range(0, count, ROWS):
                rows, new = kind * numbers * TILES + row * place, (kind * out + pair * PAIR) * TILES + row * LANES
                blocks, block, half = planes // LANES, TILES * place, TILES * LANES
                if bf16:
                    _multiply_bf16(patches, rows, blocks, block, filters, at, products, new, half)
                else:
                    _multiply(patches, rows, blocks, block, filters, at, products, new, half)


@compiled
def _take_tiles(seen: Picture, first: int, count: int, patches: Floats, bf16: bool) -> None:
    across, line = -(-seen.side // TILE), framed(seen.side) * LANES
    for number in range(count):
        face, tile = divmod(first + number, across * across)
        for block in range(seen.planes // LANES):
            at = _place(seen, face, block, tile // across * TILE - 1, tile % across * TILE - 1)
            patch, kind = (block * TILES + number) * LANES, seen.planes * TILES
            if bf16:
                _take_apart_bf16(seen.numbers, at, line, patches, patch // 2, kind // 2)
            else:
                _take_apart(seen.numbers, at, line, patches, patch, kind)


@compiled
def _put_tiles(
    products: Floats, first: int, count: int, side: int, biases: Floats, made: Picture, add: bool, edge: Floats
) -> None:
    across, line = -(-side // TILE), framed(side) * LANES
    for number in range(count):
        face, tile = divmod(first + number, across * across)
        down, right = side - tile // across * TILE, side - tile % across * TILE
        for block in range(made.planes // LANES):
            at = _place(made, face, block, side - down, side - right)
            product, kind = (block * TILES + number) * LANES, made.planes * TILES
            old, old_at, old_line = (made.numbers, at, line) if add else (edge, 0, TILE * LANES)
            if min(down, right) >= TILE:
                _put_together(
                    products, product, kind, biases, block * LANES, old, old_at, old_line, made.numbers, at, line
                )
                continue
            _put_together(
                products, product, kind, biases, block * LANES, old, old_at, old_line, edge, SQUARE, TILE * LANES
            )
            # What lies beyond the picture is its frame, and stays zero.
            for y in range(min(TILE, down)):
                for x in range(min(TILE, right)):
                    _copy(edge, SQUARE + (y * TILE + x) * LANES, made.numbers, at + y * line + x * LANES)


@compiled
def _take_pixels(seen: Picture, first: int, count: int, side: int, kernel: int, step: int, patches: Floats) -> None:
    blocks = seen.planes // LANES
    for number in range(count):
        face, pixel = divmod(first + number, side * side)
        for part in range(kernel * kernel * blocks):
            spot, block = divmod(part, blocks)
            y, x = pixel // side * step + spot // kernel, pixel % side * step + spot % kernel
            _copy(seen.numbers, _place(seen, face, block, y, x), patches, (part * TILES + number) * LANES)


@compiled
def _put_pixels(
    products: Floats, first: int, count: int, side: int, biases: Floats, made: Picture, add: bool, edge: Floats
) -> None:
    for number in range(count):
        face, pixel = divmod(first + number, side * side)
        for block in range(made.planes // LANES):
            at = _place(made, face, block, pixel // side, pixel % side)
            old, old_at = (made.numbers, at) if add else (edge, 0)
            _put(products, (block * TILES + number) * LANES, biases, block * LANES, old, old_at, made.numbers, at)

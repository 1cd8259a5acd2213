"""A plainly fake encoder for tests that are not about faces: its "faces" are drawn.

A drawn face is a square in a strong colour with two eyes and a mouth, on a grey, cloudy background. The colour is the
person. Use it so:

    from tests.fakes import DrawnFaceEncoder, draw_photograph, drawn_jpeg

    monkeypatch.setattr("workers.encoder.load_encoder", lambda: DrawnFaceEncoder())

    drawn_jpeg(3)                 # a new photograph of person 3, as JPEG bytes
    drawn_jpeg(3, 7)              # a photograph of the persons 3 and 7
    drawn_jpeg()                  # a photograph of nobody
    drawn_jpeg(3, seed=5)         # the same background each time; a seed makes the same photograph again
    drawn_jpeg(3, seed=5, quality=60)   # nearly the same photograph, other bytes

Persons are the numbers 0 to 23. The distance of two photographs of one person is below 0.25, of two persons above
1.2. A fraction is a look-alike: 3.15 is about 0.4 from 3. The faces survive JPEG, resizing and turning.
"""

from __future__ import annotations

import colorsys
import itertools
from functools import lru_cache

import numpy as np

from portal import images

Box = tuple[int, int, int, int]
DEGREES_PER_PERSON = 15
CHIP = 64
_fresh_seeds = itertools.count(1_000_000)


def drawn_jpeg(
    *persons: float, size: tuple[int, int] = (640, 480), seed: int | None = None, quality: int = 90
) -> bytes:
    """`draw_photograph` as the bytes of a JPEG file."""
    return _drawn_jpeg(persons, size, next(_fresh_seeds) if seed is None else seed, quality)


@lru_cache(maxsize=128)
def _drawn_jpeg(persons: tuple[float, ...], size: tuple[int, int], seed: int, quality: int) -> bytes:
    return images.to_jpeg(draw_photograph(*persons, size=size, seed=seed), quality=quality)


def draw_photograph(
    *persons: float, size: tuple[int, int] = (640, 480), seed: int | None = None, face: int | None = None
) -> np.ndarray:
    """Pixels (height, width, 3) of a new photograph of `persons`, from left to right; `face` is a face's width."""
    pixels = draw_background(size, seed=next(_fresh_seeds) if seed is None else seed)
    width, height = size
    side = face or min(height // 2, int(width / (1.5 * max(1, len(persons)))))
    for place, person in enumerate(persons):
        left = int((place + 0.5) * width / len(persons) - side / 2)
        _draw_face(pixels, person, left, (height - side) // 2, side)
    return pixels


def draw_background(size: tuple[int, int], seed: int) -> np.ndarray:
    """Grey clouds with grain: what makes one photograph different from another."""
    random = np.random.default_rng(seed)
    width, height = size
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)
    rows, columns = np.empty((24, height)), np.empty((24, width))
    for row, column in zip(rows, columns, strict=True):
        across, down = random.uniform(0, 7, 2)
        shift, lift = random.uniform(0, 2 * np.pi, 2)
        weight = random.uniform(0.5, 1) / (1 + np.hypot(across, down))
        row[:] = weight * np.cos(2 * np.pi * down * y + lift)
        column[:] = np.cos(2 * np.pi * across * x + shift)
    clouds = rows.T @ columns
    grey = 140 + 50 * clouds / np.abs(clouds).max() + random.normal(0, 4, clouds.shape)
    return np.repeat(grey.clip(80, 200).astype(np.uint8)[:, :, None], 3, axis=2)


def _draw_face(pixels: np.ndarray, person: float, left: int, top: int, side: int) -> None:
    colour = colorsys.hsv_to_rgb((person * DEGREES_PER_PERSON % 360) / 360, 0.95, 0.9)
    pixels[top : top + side, left : left + side] = np.round(np.multiply(colour, 255)).astype(np.uint8)
    eye = max(1, side // 8)
    for across in (side // 4 - eye // 2, 3 * side // 4 - eye // 2):
        pixels[top + side // 4 : top + side // 4 + eye, left + across : left + across + eye] = 20
    mouth = top + 3 * side // 4
    pixels[mouth : mouth + eye, left + side // 4 : left + 3 * side // 4] = 20


class DrawnFaceEncoder:
    """The interface of `workers.encoder.Encoder`, for drawn faces only."""

    name = "drawn-faces"
    version = "1"
    dimensions = 128

    def find(self, pixels: np.ndarray) -> list[Box]:
        """Boxes of the strongly coloured patches that are at least 8 px wide, from left to right."""
        coloured = _coloured(pixels)
        boxes = [_tight(coloured, cells, _cell(pixels)) for cells in _patches(coloured, _cell(pixels))]
        return sorted(box for box in boxes if box[2] - box[0] >= 8 and box[3] - box[1] >= 8)

    def find_harder(self, pixels: np.ndarray) -> list[Box]:
        """Drawn faces are not hard to find: none."""
        return []

    def find_places(self, pixels: np.ndarray, box: Box) -> dict[str, np.ndarray]:
        """Where the eyes were drawn, and a nose between eyes and mouth."""
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        eyes = {"left_eye": (0.25, 0.31), "right_eye": (0.75, 0.31), "nose": (0.5, 0.6)}
        return {name: np.array([left + x * width, top + y * height]) for name, (x, y) in eyes.items()}

    def see_parts(self, pixels: np.ndarray, box: Box) -> dict[str, float]:
        """Nothing is ever drawn over a drawn face."""
        return {"left_eye": 1.0, "right_eye": 1.0, "bridge": 1.0, "mouth": 1.0, "lower_face": 2.0}

    def cut(self, pixels: np.ndarray, boxes: list[Box]) -> np.ndarray:
        """Chips (n, 64, 64, 3) of the patches in `boxes`."""
        chips = [_chip(pixels[top:bottom, left:right]) for left, top, right, bottom in boxes]
        return np.array(chips, np.uint8).reshape(len(boxes), CHIP, CHIP, 3)

    def encode(self, chips: np.ndarray) -> np.ndarray:
        """Templates (n, 128), float32: waves of the patch's hue, so that near hues are near and others far."""
        found = [_template(_hue(chip)) for chip in chips]
        return np.array(found, dtype=np.float32).reshape(len(chips), self.dimensions)


def template_of(person: float) -> np.ndarray:
    """The template (128,) of a person, without drawing them."""
    return _template(np.radians(person * DEGREES_PER_PERSON)).astype(np.float32)


def _template(hue: float) -> np.ndarray:
    waves = np.arange(1, 65)
    weights = np.exp(-(waves**2) / (4 * 11.5**2))
    weights /= np.linalg.norm(weights)
    return np.concatenate([weights * np.cos(waves * hue), weights * np.sin(waves * hue)])


def _coloured(pixels: np.ndarray) -> np.ndarray:
    high = pixels.max(axis=2).astype(int)
    return (high > 90) & (high - pixels.min(axis=2) > 0.55 * high)


def _chip(patch: np.ndarray) -> np.ndarray:
    rows, columns = (np.arange(CHIP) * side // CHIP for side in patch.shape[:2])
    return patch[rows][:, columns]


def _hue(patch: np.ndarray) -> float:
    """The middle hue of a patch, in radians."""
    mean = patch[_coloured(patch)].mean(axis=0)
    return 2 * np.pi * colorsys.rgb_to_hsv(*mean)[0]


def _cell(pixels: np.ndarray) -> int:
    return max(2, max(pixels.shape[:2]) // 120)


def _patches(coloured: np.ndarray, cell: int) -> list[list[tuple[int, int]]]:
    """Groups of touching cells (row, column) of which at least half is coloured."""
    rows, columns = coloured.shape[0] // cell, coloured.shape[1] // cell
    grid = coloured[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell).mean(axis=(1, 3)) >= 0.5
    patches = []
    for start in zip(*np.nonzero(grid), strict=True):
        if not grid[start]:
            continue
        grid[start], patch, open_cells = False, [], [start]
        while open_cells:
            row, column = open_cells.pop()
            patch.append((int(row), int(column)))
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= near[0] < rows and 0 <= near[1] < columns and grid[near]:
                    grid[near] = False
                    open_cells.append(near)
        patches.append(patch)
    return patches


def _tight(coloured: np.ndarray, cells: list[tuple[int, int]], cell: int) -> Box:
    """The box of the coloured pixels in and beside a patch's cells."""
    top, left = max(0, (min(row for row, _ in cells) - 1) * cell), max(0, (min(col for _, col in cells) - 1) * cell)
    bottom, right = (max(row for row, _ in cells) + 2) * cell, (max(column for _, column in cells) + 2) * cell
    inside = coloured[top:bottom, left:right]
    down, across = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    return int(left + across[0]), int(top + down[0]), int(left + across[-1] + 1), int(top + down[-1] + 1)

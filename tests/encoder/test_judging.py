"""What a face must be like to be searched with."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from portal.errors import BadProbe
from tests.fakes import DrawnFaceEncoder, draw_photograph
from workers import encoder


def verdict(pixels: np.ndarray) -> str:
    try:
        encoder.judge(pixels, DrawnFaceEncoder().find(pixels))
    except BadProbe as problem:
        return problem.code
    return "fine"


def test_a_good_face_passes() -> None:
    assert verdict(draw_photograph(3)) == "fine"


def test_no_face() -> None:
    assert verdict(draw_photograph()) == "no-face"


@pytest.mark.parametrize(("width", "expected"), [(encoder.SMALLEST_PROBE - 4, "too-small"), (64, "fine")])
def test_small_faces(width: int, expected: str) -> None:
    assert verdict(draw_photograph(3, face=width)) == expected


def test_a_blurred_face() -> None:
    pixels = draw_photograph(3)
    (box,) = DrawnFaceEncoder().find(pixels)
    blurred = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(16)))
    with pytest.raises(BadProbe) as caught:
        encoder.judge(blurred, [box])
    assert caught.value.code == "blurred"


def test_a_dark_face() -> None:
    pixels = draw_photograph(3)
    (box,) = DrawnFaceEncoder().find(pixels)
    with pytest.raises(BadProbe) as caught:
        encoder.judge((pixels * 0.05).astype(np.uint8), [box])
    assert caught.value.code == "too-dark"


def test_one_good_face_among_bad_ones_is_enough() -> None:
    pixels = draw_photograph(3, 9)
    left, right = DrawnFaceEncoder().find(pixels)
    pixels[left[1] : left[3], left[0] : left[2]] //= 40
    encoder.judge(pixels, [left, right])
    with pytest.raises(BadProbe) as caught:
        encoder.judge(pixels, [left])
    assert caught.value.code == "too-dark"


def test_the_largest_face_is_spoken_of() -> None:
    pixels = draw_photograph(3)
    (large,) = DrawnFaceEncoder().find(pixels)
    dark = (pixels * 0.05).astype(np.uint8)
    with pytest.raises(BadProbe) as caught:
        encoder.judge(dark, [(0, 0, 20, 20), large])
    assert caught.value.code == "too-dark"

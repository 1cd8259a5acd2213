"""A scan looks at photographs in one size: a larger JPEG is opened smaller, three times as fast."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from portal import images


@pytest.mark.parametrize(
    ("size", "least", "times"),
    [
        ((4000, 3000), 1600, 2),
        ((3199, 2400), 1600, 1),
        ((4000, 3000), 0, 1),
        ((640, 480), 1600, 1),
        ((6500, 400), 800, 8),
    ],
)
def test_a_large_jpeg_is_opened_smaller_where_that_is_enough(size: tuple[int, int], least: int, times: int) -> None:
    left_half = Image.new("RGB", size, "white")
    left_half.paste("black", (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    left_half.save(file, "JPEG", exif=exif.tobytes())
    with images.Opener() as opener:
        picture = opener.open(file.getvalue(), least=least)
    height, width = picture.pixels.shape[:2]
    assert picture.times == times
    assert abs(width * times - size[1]) < times
    assert abs(height * times - size[0]) < times
    assert height >= min(least or size[0], size[0])
    assert picture.pixels[height // 4].max() < 30, "upright, the dark half is above"
    assert picture.pixels[3 * height // 4].min() > 220


def test_no_other_format_is_made_smaller() -> None:
    file = io.BytesIO()
    Image.new("RGB", (2000, 100), "red").save(file, "PNG")
    with images.Opener() as opener:
        picture = opener.open(file.getvalue(), least=500)
    assert (picture.times, picture.pixels.shape) == (1, (100, 2000, 3))

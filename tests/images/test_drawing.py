"""Crops are all alike, covers hold nothing, copies are small."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from portal import images
from tests.fakes import DrawnFaceEncoder, draw_photograph


def test_jpeg_has_the_asked_size_and_only_pixels() -> None:
    pixels = draw_photograph(1, size=(800, 400))
    image = Image.open(io.BytesIO(images.to_jpeg(pixels, longest=200)))
    assert (image.format, image.size) == ("JPEG", (200, 100))
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert Image.open(io.BytesIO(images.to_jpeg(pixels, longest=4000))).size == (800, 400)


def test_shrinking_never_enlarges() -> None:
    pixels = draw_photograph(size=(300, 100))
    assert images.shrink(pixels, 300) is pixels
    assert images.shrink(pixels, 150).shape == (50, 150, 3)
    assert images.shrink(draw_photograph(size=(3000, 8)), 100).shape == (1, 100, 3)


@pytest.mark.parametrize("box", [(0, 0, 50, 60), (590, 430, 640, 480), (300, 200, 400, 300), (0, 0, 640, 480)])
def test_crops_have_one_size_wherever_the_face_is(box: images.Box) -> None:
    pixels = draw_photograph(2)
    assert images.crop_face(pixels, box).shape == (480, 480, 3)
    assert images.crop_face(pixels, box, side=96).shape == (96, 96, 3)


def test_the_face_takes_the_same_part_of_every_crop() -> None:
    shares = []
    for face in (60, 120, 200):
        pixels = draw_photograph(4, face=face)
        (box,) = DrawnFaceEncoder().find(pixels)
        (found,) = DrawnFaceEncoder().find(np.ascontiguousarray(images.crop_face(pixels, box)))
        shares.append((found[2] - found[0]) / 480)
    assert max(shares) - min(shares) < 0.03
    assert 0.55 < shares[0] < 0.62


def test_beyond_the_edge_the_picture_is_drawn_on() -> None:
    pixels = np.full((100, 100, 3), 77, np.uint8)
    assert (images.crop_face(pixels, (0, 0, 40, 40)) == 77).all()


def test_a_cover_leaves_nothing_of_the_face() -> None:
    pixels = draw_photograph(3, 9)
    boxes = DrawnFaceEncoder().find(pixels)
    covered = images.mask(pixels, boxes)
    assert DrawnFaceEncoder().find(covered) == []
    assert DrawnFaceEncoder().find(pixels) == boxes
    left, top, right, bottom = boxes[0]
    assert len(np.unique(covered[top:bottom, left:right])) == 1
    assert (covered[0] == pixels[0]).all()
    assert (images.mask(pixels, [(-20, -20, 30, 30)])[:30, :30] == covered[top, left]).all()


def test_cut_off_files_are_refused_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    images.refuse_truncated_images()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False

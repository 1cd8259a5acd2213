"""Reviewers see every face with its eyes level, however the photograph was held."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portal import images
from tests.fakes import DrawnFaceEncoder, draw_photograph
from workers import cropping
from workers.encoder import Encoder, load_encoder
from workers.encoder.landmarks import Points


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture(scope="module")
def portrait(photographs: Path) -> Image.Image:
    return Image.open(photographs / "obama2.jpg").convert("RGB")


@pytest.mark.parametrize("degrees", [-25, -10, 0, 10, 25])
def test_the_eyes_of_a_turned_photograph_are_level(encoder: Encoder, portrait: Image.Image, degrees: int) -> None:
    pixels = np.asarray(portrait.rotate(-degrees, Image.Resampling.BICUBIC))
    (box,) = encoder.find(pixels)
    assert cropping.tilt(encoder, pixels, box) == pytest.approx(degrees + straight(encoder, portrait), abs=4)
    crop = np.asarray(Image.open(io.BytesIO(cropping.crop(encoder, pixels, box))))
    assert crop.shape == (480, 480, 3)
    (there,) = encoder.find(crop)
    assert abs(cropping.tilt(encoder, crop, there)) < 4


def straight(encoder: Encoder, portrait: Image.Image) -> float:
    """How the face hangs in the photograph itself."""
    pixels = np.asarray(portrait)
    return cropping.tilt(encoder, pixels, encoder.find(pixels)[0])


class Seen(DrawnFaceEncoder):
    """A face whose eyes are where the test puts them."""

    def __init__(self, left: tuple[float, float], right: tuple[float, float]) -> None:
        super().__init__()
        self.places = {"left_eye": np.array(left), "right_eye": np.array(right)}

    def find_places(self, pixels: np.ndarray, box: images.Box) -> dict[str, Points]:
        return self.places


@pytest.mark.parametrize(
    ("left", "right", "degrees"),
    [
        ((30, 50), (70, 50), 0),
        ((30, 30), (70, 70), 45),
        ((30, 70), (70, 30), -45),
        ((48, 50), (52, 54), 0),  # turned aside: the eyes lie behind each other
        ((50, 20), (50, 80), 0),  # more likely found wrongly than lying down
    ],
)
def test_only_eyes_that_say_how_a_face_hangs_turn_it(
    left: tuple[float, float], right: tuple[float, float], degrees: float
) -> None:
    assert cropping.tilt(Seen(left, right), draw_photograph(1), (0, 0, 100, 100)) == pytest.approx(degrees)

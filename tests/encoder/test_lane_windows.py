"""Windows by registers against those on OpenVINO: the same squares, whatever the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from portal import images
from tests.encoder.test_lane_cells import drawn
from workers.encoder import histograms, lane_windows, lanes
from workers.encoder.fast import FastEncoder
from workers.encoder.filters import BEFORE, BEHIND, read_filters
from workers.encoder.hog import HogDetector
from workers.encoder.lane_windows import LaneWindows
from workers.encoder.resizing import fitted, picture_of
from workers.encoder.windows import Windows

pytestmark = pytest.mark.skipif(
    not lanes.multiplies_bytes(), reason="this processor does not multiply bytes in registers"
)
SHAPE = (448, 336)
# From here on also what is no face, but is a little like one.
LITTLE = -0.7


@pytest.fixture(scope="module")
def both() -> tuple[HogDetector, HogDetector]:
    """By registers, and as where the processor does not suit."""
    filters = read_filters()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lanes, "multiplies_bytes", lambda: False)
        plain = HogDetector(filters, SHAPE, "fp32")
    quick = HogDetector(filters, SHAPE, "fp32")
    assert isinstance(quick._windows, LaneWindows)
    assert isinstance(plain._windows, Windows)
    return quick, plain


def same(both: tuple[HogDetector, HogDetector], grey: np.ndarray, least: float) -> int:
    """How many squares both find, which must be the same ones; a feature that differs moves scores a little."""
    picture = picture_of(grey)
    (squares, scores), (others, other_scores) = (detector.find(picture, least) for detector in both)
    assert len(squares) == len(others)
    order, other_order = (np.lexsort(found.T) for found in (squares, others))
    assert np.array_equal(squares[order], others[other_order])
    assert np.allclose(scores[order], other_scores[other_order], atol=5e-3)
    return len(squares)


def test_scores_of_the_same_features_are_openvino_s(both: tuple[HogDetector, HogDetector]) -> None:
    quick, plain = both
    assert isinstance(quick._windows, LaneWindows)
    assert isinstance(plain._windows, Windows)
    rows, columns = 56, 42
    features = histograms.features(drawn(*SHAPE), rows, columns)
    wide = BEFORE + 48 + BEHIND
    packed = np.zeros((rows - 2 + BEFORE + BEHIND, 8, wide), np.int32)
    packed[BEFORE:-BEHIND, :, BEFORE : BEFORE + columns - 2] = features.view(np.int32).transpose(0, 2, 1)
    found = lane_windows._best(packed, columns - 2, quick._windows._filters, quick._windows._scales)

    # All windows are above this: none of them is left out, however many there are.
    places, wanted = plain._windows.above(plain._copies(picture_of(drawn(*SHAPE))), -100.0)[0]
    assert len(places) == (rows - 2) * (columns - 2)
    assert np.allclose(found, wanted.reshape(found.shape), atol=1e-5)
    many, _ = quick._windows.above(quick._copies(picture_of(drawn(*SHAPE))), -100.0)[0]
    assert np.array_equal(many, places)


@pytest.mark.parametrize("size", [(1, 1), (1, 336), (448, 1), (7, 9), (80, 65), (200, 336), (447, 335), SHAPE])
def test_drawn_pictures_of_any_size_have_the_same_squares(
    both: tuple[HogDetector, HogDetector], size: tuple[int, int]
) -> None:
    same(both, drawn(*size), -0.95)
    assert same(both, np.zeros(size, np.uint8), 0.0) == 0


@pytest.mark.photographs
def test_photographs_and_whatever_is_cut_of_them_have_the_same_squares(
    both: tuple[HogDetector, HogDetector], photographs: Path
) -> None:
    random, faces, others = np.random.default_rng(1), 0, 0
    with images.Opener() as opener:
        for path in sorted(photographs.iterdir()):
            grey = fitted(opener.open(path.read_bytes()).pixels, SHAPE)[0].grey
            faces += same(both, grey, 0.0)
            for _ in range(6):
                height, width = (int(random.integers(1, side + 1)) for side in grey.shape)
                others += same(both, grey[:height, :width], LITTLE)
    assert faces >= 5
    assert others >= 10


@pytest.mark.photographs
def test_where_the_processor_does_not_suit_the_boxes_are_the_same(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = images.open_picture((photographs / "obama2.jpg").read_bytes()).pixels
    small = images.shrink(pixels, 224)
    here = FastEncoder("fp32").find(small)
    assert len(here) == 1
    monkeypatch.setattr(lanes, "multiplies_bytes", lambda: False)
    assert FastEncoder("fp32").find(small) == here

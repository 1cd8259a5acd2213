"""Features by registers against those of `histograms`."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tests.encoder.memory import at_the_end_of_the_memory, in_a_process_apart
from workers.encoder import histograms, lane_cells, lanes
from workers.encoder.filters import BEFORE, BEHIND
from workers.encoder.histograms import DIRECTION
from workers.encoder.resizing import picture_of

pytestmark = pytest.mark.skipif(
    not lanes.multiplies_bytes(), reason="this processor does not multiply bytes in registers"
)
STEPS = np.arange(-255, 256)


def drawn(height: int, width: int) -> np.ndarray:
    """Soft hills with some noise, and white lines."""
    random = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[:height, :width]
    grey = 120 + 80 * np.sin(x / 9) * np.cos(y / 14) + random.normal(0, 6, (height, width))
    grey[::37] = 255
    return grey.clip(0, 255).astype(np.uint8)


def unpacked(packed: np.ndarray, columns: int) -> np.ndarray:
    """(rows - 2, columns - 2, PLANES), as `histograms.features` has them."""
    inner = packed[BEFORE:-BEHIND, :, BEFORE : BEFORE + columns - 2]
    return np.ascontiguousarray(inner.transpose(0, 2, 1)).view(np.uint8)


def test_every_gradient_of_bytes_has_dlib_s_direction() -> None:
    """Each in a column of its own, three apart; all that go equally far down in one picture."""

    @numba.njit
    def look(seen: np.ndarray, line: int, lengths: np.ndarray, places: np.ndarray) -> None:
        for x in range(1, line - lane_cells.WIDE, lane_cells.WIDE):
            lane_cells._gradients(seen, line + x, line, lengths, places, x)

    across = 3 * len(STEPS) + 2 * lane_cells.WIDE
    middles = 3 * np.arange(len(STEPS)) + 1
    for down in STEPS:
        grey = np.zeros((3, across), np.uint8)
        grey[1, middles + 1], grey[1, middles - 1] = np.maximum(STEPS, 0), np.maximum(-STEPS, 0)
        grey[2, middles], grey[0, middles] = max(down, 0), max(-down, 0)
        lengths, places = np.zeros(across, np.float32), np.zeros(across, np.uint16)
        look(picture_of(grey).numbers, across, lengths, places)
        wanted = DIRECTION.reshape(511, 511)[down + 255]
        assert np.array_equal(places[middles], lane_cells.CORNERS * wanted.astype(int)), down
        assert np.allclose(lengths[middles], np.hypot(STEPS, down), rtol=1e-6)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 160), (120, 1), (7, 9), (33, 35), (64, 66), (119, 157), (120, 160), (150, 190)]
)
def test_features_are_the_plain_ones_with_zeros_around(size: tuple[int, int]) -> None:
    """A few differ by one step, as sums are taken in another order."""
    rows, columns = 15, 20
    for grey in (drawn(*size), np.full(size, 200, np.uint8)):
        packed = lane_cells.features(picture_of(grey), rows, columns)
        found, wanted = unpacked(packed, columns), histograms.features(grey, rows, columns)
        apart = np.abs(found.astype(int) - wanted)
        assert apart.max() <= 1
        assert (apart > 0).sum() <= 3
        assert np.count_nonzero(packed) == np.count_nonzero(np.ascontiguousarray(found).view(np.int32))


def test_nothing_is_read_behind_what_is_spare() -> None:
    def look() -> None:
        for height, width in ((1, 1), (2, 2), (3, 40), (30, 33), (64, 64), (81, 97)):
            lane_cells.features(at_the_end_of_the_memory(drawn(height, width)), height // 8 + 2, width // 8 + 2)

    lane_cells.features(picture_of(drawn(20, 20)), 5, 5)
    assert in_a_process_apart(look) == 0

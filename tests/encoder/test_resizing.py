"""Pictures in other sizes: by registers the same as without, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.encoder.memory import at_the_end_of_the_memory, in_a_process_apart
from workers.encoder import lanes, resizing
from workers.encoder.resizing import SPARE, picture_of, resized

suited = pytest.mark.skipif(not lanes.multiplies_bytes(), reason="this processor does not multiply bytes in registers")
SIZES = [
    ((1, 1), (1, 1)), ((1, 1), (5, 40)), ((1, 90), (1, 31)), ((90, 1), (75, 1)), ((2, 3), (1, 2)), ((7, 9), (6, 8)),
    ((31, 33), (26, 28)), ((60, 80), (50, 66)), ((112, 92), (224, 184)), ((300, 257), (100, 86)), ((64, 48), (64, 48)),
]  # fmt: skip


def noise(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, size, np.uint8)


def test_a_smaller_picture_keeps_its_corners() -> None:
    grey = noise((60, 80))
    made = resized(picture_of(grey), 50, 66).grey
    assert made.shape == (50, 66)
    assert [made[0, 0], made[0, -1], made[-1, 0], made[-1, -1]] == [grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]]


@suited
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_by_registers_every_pixel_is_the_same_and_what_is_spare_does_not_count(
    old: tuple[int, int], new: tuple[int, int]
) -> None:
    for grey in (noise(old), np.full(old, 255, np.uint8)):
        picture = picture_of(grey)
        picture.numbers[-SPARE:] = 77
        wanted = resizing._resized(*picture, *new)[: new[0] * new[1]]
        assert np.array_equal(resizing._resized_in_lanes(*picture, *new)[: new[0] * new[1]], wanted)


@suited
def test_nothing_is_read_behind_what_is_spare() -> None:
    def look() -> None:
        for old, new in SIZES:
            resizing._resized_in_lanes(*at_the_end_of_the_memory(noise(old)), *new)

    resizing._resized_in_lanes(*picture_of(noise((9, 9))), 8, 8)
    assert in_a_process_apart(look) == 0


def test_where_the_processor_does_not_suit_the_pixels_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = picture_of(noise((112, 92)))
    here = resized(picture, 224, 184).grey
    monkeypatch.setattr(lanes, "multiplies_bytes", lambda: False)
    assert np.array_equal(resized(picture, 224, 184).grey, here)

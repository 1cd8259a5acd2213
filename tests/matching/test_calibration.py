"""Error rates are those of the faces that are held, and the worst group decides the threshold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from portal.errors import BadInput
from portal.matching import calibration
from portal.matching.calibration import GRID


def faces(
    people: int = 60, each: int = 4, spread: float = 0.025, apart: float = 0.06, seed: int = 1
) -> tuple[np.ndarray, list[str]]:
    """Templates of made-up people: `spread` is the noise of a person's pictures, `apart` that between people."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, apart, (people, 128))
    vectors = np.repeat(centres, each, axis=0) + random.normal(0, spread, (people * each, 128))
    return vectors.astype(np.float32), [f"p{number // each}" for number in range(people * each)]


def brute_force(vectors: np.ndarray, people: list[str], threshold: float) -> tuple[float, float]:
    mated, strangers = [], []
    for one in range(len(people)):
        for other in range(one):
            distance = float(np.linalg.norm(vectors[one] - vectors[other]))
            (mated if people[one] == people[other] else strangers).append(distance <= threshold)
    return sum(strangers) / len(strangers), 1 - sum(mated) / len(mated)


def test_the_rates_are_those_of_counting_every_pair() -> None:
    vectors, people = faces(people=25, each=3)
    curve = calibration.measure(vectors, people)
    assert curve.odd_ones == 0
    for at in (20, 60, 100, 130):
        fmr, fnmr = brute_force(vectors, people, float(GRID[at]))
        assert curve.overall.fmr[at] == pytest.approx(fmr, abs=2e-4)
        assert curve.overall.fnmr[at] == pytest.approx(fnmr, abs=1e-2)


def test_intervals_hold_the_rate_and_a_rate_of_nothing_is_bounded() -> None:
    curve = calibration.measure(*faces())
    rates = curve.overall
    for low, rate, high in zip(rates.fmr_low, rates.fmr, rates.fmr_high, strict=True):
        assert low <= rate + 1e-12
        assert rate <= high + 1e-12
    assert rates.fmr[0] == 0
    assert rates.fmr_high[0] == pytest.approx(3 / (2 * rates.non_mated))


def test_a_larger_gallery_needs_a_stricter_threshold() -> None:
    curve = calibration.measure(*faces(people=150, apart=0.045))
    small, large = curve.threshold_for(1_000, 10), curve.threshold_for(100_000, 10)
    assert small is not None
    assert large is not None
    assert large < small
    at = int(np.flatnonzero(np.isclose(GRID, large))[0])
    assert curve.worst_fmr()[at] * 100_000 <= 10


def test_when_too_few_pairs_were_seen_no_threshold_is_promised() -> None:
    curve = calibration.measure(*faces(people=25, each=3))
    assert curve.threshold_for(3_000_000, 1) is None


def test_the_worst_group_decides() -> None:
    near, near_people = faces(people=60, apart=0.03, seed=2)
    far, far_people = faces(people=60, apart=0.07, seed=3)
    vectors = np.concatenate([near, far + 1])
    people = [f"n{name}" for name in near_people] + [f"f{name}" for name in far_people]
    sex = ["f"] * len(near) + ["m"] * len(far)
    curve = calibration.measure(vectors, people, {"sex": sex})
    assert set(curve.groups) == {"sex=f", "sex=m"}
    at = int(np.flatnonzero(np.isclose(GRID, 0.45))[0])
    assert curve.worst_fmr()[at] == curve.groups["sex=f"].fmr_high[at] > curve.overall.fmr_high[at]
    chosen = curve.threshold_for(10_000, 50)
    alone = calibration.measure(vectors, people).threshold_for(10_000, 50)
    assert chosen is not None
    assert alone is not None
    assert chosen < alone


def test_a_friend_in_an_account_is_left_out_and_counted() -> None:
    vectors, people = faces(people=40, each=4)
    stranger = faces(people=1, each=1, seed=99)[0]
    vectors[0] = stranger[0]
    curve = calibration.measure(vectors, people)
    assert curve.odd_ones == 1
    assert curve.overall.fnmr[100] < 0.01


def test_too_few_accounts_are_named() -> None:
    with pytest.raises(BadInput, match="at least 20 accounts"):
        calibration.measure(*faces(people=5))
    with pytest.raises(BadInput, match="pairs of photographs"):
        calibration.measure(*faces(people=40, each=1))


def test_a_curve_is_kept_and_read_back() -> None:
    curve = calibration.measure(*faces(), {"place": ["here", "there"] * 120})
    kept = json.loads(json.dumps(calibration.as_json(curve)))
    assert calibration.from_json(kept) == curve
    with pytest.raises(BadInput, match="Calibrate again"):
        calibration.from_json({**kept, "grid": [0.1]})

"""What is known besides one face against one face finds more, and does not chain from one person to the next."""

from __future__ import annotations

import numpy as np
import pytest

from portal.matching.fusion import Asked, Held, Scores, fuse, wide
from tests.fakes import template_of

CUSTOMARY = 0.6
NOBODY = np.zeros((0, 128), np.float32)


def at(*people: float) -> np.ndarray:
    return np.stack([template_of(person) for person in people])


def scored(
    probes: np.ndarray,
    faces: np.ndarray,
    accounts: list[str | None],
    confirmed: np.ndarray = NOBODY,
    limit: float = 0.5,
) -> Scores:
    return fuse(Asked(probes, confirmed), Held(faces, accounts, np.zeros(len(faces))), limit, CUSTOMARY)


def noisy(person: float, count: int, spread: float = 0.03, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, spread, (count, 128)).astype(np.float32)
    return template_of(person) + noise


def test_a_face_by_itself_has_its_distance() -> None:
    scores = scored(at(3), at(3, 3.15, 9), [None, None, None])
    plain = np.linalg.norm(at(3).astype(float) - at(3, 3.15, 9), axis=1)
    assert scores.alone == pytest.approx(plain, abs=1e-6)
    assert np.isinf(scores.fused).all()
    assert np.isinf(scores.hop).all()
    assert scores.evidence(0.5) == [{"face"}, {"face"}, set()]


def test_the_mean_of_several_probes_is_nearer_than_each() -> None:
    face = noisy(3, 1, seed=5)
    alone = scored(noisy(3, 1), face, [None]).alone[0]
    assert scored(noisy(3, 6), face, [None]).alone[0] < alone


def test_the_account_brings_in_a_face_that_is_too_far_by_itself() -> None:
    own = noisy(3, 6)
    own[5] = noisy(3, 1, spread=0.035, seed=9)[0]
    probe = noisy(3, 1, seed=2)
    without = scored(probe, own, [None] * 6)
    together = scored(probe, own, ["anna"] * 6)
    assert together.fused[5] < without.alone[5]


def test_the_odd_one_out_of_an_account_stays_by_itself() -> None:
    own = np.concatenate([noisy(3, 5, 0.02), noisy(15, 1, 0.02)])
    scores = scored(noisy(3, 1, 0.02, seed=2), own, ["anna"] * 6)
    assert (scores.best()[:5] <= 0.5).all()
    assert np.isinf(scores.fused[5])
    assert scores.alone[5] > 0.9


def test_an_account_of_somebody_else_brings_nothing_in() -> None:
    assert (scored(at(3), noisy(15, 6), ["ben"] * 6).best() > 0.9).all()


def test_what_was_confirmed_finds_what_the_probe_alone_does_not() -> None:
    probe, confirmed = at(3), noisy(3.13, 3, 0.01)
    later = at(3.2)
    assert scored(probe, later, [None]).best()[0] > 0.5
    found = scored(probe, later, [None], confirmed)
    assert found.hop[0] <= 0.5
    assert found.evidence(0.5) == [{"second-hop"}]


def test_a_confirmed_sibling_does_not_lead_to_the_sibling_s_photographs() -> None:
    """Twice guarded: a confirmed face far from the probe is not searched with, and nothing far from it is found."""
    sibling = at(3.4)
    apart = float(np.linalg.norm(sibling - at(3)))
    assert apart > wide(0.5, CUSTOMARY)
    assert np.isinf(scored(at(3), at(3.45), [None], sibling).hop).all()
    near_and_far = scored(at(3), at(3.1, 3.45), [None, None], at(3.2))
    assert np.isfinite(near_and_far.hop[0])
    assert np.isinf(near_and_far.hop[1])


def test_faces_of_the_fallback_detector_must_be_nearer() -> None:
    held = Held(at(3.1, 3.1), [None, None], np.array([0.0, 0.2]))
    scores = fuse(Asked(at(3), NOBODY), held, 0.5, CUSTOMARY)
    assert scores.alone[1] == pytest.approx(scores.alone[0] + 0.2)

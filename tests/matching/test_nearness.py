"""One pass finds what the plain formula finds: every row within the threshold, whatever the shapes and sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.matching import nearness
from portal.matching.nearness import within
from portal.matching.shared import Rows


def some_vectors(count: int, seed: int, dimensions: int = 128, length: float = 0.68) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (drawn * length / np.sqrt(dimensions)).astype(np.float32)


def rows_of(vectors: np.ndarray) -> Rows:
    rows = Rows(None, vectors.shape[1])
    rows.put(np.arange(1, len(vectors) + 1), vectors)
    return rows


def plain(vectors: np.ndarray, probes: np.ndarray, threshold: float) -> dict[int, float]:
    """The loop that anybody would write first."""
    found = {}
    for row, vector in enumerate(vectors.astype(np.float64)):
        nearest = min((float(np.linalg.norm(vector - probe)) for probe in probes.astype(np.float64)), default=np.inf)
        if nearest <= threshold:
            found[row] = nearest
    return found


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 300), probes=st.sampled_from([1, 2, 5, 70]), dimensions=st.sampled_from([1, 2, 127, 128, 130]),
    threshold=st.floats(0, 2), length=st.sampled_from([0.01, 1.0, 30.0]),
)  # fmt: skip
def test_everything_within_the_threshold_is_found(
    count: int, probes: int, dimensions: int, threshold: float, length: float
) -> None:
    held = some_vectors(count, 1, dimensions, length)
    asked = some_vectors(probes, 2, dimensions, length)
    near = within(rows_of(held).table[:count], dimensions, asked, threshold * length)
    expected = plain(held, asked, threshold * length)
    assert dict(zip(near.rows.tolist(), near.distances.tolist(), strict=True)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("probes", [1, 7])
def test_a_row_exactly_at_the_threshold_is_found_and_the_next_is_not(probes: int) -> None:
    """Float32 cannot tell these apart: what is near the bar is measured again."""
    asked = some_vectors(probes, 3, length=1.4)
    held = np.repeat(asked[:1], 2001, axis=0)
    held[:, 0] += np.float32(0.6) + np.arange(-1000, 1001, dtype=np.float32) * np.float32(2**-23)
    distances = np.linalg.norm(held.astype(np.float64) - asked[0].astype(np.float64), axis=1)
    threshold = float(distances[1000])
    near = within(rows_of(held).table[:2001], 128, asked, threshold)
    assert set(near.rows.tolist()) == set(np.flatnonzero(distances <= threshold).tolist())
    assert 0 < len(near.rows) < 2001


def test_the_probe_a_face_is_nearest_to_is_named() -> None:
    held = some_vectors(50, 4)
    near = within(rows_of(held).table[:50], 128, held[[30, 10, 20]], 1e-6)
    assert dict(zip(near.rows.tolist(), near.probes.tolist(), strict=True)) == {30: 0, 10: 1, 20: 2}


@pytest.mark.parametrize("probes", [1, 3])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, probes: int) -> None:
    table, asked = rows_of(some_vectors(500, 5)).table[:500], some_vectors(probes, 6)
    whole = within(table, 128, asked, 0.95)
    monkeypatch.setattr(nearness, "ROWS", 7)
    monkeypatch.setattr(nearness, "IN_ONE_THREAD", 900)
    parts = within(table, 128, asked, 0.95)
    assert parts.rows.tolist() == whole.rows.tolist()
    assert parts.distances.tolist() == whole.distances.tolist()
    assert 0 < len(whole.rows) < 500

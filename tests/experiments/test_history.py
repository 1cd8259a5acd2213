"""The experiment with the log, small: all rewrites are found, and nothing that was changed is accepted."""

from __future__ import annotations

from tests.experiments import history


def test_rewrites_are_found_and_changed_proofs_refused() -> None:
    facts = history.measure(rewrites=60, mutations=400, seed=5)
    assert facts["ok"], facts
    assert all(facts["counts"][kind] == {"done": 12, "found": 12} for kind in history.REWRITES)

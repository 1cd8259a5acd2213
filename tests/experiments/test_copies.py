"""The experiment with copies, small: ten kinds are found and gone, and nobody else's photograph is touched."""

from __future__ import annotations

from tests.experiments import copies


def test_ten_kinds_of_copies_are_found_and_a_backup_is_declared() -> None:
    facts = copies.measure(photographs=1)
    assert facts["ok"], facts
    assert facts["counts"]["backup"] == "declared residual"

"""A hit looks like a miss to somebody who was not checked: the same bytes at each stage.

The times are compared by `python -m tests.experiments blind`, with many more requests than a test may send.
"""

from __future__ import annotations

from tests.experiments import blind


def test_a_hit_and_a_miss_give_the_same_page() -> None:
    result = blind.measure(submissions=8, seed=3)
    assert all(len(pages) == 1 for pages in result.pages.values())
    assert all(len(seconds) == 4 for seconds in result.seconds.values())


def test_the_measure_sees_a_difference() -> None:
    """An experiment that could not fail would say nothing."""
    result = blind.Result()
    for stage in blind.STAGES:
        result.pages[stage] = {"a page"}
        result.seconds[stage, True], result.seconds[stage, False] = [3.0, 4.0, 5.0], [1.0, 2.0, 2.5]
    assert result.auc(blind.STAGES[0]) == 1
    assert not result.is_kept()
    for stage in blind.STAGES:
        result.seconds[stage, True] = result.seconds[stage, False] = [1.0, 2.0, 3.0]
    assert result.auc(blind.STAGES[0]) == 0.5
    assert result.is_kept()
    result.pages[blind.STAGES[1]].add("another page")
    assert not result.is_kept()

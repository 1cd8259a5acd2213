"""The experiment of orders, small: plan, erasing and checking in processes of their own, the statement in another."""

from __future__ import annotations

from tests.experiments import order, order_kill


def test_an_order_over_a_synthetic_store_leaves_nothing_and_is_certified() -> None:
    facts = order.measure(1500)
    assert facts["ok"], facts
    assert facts["counts"]["state"] == "settled"
    # Two chunks of 1,024: about 350 bytes each, beside the statement and the proof.
    assert facts["counts"]["certificate_kb"] < 8


def test_killed_at_random_instants_it_ends_once_with_nothing_lost_left_or_doubled() -> None:
    facts = order_kill.measure(kills=8, images=4000)
    assert facts["ok"], facts
    assert facts["counts"]["state"] == "settled"

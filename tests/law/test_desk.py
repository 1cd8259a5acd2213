"""The figures of `python -m tests.experiments desk`: every target that is missed is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.experiments.desk import Figures, Measured, missing_strings

GOOD = Figures(
    screens=90,
    axe_violations=0,
    strings_missing=0,
    rules_verified=24,
    rules_second_hand=136,
    rules_from_memory=16,
    vectors=15,
    vectors_passed=15,
    bodies_equal=True,
    timing_auc=0.5,
    cases=200,
    dates_wrong=0,
)


def test_when_all_is_right_the_targets_hold() -> None:
    assert Measured(GOOD, []).is_kept()


@pytest.mark.parametrize(
    "missed",
    [
        {"screens": 0},
        {"axe_violations": 1},
        {"strings_missing": 1},
        {"vectors_passed": 14},
        {"bodies_equal": False},
        {"timing_auc": 0.56},
        {"dates_wrong": 1},
    ],
    ids=str,
)
def test_a_missed_target_is_seen(missed: dict[str, float]) -> None:
    assert not Measured(replace(GOOD, **missed), []).is_kept()  # type: ignore[arg-type]


def test_a_case_that_ended_wrongly_is_seen() -> None:
    assert not Measured(GOOD, ["case 1: it ended as searching"]).is_kept()


def test_texts_of_all_languages_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.experiments.desk.translated", lambda: ["fr", "ar"])
    monkeypatch.setattr("tests.experiments.desk.problems", lambda _source, texts: [f"{texts.locale} lacks one"])
    assert missing_strings() == ["fr: fr lacks one", "ar: ar lacks one"]

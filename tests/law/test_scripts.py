"""Scripted cases over all rules end as they may, every date right. `python -m tests.experiments desk` has 200."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.law import playing, scripts, staging
from tests.law.oracle import DAY

CASES = 36
SEED = 1


def test_scripted_cases_end_as_they_may_with_every_date_right() -> None:
    played = playing.play_all(scripts.write(CASES, SEED))
    assert played.wrong_dates == []
    assert played.wrong_ends == []
    assert (played.cases, played.endings) == (CASES, set(scripts.ENDINGS))
    assert played.dates > 6 * CASES


def test_every_rule_is_played_or_counted() -> None:
    known = {(rule.id, rule.version) for _place, rule in scripts.all_rules()}
    played = staging.Played()
    playing.count_other_clocks(played, SEED)
    assert played.wrong_dates == []
    wanted = {(rule.id, rule.version) for script in scripts.write(200, SEED) for rule in script.rules}
    assert known == wanted | played.rules


def test_a_wrong_date_and_a_wrong_end_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = scripts.write(1, SEED)
    script = replace(script, ending="nothing", extended=False)
    right = playing.with_later_versions

    def a_day_late(*asked: object) -> dict[str, date | None]:
        return {name: on and on + DAY for name, on in right(*asked).items()}  # type: ignore[arg-type]

    monkeypatch.setattr("tests.law.playing.with_later_versions", a_day_late)
    monkeypatch.setitem(playing.legal.ENDS, "nothing", {"fulfilled"})
    played = playing.play_all([script])
    assert any("the last day at receipt is" in line for line in played.wrong_dates)
    assert [line.rpartition(": ")[2] for line in played.wrong_ends] == ["its outcome is nothing-found"]

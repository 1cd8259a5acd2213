"""Who may act for others: the data is whole, and an opt-out is never confirmed by the person."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from portal.cases import law
from portal.cases.law.acting import FOLDER, ROLES, acting_by, acting_for, acting_rules
from portal.cases.law.reading import BadRule
from portal.errors import BadInput

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("role", ROLES)
def test_every_place_has_a_rule_for_every_role(role: str) -> None:
    bases = acting_for(role, "", TODAY).bases
    for place in ("", *(code for code, _name in law.residences())):
        rule = acting_for(role, place, TODAY)
        assert rule.role == role
        # The answers of a draft stay good when the place is changed.
        assert set(rule.bases) == set(bases)
        assert acting_by(rule.id, rule.version) is rule


def test_nobody_is_asked_to_confirm_an_opt_out() -> None:
    asked = {rule.id: rule.confirm for rule in acting_rules()}
    assert "deletion" in asked["agent.us-ca"]
    assert not [name for name, rights in asked.items() if "opt-out" in rights]


def test_a_power_of_attorney_in_california_is_enough() -> None:
    rule = acting_for("agent", "US-CA", TODAY)
    assert rule.asks_person("copy", "permission")
    assert not rule.asks_person("copy", "power-of-attorney")
    assert not rule.asks_person("opt-out", "permission")


def test_the_one_who_was_named_is_asked_for_papers_of_their_own() -> None:
    rule = acting_for("deceased", "EU", TODAY)
    assert [point.name for point in rule.points_for("executor")] == ["death", "executor", "our-choice"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('confirm = ["access", "copy", "deletion"]', 'confirm = ["opt-out"]', "never the opt-out"),
        ('points = ["permission",', 'points = ["permision",', "does not have"),
        ('id = "agent.eu"', 'id = "child.eu"', "must begin with"),
        ('answer_to = "person"', 'answer_to = "anybody"', "must be one of"),
        ('unasked = ["power-of-attorney"]', 'unasked = ["a nod"]', "some of the bases"),
        ("paper = true", "paper = false", "no paper at all"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = (FOLDER / "agent.toml").read_text()
    assert before in text
    (tmp_path / "agent.toml").write_text(text.replace(before, after))
    with pytest.raises(BadRule, match=said):
        acting_rules(tmp_path)


def test_a_folder_without_a_role_is_no_law(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text((FOLDER / "agent.toml").read_text())
    with pytest.raises(BadRule, match="role child"):
        acting_rules(tmp_path)


def test_there_is_no_rule_before_its_first_day() -> None:
    with pytest.raises(BadInput):
        acting_for("agent", "EU", date(2000, 1, 1))
    with pytest.raises(BadInput):
        acting_by("agent.eu", 9)

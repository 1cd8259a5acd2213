"""The rules as data: complete, in the right version, and never the union of what is disclosed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from portal.cases import law
from portal.cases.clocks import deadlines
from portal.cases.law import BadRule, rule_by, rules_for
from portal.cases.law.reading import IDENTITY, RIGHTS, read_place
from portal.cases.requester import identity
from portal.errors import BadInput

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("place", ["EU", "UK", "US-CA", ""])
def test_every_place_has_a_rule_for_every_right(place: str, right: str) -> None:
    rule = rules_for(place, right, TODAY)
    assert rule.right == right
    assert rule is rule_by(rule.id, rule.version)
    assert rule.sources
    assert str(rule.sources[0])


def test_people_can_choose_a_place_or_none() -> None:
    codes = [code for code, _name in law.residences()]
    assert {"EU", "UK", "US-CA", "US-WA", "CA", "CA-QC", "KR", "JP", ""} < set(codes)
    assert codes[-1] == ""
    # Nobody lives in a law about brokers, or in all of the United States.
    assert not {"US-CA-DB", "US-FED", "US-NYC"} & set(codes)


def test_who_lives_where_the_law_does_not_know_a_right_gets_the_strictest_rule() -> None:
    assert rules_for("JP", "access", TODAY).id == "strictest.access"
    assert rules_for("US-NV", "deletion", TODAY).id == "strictest.deletion"
    assert rules_for("US-NV", "opt-out", TODAY).id == "us-nv.opt-out"
    # Oklahoma's law begins with 2027.
    assert rules_for("US-OK", "access", date(2026, 12, 31)).id == "strictest.access"
    assert rules_for("US-OK", "access", date(2027, 1, 1)).id == "us-ok.access"


def test_the_rules_of_the_future_are_known_now() -> None:
    later = {each.id for place in law.places().values() for each in (*place.rules, *place.duties)
             if each.first_day > TODAY}  # fmt: skip
    assert {"us-ca-db.deletion", "us-de.access", "us-ok.access", "us-la.access", "us-al.access", "us-vt.access"} < later
    assert {"in.grievance", "eu.high-risk", "us-ca-db.audit"} < later
    assert {place.code for place, _duty in law.duties(date(2027, 12, 2))} >= {"IN", "EU", "US-IL"}
    assert "eu.high-risk" not in {duty.id for _place, duty in law.duties(TODAY)}


def test_what_counts_as_verified_was_read_and_all_else_says_so() -> None:
    for place in law.places().values():
        for each in (*place.rules, *place.duties):
            kinds = {source.kind for source in each.sources}
            assert kinds != {"memory"} or each.status == "from memory", each.id
            assert each.status != "from memory" or "memory" in kinds, each.id


def test_biometric_data_is_never_given_where_the_law_forbids_it() -> None:
    for place in ("US-CA", "US-MN", "US-CT", "US-MT"):
        for right in ("access", "copy"):
            assert rules_for(place, right, TODAY).disclose.template == "forbidden"
    # What is forbidden there is no duty elsewhere: nobody's rule is the union of all.
    assert rules_for("EU", "copy", TODAY).disclose.template == "described"
    assert rules_for("", "copy", TODAY).disclose.template == "described"


def test_no_template_is_ever_disclosed() -> None:
    ways = {rule.disclose.template for place in law.places().values() for rule in place.rules}
    assert ways == {"described", "forbidden"}


@pytest.mark.parametrize("place", ["EU", "UK", "US-CA", ""])
def test_access_asks_for_more_proof_than_deletion_and_deletion_than_opt_out(place: str) -> None:
    needed = [IDENTITY.index(rules_for(place, right, TODAY).identity) for right in ("opt-out", "deletion", "access")]
    assert needed == sorted(needed)
    assert needed[0] < needed[1]


def test_the_ladder_never_asks_for_an_identity_document() -> None:
    rules = [rule for place in law.places().values() for rule in place.rules]
    assert {rule.identity for rule in rules} == set(IDENTITY)
    assert all(rule.identity == "strong" for rule in rules if rule.right in {"access", "copy"})
    assert not [
        word for text in identity.LADDER.values() for word in ("passport", "ID card", "document") if word in text
    ]
    assert set(identity.LADDER) == set(IDENTITY)


def test_nobody_in_california_is_asked_to_prove_an_opt_out() -> None:
    assert rules_for("US-CA", "opt-out", TODAY).identity == "none"
    assert rules_for("US-CA", "opt-out", TODAY).pauses == ()


@pytest.mark.parametrize(
    ("place", "right", "on", "code"),
    [
        ("XX", "access", TODAY, "unknown-residence"),
        ("EU", "portability", TODAY, "unknown-right"),
        ("EU", "access", date(2018, 5, 24), "no-rule-yet"),
        ("EU", "correction", TODAY, "unknown-right"),
    ],
)
def test_what_has_no_rule_is_bad_input(place: str, right: str, on: date, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        rules_for(place, right, on)
    assert refused.value.code == code


def test_an_unknown_version_is_bad_input() -> None:
    with pytest.raises(BadInput):
        rule_by("eu.access", 99)


def test_the_day_decides_on_the_version() -> None:
    assert rules_for("UK", "access", date(2026, 2, 4)).version == 1
    assert rules_for("UK", "access", date(2026, 2, 5)).version == 2


RULE = """
[[rule]]
id = "here.{right}"
version = {version}
right = "{right}"
title = "A right"
first_day = {first}
{last}
identity = "contact"
why_identity = "Because."
respond = {{ n = {n}, unit = "cd" }}
disclose = {{ template = "described", recipients = "named" }}
authority = "Somebody"
status = "verified"
sources = [{{ cite = "A law", kind = "memory" }}]
"""


def a_place(**changed: str) -> str:
    """A file with two versions of access: 45 days, and 30 from 1 January 2027."""
    text = 'code = "HERE"\nname = "Here"\n'
    text += RULE.format(right="access", version=1, first="2020-01-01", last="last_day = 2026-12-31", n=45)
    text += RULE.format(right="access", version=2, first="2027-01-01", last="", n=30)
    for right in RIGHTS[1:]:
        text += RULE.format(right=right, version=1, first="2020-01-01", last="", n=45)
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this place's law counts."""
    (tmp_path / "here.toml").write_text(a_place())
    (tmp_path / "nowhere.toml").write_text(
        a_place().replace('code = "HERE"', 'code = ""').replace('"here.', '"nowhere.')
    )
    places = law.places(tmp_path)
    monkeypatch.setattr(law, "places", lambda: places)


@pytest.mark.usefixtures("here")
def test_a_stricter_version_that_begins_before_the_due_day_wins() -> None:
    received = date(2026, 12, 1)
    rule = rules_for("HERE", "access", received)
    assert rule.version == 1
    # 45 days would be 15 January; 30 days, as it is from 1 January, is 31 December.
    assert deadlines.clock_for(rule, received, "").due_on == date(2026, 12, 31)
    # Due before the new version begins: it does not count.
    assert deadlines.clock_for(rule, date(2026, 11, 1), "").due_on == date(2026, 12, 16)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('code = "HERE"', "", "code is missing"),
        ('name = "Here"', 'name = " "', "name is empty"),
        ('name = "Here"', "name = 3", "name must be a str"),
        ('name = "Here"', 'name = "Here"\nmane = "Here"', "mane is not a field"),
        ('id = "here.access"', 'id = "there.access"', "id must be one of here.access"),
        ('right = "access"', 'right = "acess"', "right must be one of"),
        ("version = 2", "version = 3", "version 2 is missing"),
        ("version = 2", "version = 1", "version 2 is missing"),
        ("version = 2", "version = 0", "version must be at least 1"),
        ("version = 2", "version = true", "version must be a int"),
        ("first_day = 2027-01-01", "first_day = 2027-01-02", "must begin the day after"),
        ("first_day = 2027-01-01", "first_day = 2027-01-01T00:00:00", "first_day must be a date"),
        ("last_day = 2026-12-31", "", "must begin the day after"),
        ('unit = "cd"', 'unit = "days"', "respond: unit must be one of"),
        ('unit = "cd"', 'unit = "cd", aim = { n = 1 }', "respond, aim: unit is missing"),
        ('identity = "contact"', 'identity = "passport"', "identity must be one of"),
        ('template = "described"', 'template = "given"', "template must be one of described, forbidden"),
        ('recipients = "named"', 'recipients = "named", must = [""]', "must must be a list of sentences"),
        ('authority = "Somebody"', 'authority = "Somebody"\nnotice = { n = 1, unit = "cm" }', "notice is about"),
        ('authority = "Somebody"', 'authority = "Somebody"\nappeal = { status = "verified" }', "has no clock"),
        ('id = "here.access"', 'rights = ["access"]', "rights must be a list"),
        ('status = "verified"', 'status = "sure"', "status must be one of"),
        ('sources = [{ cite = "A law", kind = "memory" }]', "sources = []", "sources must be a list of tables"),
        ('kind = "memory"', 'kind = "primary"', "seen_on is given where"),
        (
            'title = "A right"',
            'title = "A right"\npauses = [{ cause = "holiday", effect = "restart" }]',
            "cause must be",
        ),
        ("[[rule]]", "[[rule]", "cannot be read"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "here.toml"
    path.write_text(a_place(**{old: new}))
    with pytest.raises(BadRule) as refused:
        read_place(path)
    assert named in refused.value.sentence
    assert "here.toml" in refused.value.sentence


def test_a_right_without_a_rule_for_people_of_no_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text(a_place())
    with pytest.raises(BadRule, match="no rule for access where nobody said"):
        law.places(tmp_path)


def test_a_place_without_rules_and_duties_is_refused(tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text('code = "HERE"\nname = "Here"\n')
    with pytest.raises(BadRule, match="no rule and no duty"):
        read_place(tmp_path / "here.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRule, match=r"gone\.toml"):
        read_place(tmp_path / "gone.toml")


def test_two_files_about_the_same_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text(a_place())
    (tmp_path / "there.toml").write_text(a_place().replace('"here.', '"there.'))
    with pytest.raises(BadRule, match="same place"):
        law.places(tmp_path)

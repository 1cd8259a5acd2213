"""A version of a rule that was in force is never edited: cases were counted by it, and its words stand in letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from portal.cases import law
from tests.house.law_versions import digest_of, landed, versions


def test_no_version_that_landed_was_edited_or_taken_away() -> None:
    now = versions()
    changed = [name for name, digest in landed().items() if now.get(name) != digest]
    assert changed == [], "give these a last_day, leave them as they were, and write the next version"


def test_every_version_is_noted() -> None:
    missing = sorted(set(versions()) - set(landed()))
    assert missing == [], "python -m tests.house.law_versions >> tests/house/law_versions.txt"


def test_what_a_version_says_counts_and_its_end_does_not() -> None:
    rule = law.rule_by("uk.access", 4)
    assert digest_of(replace(rule, last_day=date(2030, 1, 1))) == digest_of(rule)
    for edited in (
        replace(rule, fee=""),
        replace(rule, first_day=date(2026, 11, 22)),
        replace(rule, pauses=rule.pauses[:2]),
        replace(rule, respond=replace(rule.respond, n=2)),
        replace(rule, sources=rule.sources[1:]),
    ):
        assert digest_of(edited) != digest_of(rule)

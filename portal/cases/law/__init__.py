"""The law as data: one TOML file for each place, read once, checked, and never edited in place.

A rule that changes gets a new version with a new first day; the version that was in force when a request came in is
frozen on it. `status` says how far the text was checked. This is a table of dates and duties, not legal advice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from portal.cases.law.reading import RIGHTS, BadRule, read_place
from portal.cases.law.shapes import Appeal, Destroy, Disclose, Duty, Pause, Place, Rule, Source, Term
from portal.errors import BadInput
from portal.languages import gettext as _

__all__ = [
    "RIGHTS",
    "Appeal",
    "BadRule",
    "Destroy",
    "Disclose",
    "Duty",
    "Pause",
    "Place",
    "Rule",
    "Source",
    "Term",
    "duties",
    "places",
    "residences",
    "rule_by",
    "rules_for",
    "versions_after",
]

FOLDER = Path(__file__).parent


@functools.cache
def places(folder: Path = FOLDER) -> dict[str, Place]:
    """All places by code; "" is where nobody said where they live. Raises BadRule naming file and field."""
    read = [read_place(path) for path in sorted(folder.glob("*.toml"))]
    by_code = {place.code: place for place in read}
    if len(by_code) != len(read):
        raise BadRule("Two files are about the same place.")
    for right in RIGHTS:
        if "" not in by_code or right not in {rule.right for rule in by_code[""].rules}:
            raise BadRule(f"There is no rule for {right} where nobody said where they live.")
    return by_code


def residences() -> list[tuple[str, str]]:
    """Code and name of each place people can choose, by name; ("", ...) for unsaid comes last."""
    known = [(place.code, place.name) for place in places().values() if place.residence]
    return sorted(known, key=lambda place: (place[0] == "", place[1]))


def rules_for(residence: str, right: str, on: date) -> Rule:
    """The rule for a right of somebody who lives at `residence`, in the version in force on that day.

    With "" it is the rule with the strictest deadlines; so it is where the law of a place does not know the right, or
    not yet. Raises BadInput for a place, right or day without a rule.
    """
    place = places().get(residence)
    if place is None:
        raise BadInput(_("We do not know the law of this place. Choose another, or none."), "unknown-residence")
    if right not in RIGHTS:
        raise BadInput(_("This is not a right one can choose here."), "unknown-right")
    for rule in (*place.rules, *places()[""].rules):
        if rule.right == right and rule.in_force(on):
            return rule
    raise BadInput(f"No rule for this right was in force on {on.isoformat()}.", "no-rule-yet")


def rule_by(rule_id: str, version: int) -> Rule:
    """The rule with this id in this version, as frozen on a case. Raises BadInput when there is none."""
    for rule in _all():
        if (rule.id, rule.version) == (rule_id, version):
            return rule
    raise BadInput(f"There is no rule {rule_id} in version {version}.", "unknown-rule")


def versions_after(rule: Rule) -> list[Rule]:
    """Later versions of the same rule, in order."""
    return [other for other in _all() if other.id == rule.id and other.version > rule.version]


def duties(on: date) -> list[tuple[Place, Duty]]:
    """What the laws ask without a request on that day, with whose law it is."""
    return [(place, duty) for place in places().values() for duty in place.duties if duty.in_force(on)]


def _all() -> Iterable[Rule]:
    return (rule for place in places().values() for rule in place.rules)

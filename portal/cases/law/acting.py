"""Who may act for somebody else, as data: what gives the right to, what shows it, whom the answer goes to.

One file in `others/` for each role: somebody's agent, a child's parent, the family of somebody who died. A rule of a
place comes before the one for everywhere. Like the rules of rights they are versioned and say how far they were read.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from portal.cases.law.reading import RIGHTS, STATUS, BadRule, Fields, read_sources, read_toml
from portal.cases.law.shapes import Source
from portal.errors import BadInput

FOLDER = Path(__file__).parent / "others"
ROLES = ("agent", "child", "deceased")
# Whether a law gives the right there; where it does not, the organisation may still choose to do it.
GIVES = ("yes", "some", "no")
ANSWER_TO = ("requester", "person", "both")
# When a paper goes: with the judgement it was sent for, or with all else that was sent, after the case has ended.
KEEP = ("judged", "closed")


@dataclass(frozen=True)
class Point:
    """One thing a caseworker looks at. `paper`: something must be sent for it. Empty `bases`: for all of them."""

    name: str
    check: str
    paper: bool
    keep: str
    bases: tuple[str, ...]

    def is_for(self, basis: str) -> bool:
        return not self.bases or basis in self.bases


@dataclass(frozen=True)
class Acting:
    """One role at one place (empty: everywhere else), in one version.

    `confirm`: the rights for which the person may be asked directly, unless the basis is one of `unasked`. An opt-out
    is never among them. `answer_to`: who may read the answer.
    """

    id: str
    version: int
    role: str
    place: str
    title: str
    first_day: date
    last_day: date | None
    gives: str
    says: str
    bases: tuple[str, ...]
    confirm: tuple[str, ...]
    unasked: tuple[str, ...]
    answer_to: str
    points: tuple[Point, ...]
    status: str
    sources: tuple[Source, ...]

    def points_for(self, basis: str) -> list[Point]:
        return [point for point in self.points if point.is_for(basis)]

    def asks_person(self, right: str, basis: str) -> bool:
        """True when the person must have confirmed before this right is carried out for them."""
        return right in self.confirm and basis not in self.unasked


@functools.cache
def acting_rules(folder: Path = FOLDER) -> tuple[Acting, ...]:
    """All rules. Raises BadRule naming file and field."""
    rules = tuple(rule for path in sorted(folder.glob("*.toml")) for rule in _read(path))
    if len({(rule.id, rule.version) for rule in rules}) != len(rules):
        raise BadRule("Two rules about acting for others have one name and version.")
    for role in ROLES:
        if not any(rule.role == role and rule.place == "" for rule in rules):
            raise BadRule(f"There is no rule for the role {role} everywhere.")
    return rules


def acting_for(role: str, place: str, on: date) -> Acting:
    """The rule for a role where the person lives, in the version in force on that day. Raises BadInput."""
    for wanted in (place, ""):
        for rule in acting_rules():
            in_force = rule.first_day <= on and (rule.last_day is None or on <= rule.last_day)
            if (rule.role, rule.place) == (role, wanted) and in_force:
                return rule
    raise BadInput("Choose who this is for.", "bad-for-whom")


def acting_by(rule_id: str, version: int) -> Acting:
    """The rule as frozen on a case. Raises BadInput when there is none."""
    for rule in acting_rules():
        if (rule.id, rule.version) == (rule_id, version):
            return rule
    raise BadInput(f"There is no rule {rule_id} in version {version}.", "unknown-rule")


def _read(path: Path) -> list[Acting]:
    top = Fields(read_toml(path), path.name)
    points = {point.name: point for point in (_point(Fields(each, path.name)) for each in top.tables("point"))}
    rules = [_rule(Fields(each, path.name), path.stem, points) for each in top.tables("rule")]
    top.nothing_else()
    return rules


def _point(fields: Fields) -> Point:
    point = Point(
        name=fields.text("name"),
        check=fields.text("check"),
        paper=fields.take("paper", bool, False),
        keep=fields.choice("keep", KEEP, "closed"),
        bases=fields.sentences("bases"),
    )
    fields.nothing_else()
    return point


def _rule(fields: Fields, role: str, points: dict[str, Point]) -> Acting:
    fields.where = f"{fields.where}, {fields.peek('id', 'a rule without id')}"
    rule = Acting(
        id=fields.text("id"),
        version=fields.number("version"),
        role=role,
        place=fields.text("place", empty=True),
        title=fields.text("title"),
        first_day=fields.take("first_day", date),
        last_day=fields.take("last_day", date, None),
        gives=fields.choice("gives", GIVES),
        says=fields.text("says"),
        bases=fields.sentences("bases"),
        confirm=fields.sentences("confirm"),
        unasked=fields.sentences("unasked"),
        answer_to=fields.choice("answer_to", ANSWER_TO),
        points=_named(fields, points),
        status=fields.choice("status", STATUS),
        sources=read_sources(fields),
    )
    fields.nothing_else()
    _check(rule, fields)
    return rule


def _named(fields: Fields, points: dict[str, Point]) -> tuple[Point, ...]:
    names = fields.sentences("points")
    if not set(names) <= set(points):
        raise fields.wrong("points", "names one that the file does not have")
    return tuple(points[name] for name in names)


def _check(rule: Acting, fields: Fields) -> None:
    if not rule.id.startswith(f"{rule.role}.") or rule.role not in ROLES:
        raise fields.wrong("id", "must begin with the name of the file, which is a role")
    if not rule.bases or not rule.points:
        raise fields.wrong("bases", "and points must name something the file has")
    if not set(rule.confirm) <= set(RIGHTS) or "opt-out" in rule.confirm:
        raise fields.wrong("confirm", "may name rights, and never the opt-out")
    if not set(rule.unasked) <= set(rule.bases):
        raise fields.wrong("unasked", "must name some of the bases")
    for basis in rule.bases:
        if not any(point.paper for point in rule.points_for(basis)):
            raise fields.wrong("points", f"ask for no paper at all where the basis is {basis}")

"""What happens in each of many cases, drawn by chance over all rules: where, when, what is asked, and how it ends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from portal.cases import law
from portal.cases.clocks.deadlines import Waited
from portal.cases.law import Rule
from tests.law.oracle import DAY

# Where the organisation is: its place of holidays, and its zone. Days are counted there, instants are in UTC.
HOMES = {
    "": "UTC",
    "DE-BE": "Europe/Berlin",
    "US": "America/Los_Angeles",
    "GB-ENG": "Europe/London",
    "FR": "Asia/Tokyo",
}
# Shortly before and after midnight the date in UTC is another one.
HOURS = (time(0, 5), time(9, 30), time(17, 45), time(23, 55))
ENDINGS = (
    "granted",
    "nothing",
    "refused",
    "appeal-kept",
    "appeal-changed",
    "withdrawn",
    "unverified",
    "silent",
    "reopened",
)
FIRST, LAST = date(2024, 1, 1), date(2030, 12, 31)


@dataclass(frozen=True)
class Script:
    """One case. `stop` is the state in which it is taken back; `extended`: more time is taken where the rule has it.
    `waited`: what the person is asked, one question after the other."""

    number: int
    place: str
    rules: tuple[Rule, ...]
    received: date
    hour: time
    home: str
    ending: str
    stop: str
    extended: bool
    waited: tuple[Waited, ...]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(HOMES[self.home])

    def at(self, day: date, hour: time | None = None) -> datetime:
        """An instant of a civil day where the organisation is."""
        return datetime.combine(day, hour or self.hour, self.zone)

    @property
    def is_checked(self) -> bool:
        """True when a rule asks for more than the contact that everybody here has confirmed."""
        return any(rule.identity in {"challenge", "strong"} for rule in self.rules)

    def __str__(self) -> str:
        named = " and ".join(f"{rule.id} version {rule.version}" for rule in self.rules)
        return f"case {self.number}, {named}, received on {self.received} at {self.home or 'no place'}, {self.ending}"


def all_rules() -> list[tuple[str, Rule]]:
    """Every version of every rule, with the code of its place."""
    return [(place.code, rule) for place in law.places().values() for rule in place.rules]


def can_open_a_case(place: str, rule: Rule) -> bool:
    """True when people can choose its place and its right, and there is a day on which it is the rule for that."""
    day = days_of(rule)[0]
    chosen = law.places()[place].residence and rule.right in law.RIGHTS
    return chosen and rule.in_force(day) and law.rules_for(place, rule.right, day) is rule


def write(count: int, seed: int) -> list[Script]:
    """`count` scripts. The first ones go through all rules that can open a case, in an order drawn by chance."""
    chance = random.Random(seed)
    known = [(place, rule) for place, rule in all_rules() if can_open_a_case(place, rule)]
    order = chance.sample(known, len(known))
    return [_script(number, *order[number % len(order)], chance) for number in range(count)]


def _script(number: int, place: str, rule: Rule, chance: random.Random) -> Script:
    first, last = days_of(rule)
    received = first + chance.randint(0, (last - first).days) * DAY
    rules = (rule, *_other(place, rule, received, chance))
    checked = any(each.identity in {"challenge", "strong"} for each in rules)
    return Script(
        number,
        place,
        rules,
        received,
        chance.choice(HOURS),
        chance.choice(list(HOMES)),
        # In turn, so that a small number of cases has all of them.
        _possible(ENDINGS[number % len(ENDINGS)], rules, checked),
        chance.choice(
            ("identity-check", "searching", "reviewing", "deciding") if checked else ("searching", "deciding")
        ),
        chance.random() < 0.5,
        _waited(received, chance) if checked else (),
    )


def days_of(rule: Rule) -> tuple[date, date]:
    """The days on which a request may come in under a rule, within a few years."""
    return max(rule.first_day, FIRST if rule.last_day is None else rule.first_day), min(rule.last_day or LAST, LAST)


def _other(place: str, rule: Rule, received: date, chance: random.Random) -> list[Rule]:
    """Half of the people ask for a second thing."""
    if chance.random() < 0.5:
        return []
    return [law.rules_for(place, chance.choice([right for right in law.RIGHTS if right != rule.right]), received)]


def _possible(ending: str, rules: tuple[Rule, ...], checked: bool) -> str:
    """Nobody is asked who they are where that is not allowed; an appeal is made where the law knows one."""
    if ending in {"unverified", "silent"} and not checked:
        return "withdrawn"
    if ending in {"appeal-kept", "appeal-changed"} and rules[0].appeal is None:
        return "refused"
    return ending


def _waited(received: date, chance: random.Random) -> tuple[Waited, ...]:
    """Up to two questions in the first weeks, about who they are at most once."""
    asked, found = received, []
    for cause in chance.sample(("identity", "clarification", "clarification"), chance.choice((0, 0, 1, 2))):
        asked += chance.randint(0, 6) * DAY
        answered = asked + chance.randint(0, 6) * DAY
        found.append(Waited(cause, asked, answered))
        asked = answered
    return tuple(found)

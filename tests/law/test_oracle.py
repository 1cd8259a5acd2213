"""10,000 clocks of all rules against a slow oracle that knows no date arithmetic but "the next day"."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path

from portal.cases import law
from portal.cases.clocks.deadlines import appeal_clock, clock_for
from tests.law import oracle
from tests.law.oracle import DAY, PLACES, objected, questions, with_later_versions

CASES = 10_000


def test_the_oracle_has_the_rules_from_the_product_and_nothing_that_counts_days() -> None:
    source = Path(oracle.__file__).read_text()
    modules = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    taken = {alias.name for node in modules if (node.module or "").startswith("portal") for alias in node.names}
    assert taken == {"law", "Clock", "Waited", "Rule", "Term"}, "these hold data"
    assert set(re.findall(r"\blaw\.(\w+)", source.partition("DAY =")[2])) == {"places"}
    # Of the clock it takes the names of the days alone.
    assert set(re.findall(r"\bClock\.(\w+)", source)) == {"__dataclass_fields__"}


def test_ten_thousand_clocks_agree_with_the_oracle() -> None:
    chance = random.Random(20261120)
    rules = [rule for place in law.places().values() for rule in place.rules]
    paused = [rule for rule in rules if rule.pauses]
    # Every rule in turn, and for each second case one that pauses, since few do.
    for number in range(CASES):
        rule = rules[number // 2 % len(rules)] if number % 2 else chance.choice(paused)
        span = ((rule.last_day or rule.first_day + 2000 * DAY) - rule.first_day).days
        received = rule.first_day + chance.randint(0, span) * DAY
        home, waited = chance.choice(PLACES), questions(chance, received)
        found = clock_for(rule, received, home, waited)
        wanted = with_later_versions(rule, received, home, waited)
        assert vars(found) == wanted, (number, rule.id, rule.version, received, home, waited)
        objection = appeal_clock(rule, received, home)
        assert (tuple(vars(objection).values()) if objection else (None,) * 3) == objected(rule, received, home)

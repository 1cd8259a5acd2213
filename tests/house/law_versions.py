"""Digests of the versions of rules: `python -m tests.house.law_versions` prints the lines for new ones.

A digest is over all that a version says, in one spelling. Empty fields do not count, so that rules may learn a new
field; nor does the last day, which a version gets when another one follows it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from portal.cases import law
from portal.cases.law import Duty, Rule
from portal.cases.law.acting import Acting, acting_rules

LANDED = Path(__file__).with_name("law_versions.txt")


def versions() -> dict[str, str]:
    """The digest of each version there is, by its id and number."""
    return {name_of(each): digest_of(each) for each in _all()}


def landed() -> dict[str, str]:
    """The digest of each version that was in force, by its id and number."""
    return dict(reversed(line.split("  ", 1)) for line in LANDED.read_text().splitlines())


def name_of(each: Rule | Duty | Acting) -> str:
    return f"{each.id} {each.version}"


def digest_of(each: Rule | Duty | Acting) -> str:
    said = asdict(each)
    said.pop("last_day")
    return hashlib.sha256(json.dumps(_filled(said), sort_keys=True, default=_day).encode()).hexdigest()


def _all() -> Iterable[Rule | Duty | Acting]:
    for place in law.places().values():
        yield from place.rules
        yield from place.duties
    yield from acting_rules()


def _filled(value: Any) -> Any:
    """Without what is empty."""
    if isinstance(value, dict):
        return {name: _filled(one) for name, one in value.items() if one not in (None, "", (), [], {})}
    return [_filled(one) for one in value] if isinstance(value, list | tuple) else value


def _day(value: object) -> str:
    assert isinstance(value, date)
    return value.isoformat()


def main() -> None:
    known = landed()
    for name, digest in sorted(versions().items()):
        if name not in known:
            click.echo(f"{digest}  {name}")


if __name__ == "__main__":
    main()

"""Reading one place's file of rules: every field is checked, and what is wrong is named with file and rule."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from portal.errors import EffaceError

RIGHTS = ("access", "copy", "opt-out", "deletion")
# Calendar months, calendar days, business days, and business days with Saturdays among them.
UNITS = ("cm", "cd", "bd", "bd6")
IDENTITY = ("none", "contact", "checked")
RECIPIENTS = ("named", "categories")
STATUS = ("verified", "second-hand", "from memory")
CAUSES = ("identity", "clarification")
EFFECTS = ("restart", "exclude-both-days", "exclude-between")


class BadRule(EffaceError):
    """A file of rules cannot be used."""

    code = "bad-rule"


@dataclass(frozen=True)
class Term:
    """A length of time: `n` units from the day of receipt.

    `calendar` says whose holidays count: "place" the organisation's, "weekends" nobody's, else a code such as US.
    `roll`: a last day that is no working day moves to the next. `aim`: the day to aim at where the law can be read
    two ways.
    """

    n: int
    unit: str
    calendar: str = "place"
    roll: bool = False
    aim: Term | None = None


@dataclass(frozen=True)
class Pause:
    """What waiting for the person does to the clock. `effect` is one of EFFECTS."""

    cause: str
    effect: str


@dataclass(frozen=True)
class Source:
    """Where a rule was read, and when; nothing was read where `kind` is memory."""

    cite: str
    url: str
    seen_on: date | None
    kind: str

    def __str__(self) -> str:
        return f"{self.cite} ({self.url})" if self.url else self.cite


@dataclass(frozen=True)
class Rule:
    """One right at one place, in one version."""

    id: str
    version: int
    right: str
    title: str
    first_day: date
    last_day: date | None
    identity: str
    why_identity: str
    acknowledge: Term | None
    respond: Term
    extended: Term | None
    pauses: tuple[Pause, ...]
    template_disclosed: bool
    recipients: str
    authority: str
    status: str
    sources: tuple[Source, ...]

    def in_force(self, on: date) -> bool:
        return self.first_day <= on and (self.last_day is None or on <= self.last_day)


@dataclass(frozen=True)
class Place:
    """Where people live, and the rules there in order of right and version."""

    code: str
    name: str
    rules: tuple[Rule, ...]


def read_place(path: Path) -> Place:
    """The rules in one file. Raises BadRule with a sentence that names file, rule and field."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadRule(f"{path.name} cannot be read: {problem}.") from problem
    top = _Fields(data, path.name)
    code, name = top.text("code", empty=True), top.text("name")
    rules = [_rule(_Fields(each, path.name), path.stem) for each in top.tables("rule")]
    top.nothing_else()
    rules.sort(key=lambda rule: (RIGHTS.index(rule.right), rule.version))
    for right in RIGHTS:
        _check_versions([rule for rule in rules if rule.right == right], path.name, right)
    return Place(code, name, tuple(rules))


class _Fields:
    """A table of the file; each field is taken once, and what is left over is a spelling mistake."""

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self._left = dict(data)
        self.where = where

    def wrong(self, name: str, what: str) -> BadRule:
        return BadRule(f"{self.where}: {name} {what}.")

    def take(self, name: str, kind: type, default: Any = ...) -> Any:
        value = self._left.pop(name, default)
        if value is ...:
            raise self.wrong(name, "is missing")
        # In Python a yes or no is also a number, and an instant also a day; not in a law.
        fits = isinstance(value, kind) and not isinstance(value, {int: bool, date: datetime}.get(kind, ()))
        if value is not None and not fits:
            raise self.wrong(name, f"must be a {kind.__name__}")
        return value

    def text(self, name: str, empty: bool = False) -> str:
        value: str = self.take(name, str)
        if not (value.strip() or empty):
            raise self.wrong(name, "is empty")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise self.wrong(name, f"must be one of {', '.join(choices)}, not {value}")
        return value

    def number(self, name: str) -> int:
        value: int = self.take(name, int)
        if value < 1:
            raise self.wrong(name, "must be at least 1")
        return value

    def tables(self, name: str, optional: bool = False) -> list[dict[str, Any]]:
        value: list[Any] = self.take(name, list, [] if optional else ...)
        if not all(isinstance(each, dict) for each in value) or not (value or optional):
            raise self.wrong(name, "must be a list of tables")
        return value

    def nothing_else(self) -> None:
        for name in self._left:
            raise self.wrong(name, "is not a field")


def _rule(fields: _Fields, stem: str) -> Rule:
    fields.where = f"{fields.where}, {fields._left.get('id', 'a rule without id')}"
    right = fields.choice("right", RIGHTS)
    rule = Rule(
        id=fields.choice("id", (f"{stem}.{right}",)),
        version=fields.number("version"),
        right=right,
        title=fields.text("title"),
        first_day=fields.take("first_day", date),
        last_day=fields.take("last_day", date, None),
        identity=fields.choice("identity", IDENTITY),
        why_identity=fields.text("why_identity"),
        acknowledge=_optional(fields, "acknowledge", _term),
        respond=_term(_Fields(fields.take("respond", dict), f"{fields.where}, respond")),
        extended=_optional(fields, "extended", _term),
        pauses=tuple(_pause(_Fields(each, fields.where)) for each in fields.tables("pauses", optional=True)),
        template_disclosed=fields.take("template_disclosed", bool),
        recipients=fields.choice("recipients", RECIPIENTS),
        authority=fields.text("authority"),
        status=fields.choice("status", STATUS),
        sources=tuple(_source(_Fields(each, fields.where)) for each in fields.tables("sources")),
    )
    fields.nothing_else()
    return rule


def _optional(fields: _Fields, name: str, read: Callable[[_Fields], Term]) -> Term | None:
    value = fields.take(name, dict, None)
    return None if value is None else read(_Fields(value, f"{fields.where}, {name}"))


def _term(fields: _Fields) -> Term:
    term = Term(
        n=fields.number("n"),
        unit=fields.choice("unit", UNITS),
        calendar=fields.take("calendar", str, "place"),
        roll=fields.take("roll", bool, False),
        aim=_optional(fields, "aim", _term),
    )
    fields.nothing_else()
    return term


def _pause(fields: _Fields) -> Pause:
    pause = Pause(fields.choice("cause", CAUSES), fields.choice("effect", EFFECTS))
    fields.nothing_else()
    return pause


def _source(fields: _Fields) -> Source:
    source = Source(
        fields.text("cite"),
        fields.take("url", str, ""),
        fields.take("seen_on", date, None),
        fields.choice("kind", ("primary", "secondary", "memory")),
    )
    if (source.seen_on is None) != (source.kind == "memory"):
        raise fields.wrong("seen_on", "is given where a source was read, and only there")
    fields.nothing_else()
    return source


def _check_versions(versions: list[Rule], file: str, right: str) -> None:
    """Versions count up from 1, and each begins the day after the one before it ends."""
    if not versions:
        raise BadRule(f"{file}: there is no rule for {right}.")
    for number, rule in enumerate(versions, 1):
        if rule.version != number:
            raise BadRule(f"{file}, {rule.id}: version {number} is missing or there twice.")
    for earlier, later in pairwise(versions):
        if earlier.last_day is None or later.first_day != earlier.last_day + timedelta(days=1):
            raise BadRule(
                f"{file}, {later.id}: version {later.version} must begin the day after version {earlier.version} ends."
            )

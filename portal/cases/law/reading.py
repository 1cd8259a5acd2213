"""Reading one place's file of rules: every field is checked, and what is wrong is named with file and rule."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from portal.cases.law.shapes import Appeal, Destroy, Disclose, Duty, Pause, Place, Rule, Source, Term
from portal.errors import EffaceError

# The rights that people can choose in the portal, and then those that the law also knows.
RIGHTS = ("access", "copy", "opt-out", "deletion")
ALL_RIGHTS = (
    *RIGHTS,
    "correction",
    "restriction",
    "portability",
    "human-decision",
    "limit",
    "de-indexing",
    "grievance",
)
# Calendar months, calendar days, business days, and business days with Saturdays among them.
UNITS = ("cm", "cd", "bd", "bd6")
# The ladder: nothing, a code to the contact, two new photographs with a code, and these with a second factor and a
# declaration. No rung asks for an identity document; where photographs are asked for, another way may be accepted.
IDENTITY = ("none", "contact", "challenge", "strong")
RECIPIENTS = ("named", "named-with-contact", "categories", "not-stated")
TEMPLATE = ("described", "forbidden")
# "perjury": the law asks for a declaration under penalty of perjury.
DECLARATIONS = ("plain", "perjury")
SCOPES = ("all", "provided", "collected-from-person", "provided-or-obtained")
# The first is the day on which the reason to keep something ended.
AFTER = ("purpose-ended", "last-contact", "found-unnecessary")
STATUS = ("verified", "second-hand", "from memory")
CAUSES = ("identity", "clarification", "fee")
EFFECTS = ("restart", "exclude-both-days", "exclude-between")


class BadRule(EffaceError):
    """A file of rules cannot be used."""

    code = "bad-rule"


def read_place(path: Path) -> Place:
    """The rules in one file. Raises BadRule with a sentence that names file, rule and field."""
    top = Fields(read_toml(path), path.name)
    code, name = top.text("code", empty=True), top.text("name")
    residence = top.take("residence", bool, True)
    tables = [one for each in top.tables("rule", optional=True) for one in _of_each_right(each, path)]
    rules = [_rule(Fields(each, path.name), path.stem) for each in tables]
    duties = [_duty(Fields(each, path.name), path.stem) for each in top.tables("duty", optional=True)]
    top.nothing_else()
    if not (rules or duties):
        raise BadRule(f"{path.name}: there is no rule and no duty.")
    rules.sort(key=lambda rule: (ALL_RIGHTS.index(rule.right), rule.version))
    duties.sort(key=lambda duty: (duty.id, duty.version))
    everything: list[Rule | Duty] = [*rules, *duties]
    for each_id in {each.id for each in everything}:
        _check_versions([each for each in everything if each.id == each_id], path.name)
    return Place(code, name, residence, tuple(rules), tuple(duties))


def read_toml(path: Path) -> dict[str, Any]:
    """What a file says. Raises BadRule when it is no TOML."""
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadRule(f"{path.name} cannot be read: {problem}.") from problem


def _of_each_right(table: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """One table for each right: a law that treats several alike is written once, with `rights` for id and right."""
    if "rights" not in table:
        return [table]
    rights = table["rights"]
    if not isinstance(rights, list) or not rights or {"right", "id"} & set(table):
        raise BadRule(f"{path.name}: rights must be a list, and stand without id and right.")
    rest = {name: value for name, value in table.items() if name != "rights"}
    return [rest | {"id": f"{path.stem}.{right}", "right": right} for right in rights]


class Fields:
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

    def has(self, name: str) -> bool:
        return name in self._left

    def peek(self, name: str, otherwise: str) -> Any:
        return self._left.get(name, otherwise)

    def table(self, name: str) -> Fields:
        return Fields(self.take(name, dict), f"{self.where}, {name}")

    def sentences(self, name: str) -> tuple[str, ...]:
        value: list[Any] = self.take(name, list, [])
        if not all(isinstance(each, str) and each.strip() for each in value):
            raise self.wrong(name, "must be a list of sentences")
        return tuple(value)

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        if default is not None and not self.has(name):
            return default
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


def _rule(fields: Fields, stem: str) -> Rule:
    fields.where = f"{fields.where}, {fields.peek('id', 'a rule without id')}"
    right = fields.choice("right", ALL_RIGHTS)
    rule = Rule(
        id=fields.choice("id", (f"{stem}.{right}",)),
        version=fields.number("version"),
        right=right,
        title=fields.text("title"),
        first_day=fields.take("first_day", date),
        last_day=fields.take("last_day", date, None),
        identity=fields.choice("identity", IDENTITY),
        why_identity=fields.text("why_identity"),
        acknowledge=_term_or_none(fields, "acknowledge"),
        respond=_term(fields.table("respond")),
        extended=_term_or_none(fields, "extended"),
        notice=_term_or_none(fields, "notice"),
        cap=_term_or_none(fields, "cap"),
        backups=_term_or_none(fields, "backups"),
        pauses=tuple(_pause(Fields(each, fields.where)) for each in fields.tables("pauses", optional=True)),
        appeal=_appeal(fields.table("appeal")) if fields.has("appeal") else None,
        scope=fields.choice("scope", SCOPES, "all"),
        declaration=fields.choice("declaration", DECLARATIONS, "plain"),
        disclose=_disclose(fields.table("disclose")),
        downstream=fields.take("downstream", str, ""),
        hold=fields.take("hold", str, ""),
        fee=fields.take("fee", str, ""),
        change=fields.take("change", str, ""),
        authority=fields.text("authority"),
        status=fields.choice("status", STATUS),
        sources=read_sources(fields),
    )
    fields.nothing_else()
    if rule.extended is None and rule.notice is not None:
        raise fields.wrong("notice", "is about an extension, and there is none")
    if rule.change and rule.version == 1:
        raise fields.wrong("change", "is about the version before, and there is none")
    if not rule.fee and any(pause.cause == "fee" for pause in rule.pauses):
        raise fields.wrong("pauses", "waits for a fee, and none may be asked for")
    return rule


def _duty(fields: Fields, stem: str) -> Duty:
    fields.where = f"{fields.where}, {fields.peek('id', 'a duty without id')}"
    duty = Duty(
        id=fields.text("id"),
        version=fields.number("version"),
        title=fields.text("title"),
        first_day=fields.take("first_day", date),
        last_day=fields.take("last_day", date, None),
        says=fields.text("says"),
        destroy=tuple(_destroy(Fields(each, fields.where)) for each in fields.tables("destroy", optional=True)),
        status=fields.choice("status", STATUS),
        sources=read_sources(fields),
    )
    fields.nothing_else()
    if not duty.id.startswith(f"{stem}.") or duty.id.removeprefix(f"{stem}.") in ALL_RIGHTS:
        raise fields.wrong("id", f"must begin with {stem}. and not end in a right")
    return duty


def _destroy(fields: Fields) -> Destroy:
    """Without a term the thing goes at once."""
    destroy = Destroy(fields.choice("after", AFTER), _term_or_none(fields, "term"))
    fields.nothing_else()
    return destroy


def _appeal(fields: Fields) -> Appeal:
    appeal = Appeal(
        status=fields.choice("status", STATUS),
        acknowledge=_term_or_none(fields, "acknowledge"),
        respond=_term_or_none(fields, "respond"),
        extended=_term_or_none(fields, "extended"),
    )
    fields.nothing_else()
    if appeal.acknowledge is None and appeal.respond is None:
        raise fields.wrong("appeal", "has no clock")
    return appeal


def _disclose(fields: Fields) -> Disclose:
    disclose = Disclose(
        template=fields.choice("template", TEMPLATE),
        recipients=fields.choice("recipients", RECIPIENTS),
        must=fields.sentences("must"),
        must_not=fields.sentences("must_not"),
    )
    fields.nothing_else()
    return disclose


def _term_or_none(fields: Fields, name: str) -> Term | None:
    return _term(fields.table(name)) if fields.has(name) else None


def _term(fields: Fields) -> Term:
    term = Term(
        n=fields.number("n"),
        unit=fields.choice("unit", UNITS),
        calendar=fields.take("calendar", str, "place"),
        roll=fields.take("roll", bool, False),
        aim=_term_or_none(fields, "aim"),
    )
    fields.nothing_else()
    return term


def read_sources(fields: Fields) -> tuple[Source, ...]:
    """Where a rule was read."""
    return tuple(_source(Fields(each, fields.where)) for each in fields.tables("sources"))


def _pause(fields: Fields) -> Pause:
    pause = Pause(fields.choice("cause", CAUSES), fields.choice("effect", EFFECTS))
    fields.nothing_else()
    return pause


def _source(fields: Fields) -> Source:
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


def _check_versions(versions: list[Rule | Duty], file: str) -> None:
    """Versions count up from 1, and each begins the day after the one before it ends."""
    for number, each in enumerate(versions, 1):
        if each.version != number:
            raise BadRule(f"{file}, {each.id}: version {number} is missing or there twice.")
    for earlier, later in pairwise(versions):
        if earlier.last_day is None or later.first_day != earlier.last_day + timedelta(days=1):
            raise BadRule(
                f"{file}, {later.id}: version {later.version} must begin the day after version {earlier.version} ends."
            )

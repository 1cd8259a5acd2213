"""Opening YAML and JSON of other systems: small, plain, and nothing in it is ever run.

YAML is read with the safe loader alone, and without anchors: a few lines of those can stand for gigabytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

import yaml

from portal.errors import BadInput, TooLarge
from portal.lineage.importing.facts import shown

LARGEST = 20 * 1024 * 1024
LARGEST_LINE = 2 * 1024 * 1024
DEEPEST = 60
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path) -> str:
    """A whole small file. Raises BadInput, TooLarge."""
    if not path.is_file() or path.is_symlink():
        raise BadInput(f"{shown(path.name)} is not a file. Links are not followed.")
    if path.stat().st_size > LARGEST:
        raise TooLarge(f"{shown(path.name)} has more than {LARGEST // 1024**2} MB. Such a file is not lineage.")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"{shown(path.name)} is not UTF-8 (byte {problem.start + 1}). Is it a text file?") from problem


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file with names at its top. Raises BadInput naming the line."""
    text = read_text(path)
    try:
        _refuse_anchors_and_depth(path, text)
        found = yaml.load(text, Loader=LOADER)  # noqa: S506  # it is the safe loader
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise BadInput(
            f"{shown(path.name)}, line {line}: this is not YAML ({shown(str(problem.problem))})."
        ) from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise BadInput(f"{shown(path.name)} is not YAML that can be read ({shown(str(problem))}).") from problem
    return as_object(found, path.name)


def _refuse_anchors_and_depth(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            line = event.start_mark.line + 1
            raise BadInput(f"{shown(path.name)}, line {line}: anchors and aliases (& and *) are not taken.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadInput(f"{shown(path.name)}, line {event.start_mark.line + 1}: nested more than {DEEPEST} deep.")


def read_json(path: Path) -> Any:
    """A JSON file. Raises BadInput naming the line."""
    return _json(read_text(path), path.name, 1)


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(number of the line, what it says) of each line that is not blank, read as it is asked for."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LARGEST_LINE + 1):
            number += 1
            if len(line) > LARGEST_LINE:
                raise TooLarge(f"{shown(path.name)}, line {number}: longer than {LARGEST_LINE // 1024**2} MB.")
            if line.strip():
                yield number, _json(_decoded(path, number, line.rstrip(b"\r\n")), path.name, number)


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"{shown(path.name)}, line {number}: this is not UTF-8.") from problem


def _json(text: str, name: str, first_line: int) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as problem:
        line = first_line + problem.lineno - 1
        raise BadInput(f"{shown(name)}, line {line}: this is not JSON ({problem.msg}).") from problem
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{shown(name)}, line {first_line}: this is not JSON ({shown(str(problem))}).") from problem


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a value")


def as_object(found: Any, name: str) -> dict[str, Any]:
    """`found`, if it is an object whose names are texts. Raises BadInput."""
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found):
        raise BadInput(f"{shown(name)}: an object with names is expected here, not {type(found).__name__}.")
    return found


def objects_in(found: Any, name: str) -> list[dict[str, Any]]:
    """The objects of a list, of one object alone, or none. Raises BadInput."""
    if found is None:
        return []
    return [as_object(one, name) for one in (found if isinstance(found, list) else [found])]


def text_in(found: dict[str, Any], field: str, name: str, needed: bool = False) -> str:
    """A text, or "" where it is missing. Raises BadInput where it is no text, or missing and `needed`."""
    value = found.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise BadInput(f"{shown(name)}: the field {field!r} is missing or is not a text.")
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadInput(f"{shown(name)}: the field {field!r} has a zero byte or half a character in it.")
    return value.strip()


def day_of_text(value: str, name: str) -> date:
    """The day of an ISO 8601 instant, in UTC. Raises BadInput."""
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as problem:
        raise BadInput(f"{shown(name)}: {shown(value)!r} is not a day or an instant of ISO 8601.") from problem
    return instant.astimezone(UTC).date() if instant.tzinfo else instant.date()


def day_of_milliseconds(value: Any, name: str) -> date:
    """The day of an instant in milliseconds since 1970, in UTC. Raises BadInput."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{shown(name)}: {shown(str(value))} is not an instant in milliseconds.")
    try:
        return datetime.fromtimestamp(value / 1000, UTC).date()
    except (ValueError, OverflowError, OSError) as problem:
        raise BadInput(f"{shown(name)}: {shown(str(value))} is not an instant in milliseconds.") from problem


def day_of_file(path: Path) -> date:
    """The day on which a file was last changed, in UTC: all there is where a format keeps no days."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()

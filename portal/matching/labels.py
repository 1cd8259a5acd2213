"""A labelled folder: photographs, and a CSV that says who is in them.

Columns: `path` (or `key`) within the folder, `person` (or `identity`), and where it is known `account`, by which it was
posted. Without a person the account stands for one. All other columns name groups, such as `sex`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from portal.errors import BadInput

PATHS = ("path", "key")
PEOPLE = ("person", "identity", "account")
MOST_NAMED = 5


@dataclass(frozen=True)
class Labelled:
    """One photograph: who is in it, and by which account it was posted, if that is said."""

    path: Path
    person: str
    account: str | None
    attributes: dict[str, str]


def read_labels(folder: Path, file: Path) -> list[Labelled]:
    """The labelled photographs. Raises BadInput naming the line, the column or the photographs that are wrong."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, strict=True)
            path, person = _column(reader, PATHS), _column(reader, PEOPLE)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise BadInput(f"The labels {file.name} cannot be read: {problem}.") from problem
    found = [_labelled(folder, line, row, path, person) for line, row in rows]
    missing = [str(one.path.relative_to(folder)) for one in found if not one.path.is_file()]
    if missing:
        some = ", ".join(missing[:MOST_NAMED])
        raise BadInput(f"The labels name {len(missing)} photographs that are not in {folder}: {some}.", "no-photograph")
    if not found:
        raise BadInput(f"The labels {file.name} name no photograph.")
    return found


def _column(reader: csv.DictReader[str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in (reader.fieldnames or ()):
            return name
    raise BadInput(f"The labels have no column called {' or '.join(names)}.", "no-column")


def _labelled(folder: Path, line: int, row: dict[str, str], path: str, person: str) -> Labelled:
    inside, who = (row.get(path) or "").strip(), (row.get(person) or "").strip()
    if not inside or not who:
        raise BadInput(f"Line {line} of the labels does not say which photograph or which person.", "line-incomplete")
    place = folder / inside
    if not place.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"Line {line} of the labels leads out of the folder.", "leads-out")
    more = {name: value for name, value in row.items() if name and value and name not in {path, person, "account"}}
    return Labelled(place, who, (row.get("account") or "").strip() or None, more)

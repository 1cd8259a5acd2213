"""Reading a manifest: every line is checked before the first one counts.

CSV: a header with `key`, then one line for each photograph. JSON Lines: one object on each line. `account`,
`source_url` and `taken_at` are known, every other column is kept as an attribute. Numbers are of lines, from 1.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from portal.errors import BadInput, BadManifest
from portal.stores import links

# A manifest is written in one transaction, and other writers wait for it: so many lines take a few seconds.
MOST_ROWS = 250_000
MOST_COLUMNS = 50
LONGEST = {"key": 2000, "account": 300, "source_url": links.LONGEST, "taken_at": 40}
LONGEST_ATTRIBUTE = 1000
LONGEST_NAME = 60
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?%?")

Record = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a manifest, checked. `source_url_key` is the link in its canonical form."""

    number: int
    key: str
    account: str | None
    source_url: str | None
    source_url_key: str | None
    taken_at: str | None
    attributes: dict[str, Any]


def read_manifest(name: str, data: bytes) -> list[Line]:
    """All lines of the manifest. `name` is the file's name. Raises BadManifest naming the first line that is wrong."""
    return list(once_each(line_of(number, record) for number, record in records_of(name, data)))


def records_of(name: str, data: bytes, needed: str = "key") -> Iterator[Record]:
    """(number, cells by column) of each line; a CSV file must have the column `needed`. Raises BadManifest."""
    text = _decoded(data)
    if name.lower().endswith(".csv"):
        return _csv(text, needed)
    if name.lower().endswith((".jsonl", ".ndjson")):
        return _json_lines(text)
    raise BadManifest("A manifest is a CSV file (name.csv) or JSON Lines (name.jsonl).")


def once_each(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, each key once. Raises BadManifest where a key comes again, where there are too many, or none."""
    first: dict[str, int] = {}
    for line in lines:
        if line.key in first:
            wrong(line.number, f"the key {_shown(line.key)} was already on line {first[line.key]}. Keep one of them.")
        if len(first) == MOST_ROWS:
            wrong(line.number, f"a manifest may have {MOST_ROWS:,} lines. Split it into several files.")
        first[line.key] = line.number
        yield line
    if not first:
        raise BadManifest("The manifest has no lines besides its header.")


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise BadManifest("The manifest is empty.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        wrong(1, "this file is UTF-16. Save it as UTF-8 and try again.")
    if b"\0" in data:
        wrong(data.count(b"\n", 0, data.index(b"\0")) + 1, "there is a zero byte. This is not a text file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        wrong(data.count(b"\n", 0, problem.start) + 1, "this is not UTF-8. Save the file as UTF-8 and try again.")


def _csv(text: str, needed: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = _rows(reader)
    number, header = next(rows)
    names = _header(number, header, needed)
    for number, row in rows:
        if len(row) != len(names):
            wrong(number, f"it has {len(row)} cells, the header has {len(names)}.")
        yield number, dict(zip(names, row, strict=True))


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of each row that is not blank."""
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            wrong(number, f"it cannot be read as CSV ({problem}).")
        if row:
            yield number, row


def _header(number: int, cells: list[str], needed: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    names = [name.lower() if name.lower() in (*LONGEST, needed) else name for name in names]
    if needed not in names:
        listed = ", ".join(_shown(name) for name in names[:8])
        wrong(number, f"there is no column called {needed}. The columns, parted by commas, are: {listed}.")
    for name in names:
        if names.count(name) > 1:
            wrong(number, f"the column {_shown(name)} is there twice.")
    return names


def _json_lines(text: str) -> Iterator[Record]:
    # splitlines() would also split at signs that may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            said = problem.msg if isinstance(problem, json.JSONDecodeError) else str(problem)
            wrong(number, f"it is not one JSON object ({said}).")
        if not isinstance(record, dict):
            wrong(number, 'it is not one JSON object, such as {"key": "a.jpg"}.')
        yield number, record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name is there twice")
    return record


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a value")


def line_of(number: int, record: dict[str, Any]) -> Line:
    """One line, checked. Raises BadManifest."""
    if len(record) > MOST_COLUMNS:
        wrong(number, f"it has more than {MOST_COLUMNS} columns.")
    for column, value in record.items():
        _check_value(number, column, value)
    key = record.get("key")
    if not isinstance(key, str) or not key.strip():
        wrong(number, "the key is empty or no text. It must be the name of the photograph in its store.")
    known = {column: _text(record.get(column)) for column in ("account", "source_url", "taken_at")}
    attributes = {
        column: value for column, value in record.items() if column not in LONGEST and value not in ("", None)
    }
    return Line(number, key, known["account"], known["source_url"], _link(number, known["source_url"]),
                known["taken_at"], attributes)  # fmt: skip


def _check_value(number: int, column: str, value: Any) -> None:
    if not column.strip() or len(column) > LONGEST_NAME:
        wrong(number, f"a column has no name, or one longer than {LONGEST_NAME} characters.")
    if not isinstance(value, str | int | float | bool | None):
        wrong(number, f"column {_shown(column)}: lists and objects are not taken, only text, numbers, true and false.")
    text = "" if value is None else str(value)
    if text in {"inf", "-inf"} and isinstance(value, float):
        wrong(number, f"column {_shown(column)}: this number is too large.")
    longest = LONGEST.get(column, LONGEST_ATTRIBUTE)
    if len(text) > longest:
        wrong(number, f"column {_shown(column)}: longer than {longest} characters.")
    _refuse_surrogates(number, column, text)
    for cell in (text, column):
        _refuse_formula(number, column, cell)


def _refuse_formula(number: int, column: str, cell: str) -> None:
    begin = cell.lstrip(" \n")
    if begin.startswith(FORMULA) and not NUMBER.fullmatch(cell.strip()):
        wrong(
            number,
            f"column {_shown(column)}: it begins with {begin[0]!r}, so a spreadsheet would run it as a formula. "
            "Take that sign away.",
        )


def _refuse_surrogates(number: int, column: str, text: str) -> None:
    try:
        (text + column).encode()
    except UnicodeEncodeError:
        wrong(number, f"column {_shown(column)}: half a character. The file was cut or written wrongly.")


def _text(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _link(number: int, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        return links.canonical(url)
    except BadInput as problem:
        raise BadManifest(f"Line {number}, column source_url: {problem.sentence}") from problem


def _shown(text: str) -> str:
    """A cell as it may stand in a sentence: short, on one line."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def wrong(number: int, what: str) -> NoReturn:
    """Raise BadManifest about the line of this number."""
    raise BadManifest(f"Line {number}: {what}")

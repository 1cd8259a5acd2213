"""Manifests: which photograph is in which dataset, as CSV with a header or JSON Lines, of any length.

Columns: `key` (name of the photograph in its store) or `digest` (its SHA-256), `dataset` and `version`. The file is
first read to its end and checked, then written in pages: one that is interrupted is simply given again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from portal.errors import BadInput
from portal.lineage import records
from portal.lineage.importing.documents import as_object, read_json_lines
from portal.lineage.importing.facts import Named, shown
from portal.lineage.importing.writing import Report, put
from portal.lineage.members import batches
from portal.stores import grounds
from portal.tables import Image, Store

PAGE = 20_000
LONGEST_KEY = 2000
SHA256 = re.compile(r"[0-9a-f]{64}")
# Of three million photographs no more is loaded than is asked for.
NEEDED = (Image.store_id, Image.key, Image.state, Image.digest, Image.near_digest)
COLUMNS = ("key", "digest", "dataset", "version")


@dataclass(frozen=True, slots=True)
class Place:
    """One line: that a photograph is in a dataset. Either `key` or `digest` is given."""

    line: int
    key: str
    digest: bytes | None
    dataset: Named


def check(session: Session, path: Path, store: Store | None, default: Named | None, despite: str = "") -> int:
    """Read a manifest to its end. How many lines it has. Raises BadInput naming the first line that is wrong.

    `default` is the dataset of lines that name none. Raises NotFound where a dataset is not written down, NotAllowed
    where the store's source has no ground and `despite` does not say why it is written down all the same.
    """
    if store is not None and not despite:
        grounds.need(session, "dataset", [store])
    count, datasets = 0, set()
    for place in read_places(path, default):
        if place.key and store is None:
            _wrong(path, place.line, "it has a key, and keys are of a store. Say which store")
        if place.dataset not in datasets:
            records.find_dataset(session, *place.dataset)
            datasets.add(place.dataset)
        count += 1
    if not count:
        raise BadInput(f"{shown(path.name)} has no lines besides its header.")
    return count


def pages(path: Path, default: Named | None) -> Iterator[list[Place]]:
    """The lines of a manifest in pages of 20,000: what one transaction writes."""
    places = read_places(path, default)
    while page := list(islice(places, PAGE)):
        yield page


def write_page(session: Session, report: Report, store: Store | None, page: list[Place], despite: str = "") -> None:
    """Put the photographs of one page into their datasets. Raises NotAllowed where a source has no ground."""
    by_dataset: dict[Named, list[Place]] = {}
    for place in page:
        by_dataset.setdefault(place.dataset, []).append(place)
    for named, places in by_dataset.items():
        put(session, report, records.find_dataset(session, *named), _images(session, report, store, places), despite)


def _images(session: Session, report: Report, store: Store | None, places: Iterable[Place]) -> Iterator[Image]:
    for batch in batches(places):
        keys = {place.key: place for place in batch if place.key}
        digests = {place.digest: place for place in batch if place.digest is not None}
        live = select(Image).options(load_only(*NEEDED)).where(Image.state == "live")
        if keys and store is not None:
            for image in session.scalars(live.where(Image.store_id == store.id, Image.key.in_(keys))):
                keys.pop(image.key)
                yield image
        if digests:
            found = list(session.scalars(live.where(Image.digest.in_(digests))))
            mine = [image for image in found if store is None or image.store_id == store.id]
            for image in mine:
                digests.pop(image.digest or b"", None)
            yield from mine
        for place in sorted([*keys.values(), *digests.values()], key=lambda place: place.line):
            called = shown(place.key) or (place.digest or b"").hex()
            report.leave_out(f"Line {place.line}: no scan has seen a live photograph {called}.")


def read_places(path: Path, default: Named | None) -> Iterator[Place]:
    """The lines of a manifest, checked, one after the other. Raises BadInput naming the line."""
    rows = _csv(path) if path.suffix.lower() == ".csv" else _json_lines(path)
    for number, row in rows:
        yield _place(path, number, row, default)


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(_guarded(path, file), strict=True)
        number = 1
        try:
            names = [name.strip().lower() for name in next(reader, [])]
            _check_header(path, names)
            for row in reader:
                if row and len(row) != len(names):
                    _wrong(path, number + 1, f"it has {len(row)} cells, the header has {len(names)}")
                if row:
                    yield number + 1, dict(zip(names, row, strict=True))
                number = reader.line_num
        except csv.Error as problem:
            _wrong(path, reader.line_num, f"it cannot be read as CSV ({problem})")


def _guarded(path: Path, file: Iterable[str]) -> Iterator[str]:
    number = 0
    try:
        for line in file:
            number += 1
            if "\0" in line:
                _wrong(path, number, "there is a zero byte. This is not a text file")
            yield line
    except UnicodeDecodeError as problem:
        raise BadInput(f"{shown(path.name)}, line {number + 1}: this is not UTF-8.") from problem


def _check_header(path: Path, names: list[str]) -> None:
    if not {"key", "digest"} & set(names):
        listed = ", ".join(shown(name) for name in names[:8]) or "none"
        _wrong(path, 1, f"there is no column called key or digest. The columns are: {listed}")
    for name in names:
        if names.count(name) > 1:
            _wrong(path, 1, f"the column {shown(name)} is there twice")


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, found in read_json_lines(path):
        yield number, as_object(found, f"{path.name}, line {number}")


def _place(path: Path, number: int, row: dict[str, Any], default: Named | None) -> Place:
    said = {name: row.get(name) or "" for name in COLUMNS}
    for name, value in said.items():
        if not isinstance(value, str):
            _wrong(path, number, f"column {name}: it is not a text")
        if name != "key" and not value.isprintable():
            _wrong(path, number, f"column {name}: it has signs that cannot be printed")
    if bool(said["key"]) == bool(said["digest"]):
        _wrong(path, number, "give either a key or a digest")
    _check_key(path, number, said["key"])
    digest = said["digest"].strip().lower().removeprefix("sha256:")
    if digest and not SHA256.fullmatch(digest):
        _wrong(path, number, "the digest is not a SHA-256: 64 letters and digits from 0 to 9 and a to f")
    if said["dataset"] and said["version"]:
        named = (said["dataset"].strip(), said["version"].strip())
    elif default is not None and not said["dataset"] and not said["version"]:
        named = default
    else:
        _wrong(path, number, "it does not say which dataset and which version. Add the columns, or use --dataset")
    return Place(number, said["key"], bytes.fromhex(digest) or None, named)


def _check_key(path: Path, number: int, key: str) -> None:
    if len(key) > LONGEST_KEY or not key.isprintable():
        _wrong(path, number, f"the key is longer than {LONGEST_KEY} characters, or has signs that cannot be printed")
    if key.startswith("/") or ".." in key.replace("\\", "/").split("/"):
        _wrong(path, number, f"the key {shown(key)} leads out of its store")


def _wrong(path: Path, number: int, what: str) -> NoReturn:
    raise BadInput(f"{shown(path.name)}, line {number}: {what}.")

"""What the operator's manifest says about the keys of a store: account, link at the source, date, free attributes.

A manifest is a CSV file with a header, or JSON Lines. It is taken in as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal.stores.manifest_files import Line, read_manifest
from portal.tables import Image, ManifestEntry, Store

BATCH = 500


@runtime_checkable
class Describing(Protocol):
    """What a connector has besides when its store says of its keys what a manifest says."""

    def described(self) -> Sequence[Line]:
        """The lines. Raises StoreUnavailable."""


@dataclass(frozen=True)
class Attached:
    """What a manifest did. `without_image`: keys for which no scan has seen a photograph so far."""

    rows: int
    new: int
    changed: int
    without_image: int


def attach(session: Session, store: Store, name: str, data: bytes | Sequence[Line]) -> Attached:
    """Take a manifest in. `name` is the file's name and tells the format. Attaching again updates; nothing is removed.

    Large files: call `read_manifest(name, data)` before the writing session begins, and give its lines here.
    Raises BadManifest naming the line; then nothing has been written.
    """
    lines = read_manifest(name, data) if isinstance(data, bytes) else data
    new = changed = without_image = 0
    for batch in _batches(lines):
        known = _known(session, store, [line.key for line in batch])
        fresh = [_values(store, line) for line in batch if line.key not in known]
        other = [
            {"id": known[line.key].id, **_values(store, line)}
            for line in batch
            if line.key in known and _differs(known[line.key], _values(store, line))
        ]
        if fresh:
            session.execute(insert(ManifestEntry), fresh)
        if other:
            session.execute(update(ManifestEntry), other)
        new += len(fresh)
        changed += len(other)
        without_image += len(batch) - _with_image(session, store, [line.key for line in batch])
    return Attached(len(lines), new, changed, without_image)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _known(session: Session, store: Store, keys: list[str]) -> dict[str, Any]:
    entry = ManifestEntry
    columns = (entry.id, entry.key, entry.account, entry.source_url, entry.source_url_key, entry.taken_at)
    found = select(*columns, entry.attributes).where(entry.store_id == store.id, entry.key.in_(keys))
    return {row.key: row for row in session.execute(found)}


def _differs(row: Any, values: dict[str, Any]) -> bool:
    return any(getattr(row, column) != value for column, value in values.items() if column != "store_id")


def _with_image(session: Session, store: Store, keys: list[str]) -> int:
    live = select(Image.key).where(Image.store_id == store.id, Image.state == "live", Image.key.in_(keys))
    return len(session.scalars(live).all())


def _values(store: Store, line: Line) -> dict[str, Any]:
    return {
        "store_id": store.id,
        "key": line.key,
        "account": line.account,
        "source_url": line.source_url,
        "source_url_key": line.source_url_key,
        "taken_at": line.taken_at,
        "attributes": line.attributes,
    }

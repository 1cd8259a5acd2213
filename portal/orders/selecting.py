"""Which photographs an order means: all rows of its stores, page by page, and of these what its kind asks for.

A page is read in a session of its own: a reading that lasts for hours would keep the write-ahead log from being
emptied meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Database, config_of
from portal.orders import accounts, places
from portal.tables import Image, ManifestEntry, Order, Store

PAGE = 4096
# Objects that are in their store as far as is known. Of what is gone or erased there is nothing to take away.
THERE = ("live", "unreadable", "stopped")
DAY = re.compile(r"(\d{4})[-:](\d\d)[-:](\d\d)")

Cursor = tuple[str, str]


@dataclass(frozen=True)
class Page:
    """Rows that are meant, and where to go on. A row without a digest was never read to its end."""

    rows: list[Row[Any]]
    cursor: Cursor


def pages(database: Database, order: Order, after: Cursor | None = None, size: int = PAGE) -> Iterator[Page]:
    """What the order means now, by store and key, after `after`."""
    with database.reading() as session:
        stores = [store for store in stores_of(session, order) if after is None or store >= after[0]]
        wanted = _rule_of(session, order)
    for store in stores:
        key = after[1] if after is not None and after[0] == store else ""
        while True:
            with database.reading() as session:
                found = _read(session, order, store, key, size)
                chosen = wanted(session, found)
            if not found:
                break
            key = found[-1].key
            yield Page(chosen, (store, key))


def stores_of(session: Session, order: Order) -> list[str]:
    """Ids of the stores in which the order may find something, in order."""
    statement = select(Store.id).order_by(Store.id)
    if order.kind == "source":
        statement = statement.where(Store.source_id == order.selection["source"])
    elif order.selection.get("stores"):
        statement = statement.where(Store.id.in_(order.selection["stores"]))
    return list(session.scalars(statement))


def _read(session: Session, order: Order, store: str, after: str, size: int) -> list[Row[Any]]:
    columns: list[Any] = [Image.id, Image.store_id, Image.key, Image.digest, Image.near_digest, Image.first_seen_at]
    statement: Select[Any] = select(*columns)
    if order.kind in {"accounts", "retention"}:
        same = (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key)
        statement = select(*columns, ManifestEntry.account, ManifestEntry.taken_at).outerjoin(ManifestEntry, same)
    there = (Image.store_id == store, Image.key > after, Image.state.in_(THERE))
    return list(session.execute(statement.where(*there).order_by(Image.key).limit(size)).all())


Rule = Callable[[Session, list[Row[Any]]], list[Row[Any]]]


def _rule_of(session: Session, order: Order) -> Rule:
    if order.kind == "dataset":
        dataset = order.selection["dataset"]
        return lambda session, rows: _in_dataset(session, dataset, rows)
    if order.kind == "accounts":
        names = set(accounts.names_of(session, order))
        return lambda _, rows: [row for row in rows if row.account in names]
    if order.kind == "retention":
        first_kept = _first_kept(session, order)
        return lambda _, rows: [row for row in rows if _taken(row) < first_kept]
    return lambda _, rows: rows


def _in_dataset(session: Session, dataset: str, rows: list[Row[Any]]) -> list[Row[Any]]:
    inside = places.inside(session, dataset, [row.id for row in rows])
    return [row for row in rows if row.id in inside]


def _first_kept(session: Session, order: Order) -> date:
    """Photographs of this day and later stay. A number of days counts back from when the order was asked for."""
    if "before" in order.selection:
        return date.fromisoformat(order.selection["before"])
    asked = clock.local_date(order.asked_at, config_of(session).zone)
    return asked - timedelta(days=int(order.selection["days"]))


def _taken(row: Row[Any]) -> date:
    """The day the manifest gives, where it can be read; else the day on which a scan first saw the photograph."""
    match = DAY.match(row.taken_at or "")
    try:
        return date(*map(int, match.groups())) if match else _day(row.first_seen_at)
    except ValueError:
        return _day(row.first_seen_at)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()

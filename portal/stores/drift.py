"""Where a store and what is known of it differ, in both directions, and faces and templates that miss each other.

A round goes through the store in the order of its keys, in portions; killed, it goes on after the last one. What is
seen once may be a photograph that is just coming or going, so each difference is looked at a second time, and a
portion during which a scan ran counts for nothing. Of each difference one finding stays until the two agree again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import Database
from portal.jobs import make_due
from portal.stores.connector import Connector, Deriving
from portal.tables import Drift, DriftFinding, ErasureItem, Face, Image, Scan, Store, Template
from portal.tables.watching import DRIFT_KINDS

EVERY = timedelta(hours=1)
PORTION = 2000
"""So many objects are listed at once."""
MOST = 10_000
"""Of one kind no more are written down in a look: whoever reads them knows by then."""
# States of an image of which there should be a file.
KNOWN = ("live", "unreadable", "stopped")


@dataclass(frozen=True)
class Portion:
    """What one look at some keys in a row found, by kind. `last`: where to go on; None: this was the end."""

    last: str | None
    looked: int
    found: dict[str, list[str]]


def ensure(session: Session) -> None:
    """A round each hour for every store that was scanned to its end."""
    scanned = select(Scan.store_id).where(Scan.state == "done", Scan.retry_of_id.is_(None))
    without = select(Store.id).where(Store.id.in_(scanned), Store.id.not_in(select(Drift.store_id)))
    for store_id in list(session.scalars(without)):
        drift = Drift(store_id=store_id)
        session.add(drift)
        session.flush()
        make_due(session, drift)


def may_look(session: Session, store_id: str, since: datetime | None = None) -> bool:
    """False while a scan of the store is open, or when one was since `since`: what it writes is on its way."""
    going_on = Scan.state.in_(("running", "paused"))
    touched = or_(going_on, Scan.finished_at >= since) if since is not None else going_on
    return session.scalar(select(Scan.id).where(Scan.store_id == store_id, touched).limit(1)) is None


def look(database: Database, connector: Connector, store_id: str, after: str | None) -> Portion:
    """Compare the next objects with what is known. The end of the store is also where faces are compared."""
    listed = [one.key for one in islice(connector.list(after), PORTION)]
    last = listed[-1] if len(listed) == PORTION else None
    with database.reading() as session:
        known = _known(session, store_id, after, last)
    files, rows = set(listed) - known, known - set(listed)
    lost = [key for key in sorted(rows)[:MOST] if not _is_there(connector, key)]
    there = [key for key in sorted(files)[:MOST] if _is_there(connector, key)]
    with database.reading() as session:
        known = _known(session, store_id, after, last)
        found = {
            "file-without-row": [key for key in there if key not in known],
            "row-without-file": [key for key in lost if key in known],
        }
        if last is None:
            found |= _faces(session, store_id)
    return Portion(last, len(listed) + len(known), found)


def record(session: Session, drift: Drift, portion: Portion) -> None:
    """Write a portion down. At the end of a round goes what was not found in it any more."""
    now = clock.now()
    if drift.began_at is None:
        drift.began_at, drift.looked = now, 0
    for kind, what in portion.found.items():
        _write(session, drift.store_id, kind, what, now)
    drift.cursor, drift.looked = portion.last, drift.looked + portion.looked
    if portion.last is None:
        _end(session, drift, drift.began_at)
    session.flush()


def findings(session: Session, store_id: str | None = None) -> list[DriftFinding]:
    """All differences that stand, by store, kind and key."""
    wanted = select(DriftFinding).order_by(DriftFinding.store_id, DriftFinding.kind, DriftFinding.what)
    return list(session.scalars(wanted.where(DriftFinding.store_id == store_id) if store_id else wanted))


def counts(session: Session, store_id: str | None = None) -> dict[str, int]:
    """How many differences of each kind stand, in one store or in all."""
    wanted = select(DriftFinding.kind, func.count()).group_by(DriftFinding.kind)
    rows = session.execute(wanted.where(DriftFinding.store_id == store_id) if store_id else wanted)
    found = {kind: count for kind, count in rows}
    return {kind: found.get(kind, 0) for kind in DRIFT_KINDS}


def _known(session: Session, store_id: str, after: str | None, last: str | None) -> set[str]:
    """Keys in the stretch of which there should be a file. One that is just being erased is neither here nor gone."""
    # Objects are listed in the order of their letters' numbers; databases may have another order of their own.
    key: Any = Image.key if session.get_bind().dialect.name == "sqlite" else Image.key.collate("C")
    leaving = exists().where(
        ErasureItem.image_id == Image.id, ErasureItem.kind == "image", ErasureItem.state.in_(("intent", "applied"))
    )
    wanted = select(Image.key).where(Image.store_id == store_id, Image.state.in_(KNOWN), ~leaving)
    if after is not None:
        wanted = wanted.where(key > after)
    if last is not None:
        wanted = wanted.where(key <= last)
    return set(session.scalars(wanted))


def _is_there(connector: Connector, key: str) -> bool:
    # A thumbnail that was left behind is not the photograph.
    made = connector.derived_copies(key) if isinstance(connector, Deriving) else {}
    return any(connector.probe_copy(ref) == "present" for ref in connector.enumerate_copies(key) if ref not in made)


def _faces(session: Session, store_id: str) -> dict[str, list[str]]:
    """Templates of photographs that are not there any more, and faces that no search can find."""
    of_store = select(Face.id).join(Image, Image.id == Face.image_id).where(Image.store_id == store_id)
    has = exists().where(Template.face_id == Face.id)
    left = of_store.where(Image.state != "live", has).order_by(Face.id).limit(MOST)
    without = of_store.where(Image.state == "live", ~has).order_by(Face.id).limit(MOST)
    return {
        "vector-without-row": [str(face) for face in session.scalars(left)],
        "row-without-vector": [str(face) for face in session.scalars(without)],
    }


def _write(session: Session, store_id: str, kind: str, what: Iterable[str], now: datetime) -> None:
    same = (DriftFinding.store_id == store_id, DriftFinding.kind == kind)
    wanted = set(what)
    before = wanted & set(session.scalars(select(DriftFinding.what).where(*same)))
    keys = sorted(before)
    for start in range(0, len(keys), PORTION):
        some = DriftFinding.what.in_(keys[start : start + PORTION])
        session.execute(update(DriftFinding).where(*same, some).values(last_at=now))
    session.add_all(
        DriftFinding(store_id=store_id, kind=kind, what=one, first_at=now, last_at=now)
        for one in sorted(wanted - before)
    )
    session.flush()


def _end(session: Session, drift: Drift, began_at: datetime) -> None:
    mine = DriftFinding.store_id == drift.store_id
    session.execute(delete(DriftFinding).where(mine, DriftFinding.last_at < began_at))
    new = select(DriftFinding.kind).where(mine, DriftFinding.first_at >= began_at)
    kinds = Counter(session.scalars(new))
    if kinds:
        audit.append(session, "drift-found", {"store": drift.store_id, **kinds})
    drift.began_at, drift.ended_at = None, clock.now()

"""Clocks that destroy without a request (BIPA, CUBI, Colorado ...), run on the photographs that have a template.

What starts a clock is a day that the operator's manifest gives for a photograph. Where it gives none nobody can know
when the time is over, and that is said with a number. Once a day the state is counted and written to the log; the
privacy team finds it on its home page. Nothing is erased by this: an erasure needs a person's decision.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, not_, or_, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law
from portal.cases.clocks import deadlines
from portal.cases.law import Duty
from portal.cases.law.shapes import Term
from portal.db import config_of
from portal.tables import Entry, Face, Image, ManifestEntry, Store, Template

KIND = "destruction-counted"
DAY = timedelta(days=1)
SOON = timedelta(days=30)
# The column of a manifest, with a day such as 2026-11-21, that says when a clock began.
COLUMNS = {
    "last-contact": "last_contact",
    "purpose-ended": "purpose_ended",
    "found-unnecessary": "found_unnecessary",
}


@dataclass(frozen=True)
class Counted:
    """Photographs with a template on a day: all, those without any day, and by duty those over and nearly over."""

    on: date
    photographs: int
    undated: int
    over: dict[str, int]
    soon: dict[str, int]

    @property
    def waits(self) -> bool:
        return any(self.over.values()) or any(self.soon.values())


@dataclass(frozen=True)
class InStore:
    """Photographs of one store under one duty. `held`: all that the store has now, with a template or without."""

    store_id: str
    name: str
    over: int
    soon: int
    held: int

    @property
    def is_all(self) -> bool:
        return self.over == self.held


def keep_up(session: Session) -> bool:
    """Count once on each civil day in which there is a photograph with a template. True when it counted."""
    today = clock.local_date(clock.now(), config_of(session).zone)
    last = newest(session)
    if last is not None and last.on >= today:
        return False
    counted = count(session, today)
    if not counted.photographs and last is None:
        return False
    facts = {"on": counted.on.isoformat(), "photographs": counted.photographs, "undated": counted.undated}
    audit.append(session, KIND, {**facts, "over": counted.over, "soon": counted.soon})
    return True


def newest(session: Session) -> Counted | None:
    """What was counted last; None before the first time."""
    body = session.scalar(select(Entry.body).where(Entry.kind == KIND).order_by(Entry.position.desc()).limit(1))
    if body is None:
        return None
    facts = json.loads(body)["facts"]
    on = date.fromisoformat(facts["on"])
    return Counted(on, facts["photographs"], facts["undated"], facts["over"], facts["soon"])


def count(session: Session, on: date) -> Counted:
    """How it stands on a day. One pass over the photographs for each duty that destroys."""
    duties = {duty.id: duty for _place, duty in law.duties(on) if duty.destroy}
    over = {name: _how_many(session, _due(duty, on - DAY)) for name, duty in duties.items()}
    by_then = {name: _how_many(session, _due(duty, on + SOON)) for name, duty in duties.items()}
    dated = or_(*(_day(column).like("____-__-__") for column in COLUMNS.values()))
    undated = _how_many(session, or_(ManifestEntry.id.is_(None), not_(func.coalesce(dated, False))))
    soon = {name: by_then[name] - over[name] for name in duties}
    return Counted(on, _how_many(session, None), undated, over, soon)


def due(duty: Duty, on: date) -> Select[Any]:
    """Store id and key of the photographs that must be gone by a day, to be gone through by a person."""
    return _photographs(select(Image.store_id, Image.key).distinct(), _due(duty, on))


def by_store(session: Session, duty: Duty, on: date) -> list[InStore]:
    """Where the photographs are whose time is over by a duty on a day, or will be within `SOON`."""
    over = _in_stores(session, _due(duty, on - DAY))
    by_then = _in_stores(session, _due(duty, on + SOON))
    live = select(Image.store_id, func.count(Image.id)).where(Image.state == "live", Image.store_id.in_(by_then))
    held: dict[str, int] = {store_id: number for store_id, number in session.execute(live.group_by(Image.store_id))}
    stores = session.scalars(select(Store).where(Store.id.in_(by_then)).order_by(Store.name))
    return [
        InStore(one.id, one.name, over.get(one.id, 0), by_then[one.id] - over.get(one.id, 0), held[one.id])
        for one in stores
    ]


def _in_stores(session: Session, which: ColumnElement[bool]) -> dict[str, int]:
    counted = _photographs(select(Image.store_id, func.count(distinct(Image.id))), which).group_by(Image.store_id)
    return {store_id: number for store_id, number in session.execute(counted)}


def _how_many(session: Session, which: ColumnElement[bool] | None) -> int:
    return session.scalar(_photographs(select(func.count(distinct(Image.id))), which)) or 0


def _photographs(query: Any, which: ColumnElement[bool] | None) -> Select[Any]:
    told = and_(ManifestEntry.store_id == Image.store_id, ManifestEntry.key == Image.key)
    query = query.select_from(Image).join(Face, Face.image_id == Image.id).join(Template, Template.face_id == Face.id)
    query = query.outerjoin(ManifestEntry, told).where(Image.state == "live")
    found: Select[Any] = query if which is None else query.where(which)
    return found


def _due(duty: Duty, by: date) -> ColumnElement[bool]:
    """The last day of any clock of a duty is `by` or before. Days are text of one length, so text compares them."""
    clocks = []
    for each in duty.destroy:
        day = _day(COLUMNS[each.after])
        clocks.append(and_(day.like("____-__-__"), day <= _latest_start(each.term, by).isoformat()))
    return or_(*clocks)


def _latest_start(term: Term | None, by: date) -> date:
    """The latest day on which a clock can have begun that is over by a day."""
    start = by
    while term is not None and deadlines.last_day(term, start, "") > by:
        start -= DAY
    return start


def _day(column: str) -> ColumnElement[str]:
    told: ColumnElement[str] = ManifestEntry.attributes[column].as_string()
    return told

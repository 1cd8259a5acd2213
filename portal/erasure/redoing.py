"""Erasing again what a restored backup brought back, by the same steps and with the same checks.

What is needed is kept beside the database (`audit.ledger`): the rows of the case and of its plan as they were before
anything was touched, and once more with the certificate. The case comes back with its answer and its certificate; the
person need not ask again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit import ledger
from portal.audit.ledger import Record, Stage, Values, table_of
from portal.db import Database
from portal.erasure import carrying, effects, intending
from portal.erasure.plans import sealed_facts
from portal.erasure.putting_back import claimed, is_in_log, known_columns, put
from portal.errors import Conflict
from portal.jobs import Lease
from portal.tables import (
    Account,
    Base,
    Case,
    CaseRight,
    Certificate,
    Erasure,
    ErasureItem,
    Image,
    KeptFace,
    NoticeGround,
    Source,
    Store,
    Suppression,
)
from portal.tables.erasure import FOR_PEOPLE

# Rows that are put back where they are missing, and rows that are put in place of older ones, found by these columns.
IF_MISSING: dict[type[Base], tuple[str, ...]] = {Account: ("id",), Source: ("id",), Store: ("id",), Image: ("id",)}
IN_PLACE: dict[type[Base], tuple[str, ...]] = {
    Case: ("id",),
    CaseRight: ("case_id", "right"),
    Erasure: ("id",),
    Suppression: ("erasure_id", "image_id"),
    KeptFace: ("case_id", "encoder"),
    Certificate: ("id",),
    NoticeGround: ("erasure_id",),
}
# Numbers of rows that nobody knows by their number: another row may have it by now.
NUMBERED = {CaseRight, ErasureItem, KeptFace, Suppression}


@dataclass(frozen=True)
class Redone:
    """What came of one erasure: `again` when something was back; how many items are still there, or are refused now."""

    erasure_id: str
    again: bool
    left: int
    refused: int


def redo(database: Database, name: str, stage: Stage, *, in_stores: bool = True) -> Redone:
    """Carry the erasure out again, and see that what it took away is gone.

    Without `in_stores` the photographs in the stores are only looked for: that is for trying a backup out.
    Raises Unavailable while a store is away, Conflict while somebody else carries this erasure out.
    """
    with database.writing() as session:
        record = _trusted(session, name, stage)
        back = _is_back(session, record)
        _put_back(session, record)
    with claimed(database, "erasing", name, "Erasure") as lease:
        left = _carry_out(database, lease, in_stores)
        with database.writing() as session:
            lease.hold(session)
            refused = _end(session, record, lease)
            facts = {"erasure": name, "back": back, "left": left, "refused": refused}
            audit.append(session, "erased-again", facts)
    return Redone(name, back, left, refused)


def _trusted(session: Session, name: str, stage: Stage) -> Record:
    """The record; only as it was begun where the certificate on it never came into the log."""
    record = ledger.read(session, name, stage)
    if record is not None and not all(is_in_log(session, one) for one in record.of(Certificate)):
        record = ledger.read(session, name, "begun")
    if record is None:
        raise Conflict(f"What is kept about erasure {name} beside the database is not whole.", "ledger-broken")
    return record


def _is_back(session: Session, record: Record) -> bool:
    """Whether the database holds one of the photographs as if it had never been erased."""
    ids = [image["id"] for image in record.of(Image)]
    return session.scalar(select(Image.id).where(Image.id.in_(ids), Image.state == "live").limit(1)) is not None


def _put_back(session: Session, record: Record) -> None:
    """The rows as they are on record, with the portal's own items to be done."""
    for table, keys in IF_MISSING.items():
        for values in record.of(table):
            put(session, table, keys, _without_number(table, values), replace=False)
    session.execute(delete(ErasureItem).where(ErasureItem.erasure_id == record.name))
    for table, keys in IN_PLACE.items():
        for values in record.of(table):
            put(session, table, keys, _without_number(table, values), replace=True)
    items = [_without_number(ErasureItem, one) for one in record.of(ErasureItem)]
    session.execute(table_of("erasure_item").insert(), items)
    session.expire_all()
    erasure = session.get_one(Erasure, record.name)
    # As if it had not begun: so it is still missing to whoever goes on after a kill.
    erasure.state, erasure.work_state, erasure.run_after = "cooling", "due", clock.now()
    erasure.attempts, erasure.problem = 0, None
    for item in erasure.items:
        if item.kind not in FOR_PEOPLE and item.sealed is not None:
            _reset(item)
    session.flush()


def _without_number(table: type[Base], values: Values) -> Values:
    return known_columns(table, values, without_number=table in NUMBERED)


def _reset(item: ErasureItem) -> None:
    """To be carried out from its beginning; a picture that was made without a face is still known by its digest."""
    made: dict[str, Any] | None = item.evidence if item.kind == "redaction" else None
    intending.again(item)
    item.evidence = made


def _carry_out(database: Database, lease: Lease, in_stores: bool) -> int:
    """Carry the items out and look at them again. How many are still there."""
    if in_stores:
        carrying.carry_out_items(database, lease)
    else:
        _forget_rows(database, lease)
    try:
        carrying.check_items(database, lease, lease.row_id)
    except carrying.NotGone:
        if in_stores:
            raise
    with database.reading() as session:
        erasure = session.get_one(Erasure, lease.row_id)
        return sum(item.state in ("planned", "applied") for item in erasure.items if item.kind not in FOR_PEOPLE)


def _forget_rows(database: Database, lease: Lease) -> None:
    """The same in the database alone: no store is touched."""
    with database.writing() as session:
        lease.hold(session)
        erasure = session.get_one(Erasure, lease.row_id)
        going = intending.intend(session, [item for item in erasure.items if item.kind not in FOR_PEOPLE])
        for item in sorted(going, key=lambda one: one.kind == "image"):
            if sealed_facts(session, item) and item.kind != "redaction":
                item.result = effects.apply(session, erasure, item, None)
                item.state, item.done_at = "applied", clock.now()


def _end(session: Session, record: Record, lease: Lease) -> int:
    """What was said of the items at the time stays true; only what differs now is told. How many are refused now."""
    erasure = session.get_one(Erasure, record.name)
    kept = {values["position"]: values for values in record.of(ErasureItem)}
    refused: int = sum(item.state == "refused" and kept[item.position]["state"] != "refused" for item in erasure.items)
    if record.stage == "begun":
        # What remains to be done, and the certificate, are the worker's.
        erasure.state = "running"
        lease.again(session, timedelta(0))
        return refused
    (erasure.state,) = (values["state"] for values in record.of(Erasure))
    still = {item.image_id for item in erasure.items if kept[item.position]["state"] in intending.WAITING}
    for item in erasure.items:
        for name in ("state", "result", "note", "evidence", "done_at", "again_at"):
            setattr(item, name, kept[item.position][name])
        if item.image_id is None or item.image_id not in still:
            item.sealed = None
    lease.done(session)
    return refused

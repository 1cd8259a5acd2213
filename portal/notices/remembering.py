"""Notices beside the database and outside of its backups: who was told, and what they answered, outlives a restore.

One sealed file for each holds its row and its recipient's, written anew after each commit that changed it. A notice
whose file is lost, too, was never made as far as anybody knows: the daily look for who else got something tells again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.audit import ledger
from portal.audit.ledger import NOTICES, Record, Values, table_of, values_of
from portal.db import config_of
from portal.erasure.putting_back import known_columns, put
from portal.notices import answering, making, sending
from portal.tables import Account, Erasure, ErasureItem, Notice, Order, Recipient

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


def put_back(session: Session) -> int:
    """Put back the notices that a restored database has not, or knows less of. Returns how many. May be repeated.

    To be called once the erasures and orders are there again. Needs a writing session.
    """
    back = 0
    for name in sorted(ledger.stages(config_of(session), NOTICES)):
        record = ledger.read(session, name, "done")
        back += record is not None and _put_back(session, record)
    # Whoever carried an erasure out again has made its items anew.
    for notice in session.scalars(select(Notice).where(Notice.item_id.is_(None), Notice.erasure_id.is_not(None))):
        notice.item_id = making.item_of(session, notice.erasure_id, notice.recipient_id)
    session.flush()
    _take_up(session)
    return back


def _put_back(session: Session, record: Record) -> bool:
    (values,), (recipient,) = record.of(Notice), record.of(Recipient)
    if not _has_ground(session, values):
        return False
    known = session.get(Notice, values["id"])
    if known is not None and _progress(values_of(known)[1]) >= _progress(values):
        return False
    for account in record.of(Account):
        put(session, Account, ("id",), known_columns(Account, account), replace=False)
    # Somebody may have written the recipient down anew.
    there = session.scalar(select(Recipient.id).where(Recipient.name == recipient["name"]))
    if there is None:
        put(session, Recipient, ("id",), known_columns(Recipient, recipient), replace=False)
    own = known_columns(Notice, values) | {"recipient_id": there or recipient["id"], "item_id": None}
    table = table_of(Notice.__tablename__)
    if known is None:
        session.execute(table.insert().values(own))
    else:
        session.execute(update(table).where(table.c.id == values["id"]).values(own))
    session.expire_all()
    return True


def _has_ground(session: Session, values: Values) -> bool:
    """Whether what it tells of is known, and nothing else took its number meanwhile."""
    of = Erasure if values["erasure_id"] else Order
    same = {name: values[name] for name in ("erasure_id", "order_id", "recipient_id", "number")}
    taken = session.scalar(select(Notice.id).filter_by(**same).where(Notice.id != values["id"]))
    return session.get(of, values["erasure_id"] or values["order_id"]) is not None and taken is None


def _progress(values: Values) -> tuple[datetime, int, bool, bool, float]:
    """Grows with all that happens to a notice, also when what it said is purged, or will be sooner."""
    came = (values["answered_at"] or BEFORE_ALL, len(values["facts"]), values["sent_at"] is not None)
    return (*came, values["sealed"] is None, -values["purge_after"].timestamp())


def _take_up(session: Session) -> None:
    """Close the items of plans whose recipients have answered. Orders take answers up by themselves."""
    open_items = select(Notice).join(ErasureItem, ErasureItem.id == Notice.item_id).where(ErasureItem.result.is_(None))
    for notice in session.scalars(open_items.order_by(Notice.answered_at, Notice.number)).all():
        outcome = sending.outcome_of(session, notice)
        if outcome is not None:
            answering.close_item(session, notice, *outcome, notice.account_id)

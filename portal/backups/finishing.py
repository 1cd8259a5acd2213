"""Making a database that was put back fit to serve: the log goes on where it was, what was erased since is erased."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal.audit import ledger
from portal.backups import copies
from portal.cases.purging import purge
from portal.config import Config
from portal.db import Database
from portal.erasure import rechecking, redoing, remembering
from portal.errors import Conflict, Unavailable
from portal.tables import Entry, Order


@dataclass(frozen=True)
class Report:
    """What was done: lines of the log that were put back; erasures that were done again, and those of which something
    was back; items that are still there or are refused now; rows of our own that had had their time; orders begun
    since, which have to be given again.
    """

    entries: int
    erasures: int
    back: int
    left: int
    refused: int
    purged: int
    orders: int


def finish(database: Database, *, in_stores: bool = True, despite_orders: bool = False) -> Report:
    """Erase again what was erased since the copy was made, check it, and let the installation serve.

    May be called again after a kill or an error. Without `in_stores` no store is touched: for trying a copy out.
    Raises Conflict when the log cannot go on, or orders were begun since: what these erased is not known here, and
    only with `despite_orders` it serves all the same. Raises Unavailable while a store is away.
    """
    _see_database(database.config)
    copies.mark(database.config)
    with database.writing() as session:
        entries = audit.catch_up(session)
        orders = _orders_since(session)
        if orders and not despite_orders:
            raise Conflict(
                f"{orders} orders were begun after this copy was made, and their photographs are in it again. "
                "Take a newer copy, or restore with --despite-orders and give these orders again at once.",
                "orders-since",
            )
        wanted = [ledger.read(session, name, stage) for name, stage in remembering.missing(session, deep=True).items()]
    records = sorted((record for record in wanted if record is not None), key=lambda record: record.at)
    done = [redoing.redo(database, record.name, record.stage, in_stores=in_stores) for record in records]
    with database.writing() as session:
        report = Report(
            entries=entries,
            erasures=len(done),
            back=sum(one.again for one in done),
            left=sum(one.left for one in done),
            refused=sum(one.refused for one in done),
            purged=sum(purge(session).values()),
            orders=orders,
        )
        rechecking.recheck_all(session)
        audit.append(session, "restored", vars(report))
        audit.publish(session)
    database.forget_deleted_bytes()
    copies.unmark(database.config)
    return report


def _orders_since(session: Session) -> int:
    """Orders that the log has begun and the database has not."""
    bodies = session.scalars(select(Entry.body).where(Entry.kind == "order-started"))
    begun = {json.loads(body)["facts"]["order"] for body in bodies}
    known = select(Order.id).where(Order.started_at.is_not(None))
    return len(begun - set(session.scalars(known)))


def _see_database(config: Config) -> None:
    """A restore that was killed may have left none, and an empty one must not be made in its place."""
    if not config.database_url and not (config.data / copies.DATABASE).is_file():
        raise Unavailable("Putting the copy back was broken off. Run `efface restore` again.", "restore-broken-off")

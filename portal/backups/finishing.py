"""Making a database that was put back fit to serve: the log goes on where it was, what was erased since is erased."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal import audit
from portal.audit import heads, ledger
from portal.backups import copies, forgetting
from portal.config import Config
from portal.db import Database
from portal.erasure import rechecking, redoing, remembering
from portal.errors import Conflict, Unavailable
from portal.notices import feeds
from portal.notices import remembering as remembered_notices
from portal.orders import rechecking as rechecking_orders
from portal.orders import redoing as redoing_orders
from portal.orders import remembering as remembered_orders


@dataclass(frozen=True)
class Report:
    """What was done: lines of the log that were put back; erasures and orders that were done again, and those of which
    something was back; notices and lines of removal feeds that were put back; items that are still there or are refused
    now; requests that were open again, and things that people had sent and that were back; rows of our own that had had
    their time.
    """

    entries: int
    erasures: int
    orders: int
    notices: int
    feed_lines: int
    back: int
    left: int
    refused: int
    ended: int
    forgotten: int
    purged: int


def finish(database: Database, *, in_stores: bool = True, without_log: bool = False) -> Report:
    """Erase again what was erased since the copy was made, check it, and let the installation serve.

    May be called again after a kill or an error. Without `in_stores` no store is touched: for trying a copy out.
    Raises Conflict when the log cannot go on, or what is kept of an erasure or an order is not whole, or when the
    folder `log` is lost and nobody said that it goes on `without_log`; Unavailable while a store is away.
    """
    _see_database(database.config)
    if not without_log:
        _see_log(database)
    copies.mark(database.config)
    with database.writing() as session:
        entries = audit.catch_up(session)
        # Before anything is erased again: it would be written behind the lines that are here.
        feed_lines = feeds.catch_up(session)
        _refuse_lost(session)
        orders = remembered_orders.missing(session, deep=True)
        wanted = [ledger.read(session, name, stage) for name, stage in remembering.missing(session, deep=True).items()]
    records = sorted((record for record in wanted if record is not None), key=lambda record: record.at)
    done = [redoing.redo(database, record.name, record.stage, in_stores=in_stores) for record in records]
    done += [redoing_orders.redo(database, name, stage, in_stores=in_stores) for name, stage in orders.items()]
    with database.writing() as session:
        report = Report(
            entries=entries,
            erasures=len(records),
            orders=len(orders),
            notices=remembered_notices.put_back(session),
            feed_lines=feed_lines,
            back=sum(one.again for one in done),
            left=sum(one.left for one in done),
            refused=sum(one.refused for one in done),
            ended=forgetting.end_again(session),
            forgotten=forgetting.delete_again(session),
            purged=forgetting.purge_all(session),
        )
        rechecking.recheck_all(session)
        rechecking_orders.recheck_all(session)
        audit.append(session, "restored", vars(report))
        audit.publish(session)
    database.forget_deleted_bytes()
    copies.unmark(database.config)
    return report


def _see_log(database: Database) -> None:
    """Nobody may take a restore for whole that could not know what was erased since."""
    folder = heads.folder_of(database.config)
    with database.reading() as session:
        signed = audit.newest_checkpoint(session) is not None
    if signed and heads.read(folder) is None:
        raise Conflict(
            f"What was erased since this copy was made is not known: {folder} is not there, or not whole. Put it back "
            "first. If it is lost for good: `efface restore COPY --without-log`. People who were erased since come "
            "back by that: erase them again by hand.",
            "log-lost",
        )


def _refuse_lost(session: Session) -> None:
    lost = remembered_orders.lost(session)
    if lost:
        raise Conflict(
            f"{lost} orders were begun after this copy was made, and what is kept about them beside the database is "
            "gone. Their photographs are in this copy again. Take a newer one.",
            "ledger-broken",
        )


def _see_database(config: Config) -> None:
    """A restore that was killed may have left none, and an empty one must not be made in its place."""
    if not config.database_url and not (config.data / copies.DATABASE).is_file():
        raise Unavailable("Putting the copy back was broken off. Run `efface restore` again.", "restore-broken-off")

"""What erasures and orders share when they are carried out again after a restore: rows, trust in the log, the claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.audit.ledger import Values, table_of
from portal.db import Database
from portal.errors import Conflict, EffaceError
from portal.jobs import Lease, claim, renewed
from portal.tables import Base, Entry, Image, Recipient, Store


def put(session: Session, table: type[Base], keys: tuple[str, ...], values: Values, *, replace: bool) -> None:
    """Insert the row where none has these `keys`; else leave it, or `replace` its values. Raises IntegrityError."""
    rows = table_of(table.__tablename__)
    found = [rows.c[key] == values[key] for key in keys]
    if session.execute(select(rows.c[keys[0]]).where(*found)).first() is None:
        session.execute(rows.insert().values(_as_known(session, table, values)))
    elif replace:
        session.execute(update(rows).where(*found).values(values))


def _as_known(session: Session, table: type[Base], values: Values) -> Values:
    """What a row points to may be newer than the backup: an encoder, or the recipient who holds a store."""
    if table is Image:
        return {**values, "encoder_id": None}
    if table is Store and session.get(Recipient, values.get("holder_id") or "") is None:
        return {**values, "holder_id": None}
    return values


def known_columns(table: type[Base], values: Values, *, without_number: bool = False) -> Values:
    """The values for which the table has a column. A row that nobody knows by its number gets another one."""
    columns = table_of(table.__tablename__).c.keys()
    return {name: value for name, value in values.items() if name in columns and not (without_number and name == "id")}


def is_in_log(session: Session, certificate: Values) -> bool:
    """Whether the statement of a certificate on record came into the log."""
    entry = session.get(Entry, certificate["entry"])
    return entry is not None and entry.body == certificate["statement"]


@contextmanager
def claimed(database: Database, kind: str, row_id: str, what: str) -> Iterator[Lease]:
    """The lease of a row that is due, kept meanwhile, and given back when something goes wrong.

    Raises Conflict, naming `what`, while somebody else carries it out.
    """
    lease = claim(database, kind, row_id)
    if lease is None:
        raise Conflict(f"{what} {row_id} is being carried out by another process.", "running")
    try:
        with renewed(lease):
            yield lease
    except EffaceError:
        with database.writing() as session:
            lease.again(session, timedelta(0))
        raise

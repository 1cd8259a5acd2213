"""Finding lines of the log by what they are, when they were written and what they are about. Reads only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import TooLarge
from portal.tables import Entry

# A table that programs for tables still open.
MOST_IN_A_TABLE = 100_000
AT_ONCE = 1_000


@dataclass(frozen=True)
class Wanted:
    """What to find; what is empty or None counts for all. Days are civil days of the installation, both included.

    `about` stands in the line as it is: the id of a case, of an account, of an erasure. `before` is a position.
    """

    kind: str = ""
    since: date | None = None
    until: date | None = None
    about: str = ""
    before: int | None = None


def lines(session: Session, wanted: Wanted) -> Iterator[Entry]:
    """The lines that fit, newest first, read as they are asked for."""
    query = select(Entry).order_by(Entry.position.desc())
    zone = config_of(session).zone
    if wanted.kind:
        query = query.where(Entry.kind == wanted.kind)
    if wanted.before is not None:
        query = query.where(Entry.position < wanted.before)
    if wanted.since is not None:
        query = query.where(Entry.at >= _midnight(wanted.since, zone))
    if wanted.until is not None:
        query = query.where(Entry.at < _midnight(wanted.until + timedelta(days=1), zone))
    about = wanted.about.encode()
    found = session.scalars(query.execution_options(yield_per=AT_ONCE))
    # Bytes are looked through here: no two kinds of database search them in the same words.
    return (entry for entry in found if about in entry.body)


def as_csv(found: Iterable[Entry]) -> str:
    """The lines as CSV with a header. `line` is exactly what was hashed. Raises TooLarge above MOST_IN_A_TABLE.

    No personal data is in any line of the log, so none is in this.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["position", "at", "kind", "line", "leaf_hash"])
    for number, entry in enumerate(islice(found, MOST_IN_A_TABLE + 1)):
        if number == MOST_IN_A_TABLE:
            raise TooLarge(f"These are more than {MOST_IN_A_TABLE:,} lines. Choose fewer days or one kind.")
        at = entry.at.isoformat(timespec="seconds")
        writer.writerow([entry.position, at, entry.kind, entry.body.decode(), entry.leaf_hash.hex()])
    return out.getvalue()


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))

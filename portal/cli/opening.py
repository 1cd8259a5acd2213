"""How a command gets at the installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portal import schema
from portal.config import read_config
from portal.db import Database
from portal.errors import Unavailable


@contextmanager
def opened(*, check: bool = True) -> Iterator[Database]:
    """The database of the installation that the environment names. Raises Unavailable when its tables are not there."""
    database = Database(read_config())
    try:
        if check and not schema.is_current(database):
            raise Unavailable("The tables are missing or of an older version. Run: efface db upgrade", "old-tables")
        yield database
    finally:
        database.close()

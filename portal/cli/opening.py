"""How a command gets at the installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portal.config import read_config
from portal.db import Database


@contextmanager
def opened() -> Iterator[Database]:
    """The database of the installation that the environment names."""
    database = Database(read_config())
    try:
        yield database
    finally:
        database.close()

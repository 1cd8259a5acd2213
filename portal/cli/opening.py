"""How a command gets at the installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, OperationalError

from portal import schema
from portal.config import Config, read_config
from portal.db import Database
from portal.errors import Unavailable


@contextmanager
def opened(*, check: bool = True) -> Iterator[Database]:
    """The database of the installation that the environment names.

    Raises Unavailable when it or its tables are not there. `check=False` is for commands that make them.
    """
    config = read_config()
    if check and not config.database_url and not (config.data / "efface.sqlite").is_file():
        # A slip in the name of the folder must not leave an empty installation behind.
        raise Unavailable(f"There is no installation in {config.data}. Set EFFACE_DATA, or run: efface up", "no-tables")
    with answering():
        yield from _opened(config, check)


def _opened(config: Config, check: bool) -> Iterator[Database]:
    make_data_folder(config)
    database = Database(config)
    try:
        if check and not schema.is_current(database):
            raise Unavailable("The tables are missing or of an older version. Run: efface db upgrade", "old-tables")
        yield database
    finally:
        database.close()


def make_data_folder(config: Config) -> None:
    """Raises Unavailable when it is not there and cannot be made."""
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        sentence = f"The data folder {config.data} cannot be made: {problem.strerror}. Set EFFACE_DATA."
        raise Unavailable(sentence, "no-data-folder") from problem


@contextmanager
def answering() -> Iterator[None]:
    """Raises Unavailable in place of the errors of a database that is away or is none.

    Of other errors nothing is hidden. A statement is never shown: what people wrote may be in it.
    """
    try:
        yield
    except DatabaseError as problem:
        if not isinstance(problem, OperationalError) and type(problem) is not DatabaseError:
            raise
        said = (str(problem.orig).splitlines() or ["no reason given"])[0]
        raise Unavailable(f"The database does not answer: {said}.", "database-away") from problem

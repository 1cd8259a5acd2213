"""What has to be known about a table before it can be a store, each thing checked in the database itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, Integer, LargeBinary, NullPool, String, create_engine, event, inspect, make_url
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError

from portal.errors import BadInput, StoreUnavailable

NEEDED = {
    "url": "Say where the database is, such as sqlite:////srv/pictures.sqlite.",
    "table": "Say which table the pictures are in.",
    "key": "Say which column has the key of each picture.",
    "image": "Say which column has the pictures themselves.",
}
# The same where the rows only name the files.
NEEDED_FOR_FILES = {
    **{name: sentence for name, sentence in NEEDED.items() if name != "image"},
    "path": "Say which column has the path of each picture's file.",
    "folder": "Say which folder the files are in.",
}
WAYS = ("empty", "row")
SECONDS_TO_WAIT = 30


def checked_settings(settings: Mapping[str, Any], needed: Mapping[str, str] = NEEDED) -> dict[str, Any]:
    """The settings of a table store as they are kept. Raises BadInput naming what is wrong, StoreUnavailable."""
    unknown = sorted(set(settings) - {*needed, "erase"})
    if unknown:
        raise BadInput(f"A table store has no setting called {unknown[0]!r}.")
    kept = {name: str(settings.get(name) or "").strip() for name in needed}
    for name, sentence in needed.items():
        if not kept[name]:
            raise BadInput(sentence)
    way = str(settings.get("erase") or "empty")
    if way not in WAYS:
        raise BadInput(f"Erasing can be {' or '.join(WAYS)}, but not {way!r}.")
    _check_url(kept["url"])
    try:
        numbers = _check_columns(inspect(engine_of(kept["url"], may_erase=False)), kept, way)
    except NoSuchTableError as problem:
        raise BadInput(f"There is no table called {kept['table']!r} in this database.") from problem
    except SQLAlchemyError as problem:
        raise StoreUnavailable(f"The database says no: {reason(problem)}.") from problem
    return {**kept, "erase": way, "whole_numbers": numbers}


def _check_url(text: str) -> None:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as problem:
        raise BadInput("This is not the URL of a database, such as sqlite:////srv/pictures.sqlite.") from problem
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadInput(f"A table store can be in SQLite or PostgreSQL, but not in {url.get_backend_name()}.")
    if url.password is not None or "password" in url.query:
        raise BadInput("Leave the password out of the URL: it would be shown. Put it into the file ~/.pgpass.")
    if url.get_backend_name() == "sqlite" and not (Path(url.database or "").is_absolute() and place_of(text).is_file()):
        raise BadInput(f"There is no database file {url.database or ''!r}. Give its full path: sqlite:////srv/...")


def _check_columns(inspector: Inspector, kept: Mapping[str, str], way: str) -> bool:
    """Whether the keys are whole numbers. Raises BadInput when the columns cannot hold a store."""
    schema, table = table_name(kept["table"])
    columns = {each["name"]: each for each in inspector.get_columns(table, schema)}
    content = kept.get("path") or kept["image"]
    for name in (kept["key"], content):
        if name not in columns:
            raise BadInput(f"The table {kept['table']} has no column called {name!r}. It has: {', '.join(columns)}.")
    key, image = columns[kept["key"]], columns[content]
    if not isinstance(key["type"], Integer | String):
        raise BadInput(f"The keys in {kept['key']} must be texts or whole numbers.")
    if "path" in kept and (not isinstance(image["type"], String) or content == kept["key"]):
        raise BadInput(f"The column {content} must be a text of its own, with the path of a file.")
    if "path" not in kept and not isinstance(image["type"], LargeBinary):
        raise BadInput(f"The column {content} does not hold pictures: it must be a BLOB or bytea.")
    if not _is_unique(inspector, table, schema, kept["key"]):
        raise BadInput(f"Two rows could have the same {kept['key']}. Make that column unique, or choose another.")
    if way == "empty" and not image["nullable"]:
        raise BadInput(f"The column {content} may not be empty, so whole rows must be deleted. Choose that.")
    return isinstance(key["type"], Integer)


def _is_unique(inspector: Inspector, table: str, schema: str | None, key: str) -> bool:
    alone = [
        inspector.get_pk_constraint(table, schema)["constrained_columns"],
        *(each["column_names"] for each in inspector.get_unique_constraints(table, schema)),
        *(each["column_names"] for each in inspector.get_indexes(table, schema) if each["unique"]),
    ]
    return [key] in alone


def engine_of(url: str, may_erase: bool) -> Engine:
    """An engine that keeps no connection open. Where nothing may be erased, nothing can be written either."""
    if make_url(url).get_backend_name() == "sqlite":
        place = f"file:{quote(str(place_of(url)))}?mode={'rw' if may_erase else 'ro'}"
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(place, uri=True, timeout=SECONDS_TO_WAIT, check_same_thread=False),
            poolclass=NullPool,
            hide_parameters=True,
        )
        # What is erased is overwritten in the file.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = ON"))
        return engine
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    except ModuleNotFoundError as problem:
        raise BadInput("For PostgreSQL install the extra: pip install 'efface[postgres]'.") from problem
    return engine if may_erase else engine.execution_options(postgresql_readonly=True)


def place_of(url: str) -> Path:
    """The file of a SQLite database."""
    return Path(make_url(url).database or "").resolve()


def same_place(one: str, other: str) -> bool:
    """Whether two URLs lead to the same database, however it is called in them."""
    here, there = make_url(one), make_url(other)
    if here.get_backend_name() != there.get_backend_name():
        return False
    if here.get_backend_name() == "sqlite":
        return place_of(one) == place_of(other)
    places = [(each.host or "localhost", each.port or 5432, each.database or each.username) for each in (here, there)]
    return places[0] == places[1]


def table_name(name: str) -> tuple[str | None, str]:
    """(schema, table) of `table` or `schema.table`."""
    schema, _, last = name.rpartition(".")
    return schema or None, last


def reason(problem: SQLAlchemyError) -> str:
    """The first line of what the database said: the others may show what is in a row."""
    lines = str(getattr(problem, "orig", None) or problem).splitlines()
    return lines[0][:200].rstrip(".") if lines else type(problem).__name__

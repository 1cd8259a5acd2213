"""A store that is a table of a database, with the pictures in one of its columns. A key is a row's key, as text.

Erasing empties the picture of the row, or deletes the row, as the operator has set. It touches the row only while it
holds the bytes that were approved.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, cast, collate, column, false, func, select, table, text, update
from sqlalchemy import Text as TextType
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import SQLAlchemyError

from portal.errors import Conflict, NotAllowed, NotFound, StoreUnavailable, TooLarge
from portal.stores.connector import LARGEST_OBJECT, Check, Found, Texts
from portal.stores.sql_settings import checked_settings, engine_of, place_of, reason, same_place, table_name

KEYS_A_PAGE = 1000
PICTURES_A_PAGE = 20
SAMPLE = 12
# The database sorts keys by their bytes, which is the order of their code points; its own order may be another.
BY_BYTES = {"sqlite": "BINARY", "postgresql": "C"}
WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
# The names of the portal's own tombstones: no object may have one of them.
TOMBSTONES = "/erased/"


class Sql:
    """Connector to a table. Settings: `url`, `table`, `key`, `image` (names) and `erase` (`empty` or `row`)."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        self.name = name
        self.may_erase = may_erase
        self.mark = mark
        self._settings = settings
        self._engine = engine_of(settings["url"], may_erase)
        schema, last = table_name(settings["table"])
        self._table = table(last, column(settings["key"]), column(settings["image"]), schema=schema)
        self._key: ColumnElement[Any] = self._table.c[settings["key"]]
        self._image: ColumnElement[Any] = self._table.c[settings["image"]]
        as_text = self._key if not settings["whole_numbers"] else cast(self._key, TextType)
        self._order: ColumnElement[Any] = collate(as_text, BY_BYTES[self._engine.dialect.name])

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        return checked_settings(settings)

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return same_place(one["url"], other["url"]) and table_name(one["table"]) == table_name(other["table"])

    def check(self) -> Check:
        """Writing is tried on no row at all: the database says whether it would be allowed."""
        notes: Texts = []
        with self._connected(look=False) as connection:
            mark = self._mark_in(connection)
        sample = [found.key for found in islice(self.list(), SAMPLE)]
        readable = all([self._can_open(key, notes) for key in sample[:3]])
        if not sample:
            notes.append("There is no picture in the table.")
        if self._engine.dialect.name == "postgresql":
            notes.append(
                "PostgreSQL keeps the bytes of what is erased until the table is vacuumed, and in its backups."
            )
        erasable = self._try_erasing(notes)
        return Check(readable, True, erasable, erasable, mark, notes, sample)

    def count(self) -> int:
        with self._connected() as connection:
            return int(
                connection.execute(select(func.count()).select_from(self._table).where(*self._listed())).scalar_one()
            )

    def list(self, after: str | None = None) -> Iterator[Found]:
        while keys := self._keys_after(after):
            for start in range(0, len(keys), PICTURES_A_PAGE):
                yield from self._found(keys[start : start + PICTURES_A_PAGE])
            after = str(keys[-1])

    def open(self, key: str) -> bytes:
        with self._connected() as connection:
            size = connection.execute(select(func.length(self._image)).where(self._is(key))).scalar()
            if size is not None and size > LARGEST_OBJECT:
                raise TooLarge(
                    f"This picture is larger than {LARGEST_OBJECT >> 20} megabytes, so it was not looked at."
                )
            data = self._bytes_of(connection, key)
        if data is None:
            raise NotFound(f"This picture is not in {self.name} any more.")
        return data

    def enumerate_copies(self, key: str) -> Texts:
        """A table has one row for one key. Other rows with the same bytes are found by their digests."""
        return [key]

    def erase_copy(self, ref: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        with self._connected() as connection:
            data = self._bytes_of(connection, ref)
            if data is None:
                return "already-absent"
            if hashlib.sha256(data).digest() != digest:
                self._changed()
            # Between looking and this, another picture may have come into the row.
            if connection.execute(self._erasing().where(self._is(ref), self._image == data)).rowcount != 1:
                self._changed()
        self._forget_bytes()
        return "deleted"

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Asks, over a new connection, how many rows have this key as text, where erasing went by the key itself."""
        with self._connected() as connection:
            rows = select(func.count()).select_from(self._table).where(self._order == ref, self._image.is_not(None))
            return "present" if connection.execute(rows).scalar_one() else "absent"

    def _erasing(self) -> Any:
        if self._settings["erase"] == "row":
            return delete_from(self._table)
        return update(self._table).values({self._settings["image"]: None})

    def _listed(self) -> tuple[ColumnElement[bool], ...]:
        outside = func.substr(self._order, 1, len(TOMBSTONES)) != TOMBSTONES
        return self._image.is_not(None), self._key.is_not(None), self._order != "", outside

    def _keys_after(self, after: str | None) -> Any:
        """The next keys in the order of their texts, in the form in which they stand in the table."""
        statement = select(self._key).where(*self._listed()).order_by(self._order).limit(KEYS_A_PAGE)
        if after is not None:
            statement = statement.where(self._order > after)
        with self._connected() as connection:
            return connection.execute(statement).scalars().all()

    def _found(self, keys: Any) -> Iterator[Found]:
        pictures = self._contents(keys)
        for key in keys:
            if (data := pictures.get(str(key))) is not None:
                version = hashlib.blake2b(data, digest_size=16).hexdigest()
                yield Found(str(key), len(data), f"{len(data)}-{version}")

    def _contents(self, keys: Any) -> dict[str, Any]:
        with self._connected() as connection:
            rows = connection.execute(select(self._key, self._image).where(self._key.in_(keys)))
            return {str(key): content for key, content in rows if content is not None}

    def _bytes_of(self, connection: Connection, key: str) -> bytes | None:
        data = connection.execute(select(self._image).where(self._is(key))).scalar()
        return None if data is None else bytes(data)

    def _is(self, key: str) -> ColumnElement[bool]:
        """The row with this key. A text that is no number names no row of a table whose keys are numbers."""
        if not self._settings["whole_numbers"]:
            return self._key == key
        return self._key == int(key) if WHOLE_NUMBER.fullmatch(key) else false()

    def _can_open(self, key: str, notes: Texts) -> bool:
        try:
            self.open(key)
        except TooLarge as problem:
            notes.append(problem.sentence)
        return True

    def _try_erasing(self, notes: Texts) -> bool:
        if not self.may_erase:
            notes.append("Erasing was not tried: the operator has not allowed it here.")
            return False
        try:
            with self._connected() as connection:
                connection.execute(self._erasing().where(text("1 = 0")))
        except StoreUnavailable as problem:
            notes.append(f"Nothing can be erased here. {problem.sentence}")
            return False
        return True

    def _forget_bytes(self) -> None:
        """SQLite has overwritten the bytes in its file; here it empties its write-ahead log of them, too."""
        if self._engine.dialect.name == "sqlite":
            with self._connected() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _connected(self, look: bool = True) -> Iterator[Connection]:
        """A transaction in the database that was added. Raises StoreUnavailable when it is away, or another."""
        try:
            with self._engine.begin() as connection:
                if look and self.mark is not None and self._mark_in(connection) != self.mark:
                    raise StoreUnavailable(
                        f"The table of {self.name} is not the one that was added. "
                        "If you moved it yourself, test the store again.",
                        "store-replaced",
                    )
                yield connection
        except SQLAlchemyError as problem:
            raise StoreUnavailable(f"The database of {self.name} says no: {reason(problem)}.") from problem

    def _mark_in(self, connection: Connection) -> str:
        """SQLite: the file's inode. PostgreSQL: the numbers of the database and of the table."""
        if self._engine.dialect.name == "sqlite":
            try:
                return str(os.stat(place_of(self._settings["url"])).st_ino)
            except OSError as problem:
                raise StoreUnavailable(f"The database file of {self.name} is not there.") from problem
        quoted = connection.dialect.identifier_preparer.format_table(self._table)
        statement = text(
            "SELECT concat(oid, '-', CAST(to_regclass(:name) AS oid)) FROM pg_database"
            " WHERE datname = current_database()"
        )
        return str(connection.execute(statement, {"name": quoted}).scalar_one())

    def _changed(self) -> None:
        sentence = f"A picture in {self.name} has changed since its erasing was approved. It was not touched."
        raise Conflict(sentence, "content-changed")

"""A store that is a table of a database whose rows name files in a folder. A key is a row's key, as text.

Erasing takes the file away, then empties the path in the row or deletes the row, as the operator has set. The row goes
last, and only when the folder's listing does not show the file any more: so a row that is gone says that its file is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, select

from portal.errors import BadInput, NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable
from portal.stores.connector import Check, Found, Texts
from portal.stores.folder import Folder
from portal.stores.sql import Sql
from portal.stores.sql_settings import NEEDED_FOR_FILES, checked_settings

NAMED_OUTSIDE = "outside"


class SqlFiles(Sql):
    """Connector to a table of paths. Settings: `url`, `table`, `key`, `path` (names), `folder`, and `erase`."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        of_table, _, of_folder = (mark or "").partition("/")
        super().__init__(name, {**settings, "image": settings["path"]}, may_erase, of_table or None)
        self._folder = Path(settings["folder"])
        self._files = _Files(name, settings, may_erase, of_folder or None)

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        kept = checked_settings(settings, NEEDED_FOR_FILES)
        return {**kept, **Folder.clean({"folder": kept["folder"]})}

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return Sql.overlap(one, other) or Folder.overlap(one, other)

    def check(self) -> Check:
        """What the table allows, and the folder as well."""
        table, files = super().check(), self._files.check()
        return Check(
            readable=table.readable and files.readable,
            listable=table.listable and files.listable,
            writable=table.writable and files.writable,
            erasable=table.erasable and files.erasable,
            mark=f"{table.mark}/{files.mark}",
            notes=list(dict.fromkeys([*table.notes, *files.notes])),
            sample=table.sample,
        )

    def open(self, key: str) -> bytes:
        with self._connected() as connection:
            path = self._path_of(connection, key)
        if path is None:
            raise NotFound(f"This picture is not in {self.name} any more.")
        return self._files.open(self._inside(path))

    def erase_copy(self, ref: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        with self._connected() as connection:
            path = self._path_of(connection, ref)
        if path is None:
            return "already-absent"
        name = self._inside(path)
        self._files.erase_copy(name, digest)
        if self._files.probe_copy(name) == "present":
            self._changed()
        with self._connected() as connection:
            # Between the file and this, the row may have got another path: that is another photograph.
            if connection.execute(self._erasing().where(self._is(ref), self._image == path)).rowcount != 1:
                self._changed()
        self._forget_bytes()
        return "deleted"

    def _listed(self) -> tuple[ColumnElement[bool], ...]:
        return (*super()._listed(), self._image != "")

    def _found(self, keys: Any) -> Iterator[Found]:
        """A row whose file is not there is no object. One that names a file elsewhere is: scans say what is wrong."""
        paths = self._contents(keys)
        for key in keys:
            if not paths.get(str(key)):
                continue
            try:
                status = self._files.status(self._inside(paths[str(key)]))
            except ObjectUnreadable:
                yield Found(str(key), 0, NAMED_OUTSIDE)
                continue
            if status is not None:
                yield Found(str(key), status.st_size, f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}")

    def _path_of(self, connection: Connection, key: str) -> str | None:
        path = connection.execute(select(self._image).where(self._is(key))).scalar()
        return str(path) if path else None

    def _inside(self, path: str) -> str:
        """The key in the folder; a full path counts where it leads into the folder."""
        place = Path(path)
        try:
            if place.is_absolute():
                path = place.relative_to(self._folder).as_posix()
            self._files.enumerate_copies(path)
        except (BadInput, ValueError) as problem:
            raise ObjectUnreadable(
                f"A row of {self.name} names a file that is not in its folder. It was not opened."
            ) from problem
        return path

    def _can_open(self, key: str, notes: Texts) -> bool:
        try:
            return super()._can_open(key, notes)
        except NotFound as problem:
            notes.append(problem.sentence)
        except StoreUnavailable as problem:
            notes.append(problem.sentence)
            return False
        return True


class _Files(Folder):
    """The folder of the files."""

    def status(self, key: str) -> os.stat_result | None:
        """What the system knows of a file, without following links. None when it is not there."""
        with self._parent(key) as (parent, name):
            if parent is None:
                return None
            try:
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as problem:
                self._away(problem)

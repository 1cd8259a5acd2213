"""Saving the database of an installation, and putting such a copy in its place.

A copy is a folder: the database as it was at one instant, the files of added encoders, and `copy.json` with their
digests. Neither the keys are in it, so that a stolen copy does not open, nor what is kept beside the database so that
a restored one knows what is missing in it: the log's last head and entries, and what was erased.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from portal import clock
from portal.audit import heads
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, Conflict, Unavailable
from portal.keys import keys_in

FORMAT = 2
DATABASE = "efface.sqlite"
ENCODERS = "encoders"
SAID = "copy.json"
MARK = "restoring"
BEFORE = "before-restore.sqlite"
DRAFT_TIME = timedelta(days=1)
"""A draft that is older was left by a process that was killed."""


@dataclass(frozen=True)
class Copy:
    """A copy that was found to be whole: when it was made, and the SHA-256 of each file in it."""

    folder: Path
    at: datetime
    files: dict[str, str]


def save(database: Database, folder: Path) -> Copy:
    """Make a copy in a new folder below `folder`, while the portal goes on. Raises BadInput, Unavailable.

    It is there as a whole or not at all. Raises Conflict while another copy is put back: what is erased again just
    then would be in it, and for longer than what is needed for that is kept.
    """
    config = database.config
    _only_sqlite(config)
    at = clock.now()
    whole = folder / f"efface-{at:%Y-%m-%dT%H%M%S}Z"
    draft = folder / f".{whole.name}.new"
    with _writing(folder):
        _remove_leftovers(folder)
        if whole.exists():
            raise BadInput(f"{whole} is there already.", "already-there")
        draft.mkdir(mode=0o700, parents=True)
        try:
            _copy_database(config, draft / DATABASE)
            _copy_encoders(config, draft)
            files = {str(path.relative_to(draft)): _digest(path) for path in sorted(draft.rglob("*")) if path.is_file()}
            said = {"format": FORMAT, "at": at.isoformat(), "key": _key_check(config), "files": files}
            if is_marked(config):
                raise Conflict("A copy is being put back just now. Make one once that is through.", "restoring")
            (draft / SAID).write_text(json.dumps(said | {"seal": _seal(config, said)}, indent=1) + "\n")
            _sync(draft)
            draft.rename(whole)
            heads.sync_folder(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return Copy(whole, at, files)


def read_copy(config: Config, folder: Path) -> Copy:
    """The copy in `folder`, after every file was compared with its digest.

    Raises BadInput, naming the file, when it is not whole, not of this installation's key, of a day to come, or too
    old: what was erased since is known for EFFACE_BACKUP_DAYS only.
    """
    said = _said(folder)
    at = datetime.fromisoformat(said["at"])
    if said.get("key") != _key_check(config):
        raise BadInput("This copy was made with another key. Put the folder `keys` back first.", "other-key")
    if said.get("seal") != _seal(config, said):
        raise BadInput(f"{SAID} in this copy was changed.", "copy-broken")
    if at - clock.now() > timedelta(days=1):
        raise BadInput(
            f"This copy is of {at:%Y-%m-%d}, which is to come. Is the clock of this machine right?", "to-come"
        )
    if clock.now() - at > timedelta(days=config.backup_days):
        days = config.backup_days
        raise BadInput(
            f"This copy is of {at:%Y-%m-%d}, more than {days} days old. What was erased since is not known any more, "
            "so it would bring people back. Take a newer one.",
            "too-old",
        )
    for name, digest in said["files"].items():
        path = folder / name
        if not path.is_file():
            raise BadInput(f"{name} is missing in this copy.", "copy-broken")
        if _digest(path) != digest:
            raise BadInput(f"{name} in this copy was changed: its digest is another.", "copy-broken")
    return Copy(folder, at, said["files"])


def put_back(config: Config, copy: Copy) -> None:
    """Put the copy in the place of the database. From the first step on nothing is served until `finish` is through.

    Killed anywhere, it can be called again; what was there before lies in `before-restore.sqlite` until `finish`.
    Raises BadInput when the copy changes meanwhile, Unavailable when it cannot be read or written any more.
    """
    _only_sqlite(config)
    mark(config)
    try:
        _put_back(config, copy)
    except OSError as problem:
        raise Unavailable(
            f"The copy could not be put back: {problem}. Nothing is served until `efface restore` has gone through.",
            "restore-broken-off",
        ) from problem


def _put_back(config: Config, copy: Copy) -> None:
    data = config.data
    draft = data / f"{DATABASE}.new"
    shutil.copyfile(copy.folder / DATABASE, draft)
    _sync_file(draft)
    if _digest(draft) != copy.files[DATABASE]:
        raise BadInput(f"{DATABASE} in this copy has changed just now.", "copy-broken")
    if (data / DATABASE).exists() and not (data / BEFORE).exists():
        _close_wal(data / DATABASE)
        os.link(data / DATABASE, data / BEFORE)
    for ending in ("-wal", "-shm"):
        (data / f"{DATABASE}{ending}").unlink(missing_ok=True)
    draft.replace(data / DATABASE)
    for name in copy.files:
        if name.startswith(f"{ENCODERS}/"):
            (data / name).parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(copy.folder / name, data / name)
    heads.sync_folder(data)


def mark(config: Config) -> None:
    """Say, so that a kill does not undo it, that the installation is being put back."""
    folder = heads.folder_of(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARK).touch()
    heads.sync_folder(folder)


def is_marked(config: Config) -> bool:
    return (heads.folder_of(config) / MARK).exists()


def unmark(config: Config) -> None:
    """It is put back: the database that was there before goes, too, as what was erased may be in it."""
    for name in (BEFORE, f"{DATABASE}.new"):
        (config.data / name).unlink(missing_ok=True)
    (heads.folder_of(config) / MARK).unlink(missing_ok=True)


def _only_sqlite(config: Config) -> None:
    if config.database_url:
        raise BadInput(
            "This installation has a database of its own (EFFACE_DATABASE_URL). Save it and put it back with its own "
            "tools, such as pg_dump and pg_restore. What was erased since is erased again before anything is served.",
            "own-database",
        )


def _copy_database(config: Config, target: Path) -> None:
    path = config.data / DATABASE
    if not path.is_file():
        raise Unavailable(f"There is no database in {config.data}.", "no-tables")
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        # One instant of it, without the free pages in which deleted rows may still be read.
        connection.execute("VACUUM INTO ?", (str(target),))


def _copy_encoders(config: Config, draft: Path) -> None:
    held = config.data / ENCODERS
    if held.is_dir():
        shutil.copytree(held, draft / ENCODERS)


def _said(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / SAID).read_text())
        whole = said["format"] == FORMAT and isinstance(said["files"], dict) and DATABASE in said["files"]
        datetime.fromisoformat(said["at"])
    except FileNotFoundError as problem:
        below = sorted(path.parent.name for path in folder.glob(f"*/{SAID}"))
        hint = f"The newest copy below it is {below[-1]}." if below else f"There is no {SAID} in it."
        raise BadInput(f"{folder} is no copy of an installation. {hint}", "no-copy") from problem
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(f"{folder / SAID} cannot be read.", "copy-broken") from problem
    if not whole:
        raise BadInput(
            f"{folder / SAID} is of another version, and has no seal that could be checked here. "
            "Put it back with the version of Efface that made it, then install this one again.",
            "copy-broken",
        )
    return dict(said)


def _seal(config: Config, said: dict[str, Any]) -> str:
    """By this nobody without the key can make an old copy pass for a newer one, or for another."""
    told = {name: said[name] for name in ("format", "at", "key", "files")}
    return keys_in(config.data).digest("backup", json.dumps(told, sort_keys=True).encode())


def _remove_leftovers(folder: Path) -> None:
    """Drafts that a kill left behind: they hold what is erased since."""
    for draft in folder.glob(".efface-*Z.new"):
        if draft.stat().st_mtime < (clock.now() - DRAFT_TIME).timestamp():
            shutil.rmtree(draft)


def _key_check(config: Config) -> str:
    """Tells whether a copy opens with these keys, and nothing else."""
    return keys_in(config.data).digest("backup", b"which key")


def _close_wal(path: Path) -> None:
    """Bring what is in the write-ahead log into the file. A database that is broken is kept as it is."""
    try:
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        return


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except (OSError, sqlite3.OperationalError) as problem:
        raise Unavailable(f"The copy cannot be written to {folder}: {problem}.", "no-room") from problem


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync_file(path)
    heads.sync_folder(folder)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

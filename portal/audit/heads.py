"""The last signed head, kept in a file beside the database and outside of its backups."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from portal.audit import mirror, notes
from portal.audit.checkpoint import Head, read_head
from portal.config import Config
from portal.db import config_of
from portal.errors import Conflict
from portal.keys import keys_of
from portal.tables import Checkpoint

NAME = "last-head"


def origin_of(public: bytes) -> str:
    """The log's name: it follows from the signing key alone, and is the same as long as the key is."""
    return f"efface/log/{hashlib.sha256(public).hexdigest()[:16]}"


def folder_of(config: Config) -> Path:
    return config.data.absolute() / "log"


def open_head(session: Session, note: str) -> Head:
    """The head in a note that this installation signed. Raises NoteRefused."""
    public = keys_of(session).public_key
    verifier = notes.verifier_of(origin_of(public), public)
    head = read_head(notes.open_note(note, [verifier]).text)
    if head.origin != verifier.name:
        raise notes.NoteRefused("The head is of another log.", "unknown-key")
    return head


def known_before(session: Session, newest: Checkpoint | None) -> list[Head]:
    """What was signed last, by the file and by the database. Raises Conflict, code log-forked, if unreadable."""
    kept = read(folder_of(config_of(session)))
    try:
        return [open_head(session, note) for note in (kept, newest and newest.note) if note]
    except notes.NoteRefused as problem:
        raise Conflict(
            f"The last signed head of the log is not by our key. {problem.sentence}", "log-forked"
        ) from problem


def read(folder: Path) -> str | None:
    """The kept note, or None before the first."""
    path = folder / NAME
    return path.read_text() if path.exists() else None


def keep(folder: Path, size: int, note: str, start: int, bodies: Sequence[bytes]) -> None:
    """Replace the kept head in one step, unless a later one is there already. It is on the disk when this returns.

    `bodies` are the entries from position `start` on: they are copied first, so that the copy reaches up to the head.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        mirror.extend(folder, start, bodies)
        kept = read(folder)
        # The commits of two processes may end in the other order than they began.
        if kept is not None and size_in(kept) >= size:
            return
        draft = folder / f"{NAME}.new"
        with draft.open("w") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / NAME)
        sync_folder(folder)


def size_in(note: str) -> int:
    """How many entries a head is about. Nothing is checked: it is for notes of our own."""
    return int(note.split("\n")[1])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Have what was made, renamed or removed in a folder on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

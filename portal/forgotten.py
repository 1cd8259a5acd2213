"""What was deleted of what people sent, by its number, in files beside the database and outside of its backups.

A restored database has it again. By these lines it is deleted once more before anything is served. A line is written
before its transaction is committed: one too many deletes what was on its way out anyway, one too few would bring it
back. There is a file for each day; it goes once no backup is so old that it would be missing in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from portal import clock
from portal.config import Config
from portal.db import before_commit, config_of

FOLDER = "forgotten"
BEFORE = "forgotten_before"
KINDS = ("blob", "probe", "challenge", "profile", "contact", "photographs")
"""Rows by their number; who the person of a case is; by what the deleted photographs of a case could be known again."""


def note(session: Session, kind: str, ids: Iterable[str]) -> None:
    """Write down that these rows, or what these cases had of a `kind`, are deleted by this transaction."""
    lines: set[str] = session.info.setdefault(FOLDER, set())
    lines |= {f"{kind} {one}" for one in ids}
    if lines:
        before_commit(session, FOLDER, lambda: _write(session))


@event.listens_for(Session, "after_transaction_create")
def _begin(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info.setdefault(BEFORE, WeakKeyDictionary())[transaction] = set(session.info.get(FOLDER, ()))


@event.listens_for(Session, "after_soft_rollback")
def _undo(session: Session, transaction: SessionTransaction) -> None:
    """What was undone was not deleted, and may be kept for long: a restore must leave it."""
    session.info[FOLDER] = set(session.info.get(BEFORE, {}).get(transaction, ()))


def read(config: Config) -> dict[str, set[str]]:
    """The numbers of what was deleted, by kind. A line that a kill broke off was never committed and does not count."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for path in _days(config):
        for line in path.read_text(errors="replace").split("\n"):
            kind, _, one = line.partition(" ")
            if kind in found and len(one) == 32:
                found[kind].add(one)
    return found


def forget(config: Config, before: datetime) -> int:
    """Remove the files of days before this instant. Returns how many."""
    old = [path for path in _days(config) if date.fromisoformat(path.name) < before.date()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def folder_of(config: Config) -> Path:
    return config.data.absolute() / "log" / FOLDER


def _days(config: Config) -> list[Path]:
    return sorted(folder_of(config).glob("????-??-??"))


def _write(session: Session) -> None:
    lines = session.info.pop(FOLDER, set())
    if not lines:
        return
    folder = folder_of(config_of(session))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{clock.now():%Y-%m-%d}").open("ab") as file:
        # It begins a line of its own, whatever a kill left of the last one.
        file.write("".join(f"\n{line}" for line in sorted(lines)).encode())
        file.write(b"\n")
        file.flush()
        os.fsync(file.fileno())

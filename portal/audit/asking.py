"""Asking from a page whether the log is whole. A long log is gone over by the clockwork, and the page reads its result.

What was asked and what was found are files beside the signed heads: a log that may be damaged is not written to.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import heads
from portal.audit.checking import fsck
from portal.config import Config
from portal.db import Database, config_of
from portal.tables import Checkpoint, Entry

# So many lines were gone over in 0.4 s on a machine with two cores (`check`, November 2026): one can wait for that.
SHORT = 50_000
# A log that was replaced has as many faults as lines. The first ones say it.
SHOWN = 50
ASKED, FOUND = "check-asked", "check-found.json"


@dataclass(frozen=True)
class Checked:
    """What going over the log found: `problems` are the first SHOWN of `wrong`, a sentence each.

    `lines` in the log, of which `signed` are under the newest of `heads` signed heads.
    """

    at: str
    lines: int
    signed: int
    heads: int
    wrong: int
    problems: list[str]

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)


def is_short(session: Session) -> bool:
    """Whether somebody can wait until the log is gone over."""
    return (session.scalar(select(func.count()).select_from(Entry)) or 0) <= SHORT


def check(session: Session) -> Checked:
    """Go over the whole log now, reading only."""
    problems = fsck(session)
    lines = session.scalar(select(func.count()).select_from(Entry)) or 0
    count, newest = session.execute(select(func.count(), func.max(Checkpoint.size)).select_from(Checkpoint)).one()
    return Checked(clock.now().isoformat(), lines, newest or 0, count, len(problems), problems[:SHOWN])


def ask(config: Config) -> None:
    """Let the clockwork go over the log at its next turn."""
    folder = heads.folder_of(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ASKED).touch()


def is_asked(config: Config) -> bool:
    """Whether somebody waits for a check."""
    return (heads.folder_of(config) / ASKED).exists()


def newest(config: Config) -> Checked | None:
    """What the clockwork found last; None before it did, and where that cannot be read: then it is asked anew."""
    try:
        return Checked(**json.loads((heads.folder_of(config) / FOUND).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def check_if_asked(database: Database) -> None:
    """Go over the log where somebody asked for it. What was asked stays until the result is kept."""
    with database.reading() as session:
        config = config_of(session)
        if not is_asked(config):
            return
        found = check(session)
    _keep(heads.folder_of(config), found)


def _keep(folder: Path, found: Checked) -> None:
    draft = folder / f"{FOUND}.new"
    draft.write_text(json.dumps(asdict(found)))
    draft.replace(folder / FOUND)
    (folder / ASKED).unlink(missing_ok=True)

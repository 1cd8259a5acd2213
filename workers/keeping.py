"""Keeps the shared rows of templates in step with the database: unseals them at the start, takes in what is new, and
overwrites what is gone within a second of the commit.

No answer depends on it: a search takes in what is new by itself and looks up whether what it found still lives. So it
may be killed at any instant, and needs no word from those who write or erase.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import select

from portal.db import Database
from portal.errors import EffaceError
from portal.matching.gallery import Gallery
from portal.matching.shared import NoRoom, folder_of
from portal.tables import Encoder

log = logging.getLogger(__name__)

PAUSE = 0.2
# Of each second, the part that may go into looking while a scan commits page after page.
SHARE = 0.2
PAUSE_WITHOUT_ROOM = 60.0


def run(database: Database) -> None:
    """Keep up until killed."""
    log.setLevel(logging.INFO)
    if folder_of(database.config) is None:
        log.warning("This machine has no tmpfs: each search unseals all templates for itself.")
        return
    keeper = Keeper(database)
    while True:
        time.sleep(keeper.turn())


class Keeper:
    """The galleries of all encoders, and what the database looked like when they were last in step."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._galleries: dict[int, Gallery] = {}
        self._connection = database.engine.raw_connection()
        self._seen: Any = None

    def turn(self) -> float:
        """Catch up where there is something to catch up with. Returns the seconds to wait before the next turn."""
        changed = self._changed()
        if changed == self._seen:
            return PAUSE
        started = time.monotonic()
        try:
            for gallery in self._all():
                gallery.keep_up(thorough=True, may_hold_alone=False)
        except NoRoom as problem:
            log.warning("%s Each search unseals all templates for itself.", problem.sentence)
            return PAUSE_WITHOUT_ROOM
        except EffaceError as problem:
            # A search meets the same and says so on its row; here it is tried again with the next change.
            log.warning("%s", problem.sentence)
        self._seen = changed
        return max(PAUSE, (time.monotonic() - started) * (1 / SHARE - 1))

    def _changed(self) -> Any:
        """A mark that differs after every commit of another connection; elsewhere than on SQLite, each time."""
        if self._database.engine.dialect.name != "sqlite":
            return object()
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()

    def _all(self) -> list[Gallery]:
        with self._database.reading() as session:
            for encoder in session.scalars(select(Encoder)):
                if encoder.id not in self._galleries:
                    self._galleries[encoder.id] = Gallery(self._database, encoder, _tell)
        return list(self._galleries.values())


def _tell(done: int, of: int) -> None:
    log.info("%s of %s templates unsealed", done, of)

"""The gallery: all live templates of one encoder, searched exactly.

A missed photograph is a broken promise, so every face within the threshold is returned, never the nearest k. The rows
lie in memory that the machine's processes share (`shared.py`). They are never trusted beyond the database: each search
first takes in what was committed before it began, and each face found is looked up among the live ones afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.db import Database
from portal.errors import EffaceError
from portal.keys import keys_in
from portal.matching.nearness import Near, within
from portal.matching.shared import Ids, NoRoom, Rows, Vectors, folder_of
from portal.stores.quarantine import in_use
from portal.tables import Encoder, Face, Image, Template

log = logging.getLogger(__name__)

# So many templates are unsealed under one short look at the database: a long one would keep deleted bytes in its log.
BATCH = 8_192
# So many ids are compared at once.
STRETCH = 16_384
# Parameters of one statement, well under every database's limit.
AT_ONCE = 500

Progress = Callable[[int, int], None]


class WrongDimensions(EffaceError):
    """A template has another length than its encoder says."""

    code = "wrong-dimensions"


@dataclass(frozen=True)
class Found:
    """A face within the threshold. `probe` is the row of the probe it is nearest to."""

    face_id: int
    image_id: int
    distance: float
    probe: int


class Gallery:
    """The rows of one encoder, and the database they are held against. Its length is the number of templates."""

    def __init__(self, database: Database, encoder: Encoder | None, progress: Progress | None = None) -> None:
        self._database = database
        self._keys = keys_in(database.config.data)
        self._progress = progress or (lambda done, all: None)
        # An encoder that was never seen has no templates; no row has the id 0.
        self._encoder_id = encoder.id if encoder else 0
        self._dimensions = encoder.dimensions if encoder else 1
        folder = folder_of(database.config) if encoder else None
        # The keys' digest in the name tells this installation from an earlier one in the same place.
        name = f"{self._encoder_id}-{self._keys.digest('gallery', b'rows')[:16]}"
        self.rows = Rows(folder / name if folder else None, self._dimensions)

    def __len__(self) -> int:
        return len(self.rows)

    def search(self, probes: Vectors, threshold: float) -> list[Found]:
        """Every face at most `threshold` (Euclidean) from any of `probes` (p, d), nearest first."""
        if not self._encoder_id:
            return []
        while True:
            self.keep_up()
            with self.rows.together() as sound:
                if sound:
                    near = within(self.rows.table, self._dimensions, probes, threshold)
                    ids = self.rows.ids[near.rows]
                    break
        return self._living(ids, near)

    def keep_up(self, *, thorough: bool = False, may_hold_alone: bool = True) -> None:
        """Take in what was committed before this call; with `thorough` also overwrite what was deleted.

        Where the machine has no room to share, this process holds the rows alone, unless it must not: raises NoRoom.
        """
        try:
            with self.rows.alone():
                try:
                    self._catch_up(thorough)
                except NoRoom:
                    self.rows.take_away()
                    raise
        except NoRoom as problem:
            if self.rows.path is None or not may_hold_alone:
                raise
            log.warning("%s This process holds the gallery alone, which costs time and memory.", problem.sentence)
            self.close()
            self.rows = Rows(None, self._dimensions)
            self._catch_up(thorough)

    def close(self) -> None:
        self.rows.close()

    def _catch_up(self, thorough: bool) -> None:
        missing = self._missing()
        if missing:
            self.rows.make_room(missing)
        done = 0
        while batch := self._newer(BATCH) if missing else []:
            self._take_in(batch)
            done += len(batch)
            self._progress(done, max(missing, done))
        if thorough:
            self._compare()

    def _missing(self) -> int:
        """How many templates are newer than the newest here. Writers go one by one, so none older can come late."""
        with self._database.reading() as session:
            newest = session.scalar(select(func.max(Template.id)).where(Template.encoder_id == self._encoder_id)) or 0
            if newest <= self.rows.newest:
                return 0
            newer = select(func.count()).where(Template.encoder_id == self._encoder_id, Template.id > self.rows.newest)
            return session.scalar(newer) or 0

    def _newer(self, limit: int) -> list[tuple[int, int, bytes]]:
        newer = select(Template.id, Template.face_id, Template.sealed).where(
            Template.encoder_id == self._encoder_id, Template.id > self.rows.newest
        )
        with self._database.reading() as session:
            rows = session.execute(newer.order_by(Template.id).limit(limit))
            return [(row, face, sealed) for row, face, sealed in rows]

    def _take_in(self, batch: list[tuple[int, int, bytes]]) -> None:
        unseal = self._keys.unseal_small
        plain = b"".join([unseal(sealed, "template", face_id) for _, face_id, sealed in batch])
        if len(plain) != len(batch) * self._dimensions * 4:
            raise WrongDimensions(f"A template does not have the {self._dimensions} dimensions of its encoder.")
        vectors = np.frombuffer(plain, "<f4").reshape(len(batch), self._dimensions)
        self.rows.put(np.array([row[0] for row in batch], np.int64), vectors)

    def _compare(self) -> None:
        """Overwrite the rows whose templates are gone, and take in any that are not here.

        Ids are compared by number and sum, stretch by stretch: to read them all would take seconds.
        """
        held = np.sort(self.rows.ids[self.rows.ids > 0], kind="stable")
        with self._database.reading() as session:
            last = session.scalar(select(func.max(Template.id)).where(Template.encoder_id == self._encoder_id)) or 0
            for start in range(0, max(last, self.rows.newest) + 1, STRETCH):
                here = held[np.searchsorted(held, start) : np.searchsorted(held, start + STRETCH)]
                within_it = Template.id.between(start, start + STRETCH - 1) & (Template.encoder_id == self._encoder_id)
                count, total = session.execute(select(func.count(), func.sum(Template.id)).where(within_it)).one()
                if (count, int(total or 0)) != (len(here), int(here.sum())):
                    there = np.array(session.scalars(select(Template.id).where(within_it)).all(), np.int64)
                    self.rows.drop(np.setdiff1d(here, there))
                    self._take_in_late(session, np.setdiff1d(there, here))

    def _take_in_late(self, session: Session, ids: Ids) -> None:
        for some in _portions(ids.tolist()):
            rows = select(Template.id, Template.face_id, Template.sealed).where(Template.id.in_(some))
            self._take_in([(row, face, sealed) for row, face, sealed in session.execute(rows)])

    def _living(self, ids: Ids, near: Near) -> list[Found]:
        """The faces that are live at this moment, whatever the rows said."""
        places = {int(row): at for at, row in enumerate(ids)}
        found = []
        with self._database.reading() as session:
            for some in _portions(list(places)):
                live = (
                    select(Template.id, Face.id, Face.image_id)
                    .join(Face, Face.id == Template.face_id)
                    .join(Image, Image.id == Face.image_id)
                    .where(Template.id.in_(some), in_use())
                )
                for template_id, face_id, image_id in session.execute(live):
                    at = places[template_id]
                    found.append(Found(face_id, image_id, float(near.distances[at]), int(near.probes[at])))
        return sorted(found, key=lambda face: (face.distance, face.face_id))


def load_gallery(
    database: Database, encoder_name: str, encoder_version: str, progress: Progress | None = None
) -> Gallery:
    """The gallery of one encoder, up to date. `progress` is told how many templates of how many are unsealed.

    It takes the database, for it looks at it in many short transactions, each of which sees what is committed by then.
    """
    with database.reading() as session:
        encoder = session.scalar(select(Encoder).filter_by(name=encoder_name, version=encoder_version))
    gallery = Gallery(database, encoder, progress)
    gallery.keep_up(thorough=True)
    return gallery


def _portions(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]

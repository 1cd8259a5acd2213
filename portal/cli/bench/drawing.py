"""An installation with drawn templates, as many as asked for, for measuring the gallery."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from portal import clock
from portal.config import Config
from portal.db import Database
from portal.errors import Unavailable
from portal.keys import keys_in
from portal.tables import Base, Encoder, Image, Store

ENCODER = ("drawn", "1")
DIMENSIONS = 128
PORTION = 50_000
FACES_PER_IMAGE = 1000

FACE = 'INSERT INTO face (id, image_id, "left", top, "right", bottom) VALUES (?, ?, 0, 0, 1, 1)'
TEMPLATE = "INSERT INTO template (id, face_id, encoder_id, sealed) VALUES (?, ?, 1, ?)"


def draw_templates(count: int, seed: int) -> NDArray[np.float32]:
    """Vectors (count, 128) about as long and as far apart as dlib's: 1.3 and 0.85 between strangers."""
    middle = np.full(DIMENSIONS, 1.2 / np.sqrt(DIMENSIONS))
    drawn = np.random.default_rng(seed).normal(middle, 0.053, (count, DIMENSIONS))
    return drawn.astype(np.float32)


def fill_apart(config: Config, faces: int) -> None:
    """Fill the tables in a process of its own, so that its memory is not counted as the gallery's."""
    process = multiprocessing.get_context("spawn").Process(target=_fill, args=(config, faces))
    process.start()
    process.join()
    if process.exitcode:
        raise Unavailable("The tables could not be filled. Is there room on the disk?")


def _fill(config: Config, faces: int) -> None:
    database = Database(config)
    Base.metadata.create_all(database.engine)
    _fill_small_tables(database, faces)
    connection = database.engine.raw_connection()
    cursor = connection.cursor()
    # This database is thrown away: it need not outlive a power cut.
    cursor.execute("PRAGMA synchronous = OFF")
    for face_rows, template_rows in _portions(database, faces):
        cursor.execute("BEGIN")
        cursor.executemany(FACE, face_rows)
        cursor.executemany(TEMPLATE, template_rows)
        cursor.execute("COMMIT")
    connection.close()
    database.forget_deleted_bytes()
    database.close()


def _fill_small_tables(database: Database, faces: int) -> None:
    now = clock.now()
    with database.writing() as session:
        session.add(Encoder(id=1, name=ENCODER[0], version=ENCODER[1], dimensions=DIMENSIONS))
        session.add(Store(id="drawn", name="drawn", kind="folder", settings={}, created_at=now))
        session.flush()
        images = [
            {"id": n, "store_id": "drawn", "key": f"{n}.jpg", "first_seen_at": now, "last_seen_at": now}
            for n in range(1, faces // FACES_PER_IMAGE + 2)
        ]
        session.execute(insert(Image), images)


def _portions(database: Database, faces: int) -> Iterator[tuple[list[tuple[int, int]], list[tuple[int, int, bytes]]]]:
    seal = keys_in(database.config.data).seal_small
    for start in range(0, faces, PORTION):
        vectors = draw_templates(min(PORTION, faces - start), seed=start)
        ids = range(start + 1, start + 1 + len(vectors))
        yield (
            [(face, face // FACES_PER_IMAGE + 1) for face in ids],
            [(face, face, seal(vector.tobytes(), "template", face)) for face, vector in zip(ids, vectors, strict=True)],
        )

"""Which images are in a dataset survives the way from a row for each to bitmaps and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from portal import lineage, schema
from portal.config import Config
from portal.db import Database
from portal.lineage import records
from tests.matching.making import make_image, make_store

TAKEN_OUT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def database(config: Config) -> Iterator[Database]:
    database = Database(config)
    schema.upgrade(database)
    yield database
    database.close()


def test_members_become_rows_and_bitmaps_again(database: Database) -> None:
    with database.writing() as session:
        store = make_store(session)
        ids = [make_image(session, store, f"{number}.jpg").id for number in range(40)]
        # This one is in another range of ids.
        far = make_image(session, store, "far.jpg")
        session.execute(text("UPDATE image SET id = 70000 WHERE id = :id"), {"id": far.id})
        first, second = (records.add_dataset(session, "faces", version, date(2014, 5, 1)) for version in ("1", "2"))
        lineage.write_places(session, first, [*ids, 70000])
        lineage.write_places(session, second, ids[:3])
        lineage.take_out(session, first.id, ids[:5], TAKEN_OUT)
        before = lineage.stays_of(session, [*ids, 70000])
    schema.downgrade(database, "0021")
    with database.reading() as session:
        rows = session.execute(text("SELECT count(*), count(removed_at), max(image_id) FROM dataset_member")).one()
    assert tuple(rows) == (44, 5, 70000)
    schema.upgrade(database)
    with database.reading() as session:
        assert lineage.stays_of(session, [*ids, 70000]) == before
        assert lineage.places_of(session, [ids[0], 70000]) == {ids[0]: [second.id], 70000: [first.id]}

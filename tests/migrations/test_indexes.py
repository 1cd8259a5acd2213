"""What goes with a face is found without reading a whole table, or a scan that deletes many would never end."""

from __future__ import annotations

from sqlalchemy import text

from portal.db import Database


def test_candidates_and_templates_of_a_face_are_found_by_an_index(database: Database) -> None:
    if database.engine.dialect.name != "sqlite":
        return
    with database.reading() as session:
        for table in ("candidate", "template"):
            plan = session.execute(text(f"EXPLAIN QUERY PLAN SELECT id FROM {table} WHERE face_id = 1")).all()
            assert plan[0][-1].startswith(f"SEARCH {table} USING"), plan

"""The caseworker reads which photographs are like the confirmed ones, and has them looked at."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.tables import Candidate, Case, Image
from tests.web.desk import colleague, decided, fill_store


def test_copies_are_named_and_can_be_searched_for(app: Flask, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs", count=2)
    case, cora = decided(database, store), colleague(app, database, "caseworker", name="Cora Worker")
    path, asked = f"/staff/cases/{case.id}", "Have them looked at"
    assert asked not in cora.get(f"{path}/decide")
    with database.writing() as session:
        confirmed = session.scalars(select(Candidate).where(Candidate.case_id == case.id)).first()
        assert confirmed is not None
        confirmed.state = "confirmed"
        now = clock.now()
        again = Image(store_id=store.id, key="again.jpg", first_seen_at=now, last_seen_at=now)
        again.digest = confirmed.image.digest
        session.add(again)
    page = cora.get(f"{path}/decide")
    assert "again.jpg" in page
    assert "the very same file" in page
    assert asked in page
    cora.post(f"{path}/look-for-copies")
    with database.reading() as session:
        assert session.get_one(Case, case.id).state == "searching"
    cora.post(f"{path}/look-for-copies", status=409)
    assert asked not in cora.get(f"{path}/decide")

"""Holds, looks at what was erased, and differences of stores, on the pages of the team."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.erasure import rechecking
from portal.stores import drift
from portal.tables import Drift, Hold, Image, Recheck, Scan, Store
from tests.erasure.test_carrying import Scene
from tests.web.desk import colleague


def test_a_hold_is_placed_agreed_to_shown_on_the_plan_and_lifted(
    app: Flask, database: Database, tmp_path: Path
) -> None:
    scene = Scene(database, tmp_path / "photographs")
    plan = scene.plan()
    anna, ben = colleague(app, database, "caseworker"), colleague(app, database, "admin")
    with database.reading() as session:
        store = session.get_one(Store, scene.store_id).name
    fields = {
        "scope": "store", "target": store, "basis": "court-order", "why": "A judge wrote.", "citation": "4 C 1/26",
        "review_on": str(date(2100, 1, 1)),
    }  # fmt: skip
    assert "Say on what it rests" in anna.post("/staff/holds/new", 422, **{**fields, "citation": ""})
    assert "no store called" in anna.post("/staff/holds/new", 422, **{**fields, "target": "nowhere"})
    page = anna.post("/staff/holds/new", **fields)
    assert "A second person must agree" in anna.get(page)
    assert "Legal holds to agree to" in anna.get("/staff")
    anna.post(f"{page}/approve", 403)
    ben.post(f"{page}/approve")
    assert "3 photographs are kept by a legal hold" in anna.get(f"/staff/erasures/{plan.id}")
    assert store in ben.get("/staff/holds")
    assert "Say why" in ben.post(f"{page}/lift", 422, why="")
    ben.post(f"{page}/lift", why="The judge took it back.")
    assert "Lifted" in ben.get("/staff/holds")
    assert "legal hold" not in anna.get(f"/staff/erasures/{plan.id}")
    with database.reading() as session:
        assert session.scalars(select(Hold)).one().ended_how == "lifted"


def test_what_is_back_is_confirmed_by_one_and_erased_again_by_another(
    app: Flask, database: Database, tmp_path: Path
) -> None:
    scene = Scene(database, tmp_path / "photographs")
    scene.plan()
    anna, ben = colleague(app, database, "caseworker"), colleague(app, database, "caseworker")
    with database.writing() as session:
        erasure = scene.erasure()
        item = next(one for one in erasure.items if one.kind == "image")
        for one in erasure.items:
            session.merge(one).state = "verified"
        session.merge(erasure).state = "settled"
        session.flush()
        check = Recheck(erasure_id=erasure.id, occasion="day-1", due_at=clock.now(), hits=[])
        session.add(check)
        session.flush()
        rechecking.record(session, check, 14, [{"item": item.id, "kind": "image", "by": "the store was listed"}])
        check_id = check.id
    assert "seem to be back" in anna.get("/staff")
    assert "Image: the store was listed" in anna.get("/staff/looking-again")
    anna.post(f"/staff/looking-again/{check_id}/confirm")
    assert "A second person must agree" in anna.get("/staff/looking-again")
    anna.post(f"/staff/looking-again/{check_id}/erase", 403)
    ben.post(f"/staff/looking-again/{check_id}/erase")
    ben.post(f"/staff/looking-again/{check_id}/nonsense", 404)
    assert scene.erasure().state == "running"
    assert not re.search(r"[ab]\.jpg", anna.get("/staff/looking-again"))


def test_differences_are_listed_by_store(app: Flask, database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path / "photographs")
    admin = colleague(app, database, "admin")
    assert "Not yet" in admin.get("/staff/drift")
    with database.writing() as session:
        session.add(Scan(store_id=scene.store_id, state="done", started_at=clock.now(), finished_at=clock.now()))
        session.flush()
        drift.ensure(session)
        found = drift.Portion(None, 4, {"file-without-row": ["<new>.jpg"]})
        drift.record(session, session.scalars(select(Drift)).one(), found)
        assert session.scalars(select(Image)).first()
    page = admin.get("/staff/drift")
    assert "&lt;new&gt;.jpg" in page
    assert "1 difference" in admin.get("/staff")
    anna = colleague(app, database, "caseworker")
    anna.get("/staff/drift", 403)

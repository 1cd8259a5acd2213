"""An admin makes an order, two admins approve it, one answers, and the statement is read, printed and downloaded."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

import workers
from portal import audit, clock
from portal.db import Database
from portal.erasure import holds
from portal.orders import rechecking, verifying
from portal.tables import Hold, Image, Order, OrderItem, Recheck
from tests.orders.scene import Scene
from tests.web.conftest import form_token
from tests.web.desk import Colleague, colleague

FORM: dict[str, Any] = {
    "reason": "Order C-4743",
    "signatory": "Ann Example",
    "position": "Head",
    "suppresses": "near",
    "oath": "us",
}


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    return Scene(database, tmp_path / "photographs", loose=3, shards=1, in_shard=3)


def test_from_the_form_to_the_statement(app: Flask, database: Database, scene: Scene) -> None:
    scene.in_dataset("shards")
    one, two = (colleague(app, database, "admin", name=name) for name in ("One Admin", "Two Admin"))
    assert "There are no orders yet" in one.client.get("/staff/orders/").text
    assert "Say what is too old" in one.post("/staff/orders/new", 422, what="retention/", before="", days="", **FORM)
    page = one.post("/staff/orders/new", what=f"source/{scene.source_id}", **FORM)
    order_id = page.rpartition("/")[2]
    assert "The plan is being made" in one.client.get(page).text
    scene.run(order_id)
    shown = one.client.get(page).text
    assert "All of the source The site" in shown
    assert "Trained on Faces 2014" in shown
    digest = scene.read(order_id).plan_digest
    one.post(f"{page}/approve", digest=digest)
    assert "A second person must approve it" in one.client.get(page).text
    one.post(f"{page}/approve", 403, digest=digest)
    two.post(f"{page}/approve", digest=digest)
    scene.run(order_id)
    assert scene.left() == set()
    with database.reading() as session:
        items = session.scalars(select(OrderItem).order_by(OrderItem.number)).all()
    for item in items:
        result = "told" if item.kind == "recipient" else "destroyed"
        fields: dict[str, Any] = {f"i{item.id}-result": result, f"i{item.id}-note": "Shredded on Monday."}
        if item.kind == "model":
            assert "Give the day" in one.post(f"{page}/items/{item.id}", 422, **fields)
            fields |= {f"i{item.id}-done_on": "2026-11-20", f"i{item.id}-weights_before": "a" * 64}
            assert "by which method" in one.post(f"{page}/items/{item.id}", 422, **fields)
            fields |= {f"i{item.id}-method": "Shredder"}
        one.post(f"{page}/items/{item.id}", **fields)
        if item.kind == "model":
            assert "Waits for a second person" in one.get(f"{page}/items")
            one.post(f"{page}/items/{item.id}/confirm", 403)
            two.post(f"{page}/items/{item.id}/confirm")
    statement = one.client.get(f"{page}/statement").text
    assert "under penalty of perjury under the laws of the United States" in statement
    assert "Shredded on Monday." in statement
    assert file(one, f"{page}/statement/paper").startswith(b"%PDF")
    with database.reading() as session:
        key = audit.verifier_key(session)
    assert verifying.verify(file(one, f"{page}/statement/file"), key)[0]["extent"] == "full"
    assert len(verifying.verify(file(one, f"{page}/statement/0"), key)[2]) == 6
    for told in (page, "/staff/orders/"):
        assert "All of it is done" in one.client.get(told).text


def file(admin: Colleague, path: str) -> bytes:
    answer: bytes = admin.client.post(path, data={"csrf_token": form_token(admin.get("/staff"))}).data
    return answer


def test_progress_is_polled_and_an_order_can_be_paused_and_cancelled(
    app: Flask, database: Database, scene: Scene
) -> None:
    admin = colleague(app, database, "admin", name="One Admin")
    order_id = scene.order()
    page = f"/staff/orders/{order_id}"
    told = admin.client.get(f"{page}/progress").json
    assert told is not None
    assert (told["state"], told["percent"], told["texts"]["done"]) == ("planned", 0, "0 of 6")
    admin.post(f"{page}/plan-again")
    admin.post(f"{page}/ask/pause")
    assert re.search(r"paused", admin.client.get(page).text)
    admin.post(f"{page}/ask/resume")
    scene.run(order_id)
    admin.post(f"{page}/ask/cancel")
    assert "Cancelled before it began" in admin.client.get(page).text
    with database.reading() as session:
        assert session.get_one(Order, order_id).work_state == "idle"


def test_an_order_that_is_completed_later_shows_the_later_end(
    app: Flask, database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        image = session.scalars(select(Image.id).where(Image.key == scene.keys["loose"][0])).one()
        wish = holds.Wish("image", str(image), "court-order", "A claim.", "1 O 2/26", review_on=date(2999, 1, 1))
        holds.place(session, wish, scene.asker)
    admin = colleague(app, database, "admin", name="One Admin")
    order_id = scene.order()
    page = f"/staff/orders/{order_id}"
    assert "What the statement says" not in admin.get(page)
    scene.approve(order_id)
    scene.run(order_id)
    for told in (page, "/staff/orders/"):
        assert "Not all of it is done" in admin.get(told)
    with database.writing() as session:
        held = session.scalars(select(Hold)).one()
        held.ended_how, held.ended_at = "lifted", clock.now()
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    with database.writing() as session:
        assert rechecking.resume(session) == 1
    scene.run(order_id)
    # The first one's session ended in these two hours.
    admin = colleague(app, database, "admin", name="Two Admin")
    listed = admin.get("/staff/orders/")
    assert "All of it is done" in listed
    assert "Not all of it is done" not in listed
    shown = admin.get(page)
    assert "All of it is done: statement 2, issued" in shown
    assert re.search(r"Statement 1, issued [^<]*: not all of it is done", shown)
    assert "It replaces the statement" in admin.get(f"{page}/statement")


def test_others_do_not_see_orders(app: Flask, database: Database, scene: Scene) -> None:
    caseworker = colleague(app, database, "caseworker", name="A Caseworker")
    order_id = scene.order()
    for page in ("", "new", order_id, f"{order_id}/statement"):
        assert caseworker.client.get(f"/staff/orders/{page}").status_code in (403, 404)


def test_a_second_look_that_found_something_is_decided_by_two_people(
    app: Flask, database: Database, scene: Scene
) -> None:
    path = scene.root / "loose" / scene.keys["loose"][0]
    data = path.read_bytes()
    order_id = scene.order()
    scene.approve(order_id)
    scene.run(order_id)
    path.write_bytes(data)
    with database.writing() as session:
        recheck = session.scalars(select(Recheck).filter_by(occasion="day-1")).one()
        recheck.run_after = clock.now()
    assert workers.carry_out(database, "rechecking", recheck.id) == "worked"
    one, two = (colleague(app, database, "caseworker", name=name) for name in ("One Worker", "Two Worker"))
    page = one.client.get("/staff/looking-again").text
    assert f"Order {order_id[:8]}" in page
    assert "1 photograph of 6" in page
    one.post(f"/staff/looking-again/{recheck.id}/confirm")
    two.post(f"/staff/looking-again/{recheck.id}/erase")
    scene.run(order_id)
    assert (scene.left(), scene.read(order_id).state) == (set(), "settled")

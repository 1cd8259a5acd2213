"""All that an order erased is looked at again on its days; what is back goes again; what was held goes after all."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import workers
from portal import audit, clock
from portal.db import Database
from portal.erasure import holds
from portal.erasure import rechecking as shared
from portal.errors import NotAllowed
from portal.keys import keys_of
from portal.orders import carrying, certificate, checking, chunks, in_stores, planning, rechecking, verifying
from portal.orders.chunks import chunk_place
from portal.suppression import YEAR
from portal.tables import Face, Hold, Image, Order, OrderCertificate, OrderChunk, Recheck
from tests.orders.scene import Scene


@pytest.fixture
def scene(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    for module in (chunks, verifying):
        monkeypatch.setattr(module, "SIZE", 8)
    monkeypatch.setattr(planning, "TOGETHER", 2)
    monkeypatch.setattr(carrying, "BATCH", 10)
    monkeypatch.setattr(checking, "TOGETHER", 2)
    monkeypatch.setattr(rechecking, "TOGETHER", 2)
    return Scene(database, tmp_path / "photographs")


def settled(scene: Scene) -> str:
    order_id = scene.order()
    scene.approve(order_id)
    assert scene.run(order_id) == "worked"
    assert scene.read(order_id).state == "settled"
    return order_id


def later(monkeypatch: pytest.MonkeyPatch, past: timedelta) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + past)


def looks(scene: Scene) -> dict[str, Recheck]:
    with scene.database.reading() as session:
        return {one.occasion: one for one in session.scalars(select(Recheck))}


def look(scene: Scene, occasion: str) -> str:
    return workers.carry_out(scene.database, "rechecking", looks(scene)[occasion].id)


def newest(scene: Scene, order_id: str) -> OrderCertificate:
    with scene.database.reading() as session:
        return certificate.of_order(session, session.get_one(Order, order_id))


def forms(scene: Scene) -> set[tuple[bool, bool]]:
    """Whether places, and whether digests are known still, of each chunk."""
    with scene.database.reading() as session:
        keys = keys_of(session)
        found = [
            keys.unseal(one.sealed, chunk_place(one.order_id, one.number))
            for one in session.scalars(select(OrderChunk))
        ]
    return {(chunks.has_places(data), bool(chunks.digests_in(data))) for data in found}


def test_on_its_days_all_of_it_is_looked_at_and_then_forgotten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = scene.bytes_of("shards", "001.tar/00003.jpg")
    order_id = settled(scene)
    assert set(looks(scene)) == {"day-1", "day-7", "day-30"}
    assert look(scene, "day-1") == "not-due"
    for past, occasion in ((1, "day-1"), (6, "day-7"), (23, "day-30")):
        later(monkeypatch, timedelta(days=past))
        assert look(scene, occasion) == "worked"
        assert (looks(scene)[occasion].state, looks(scene)[occasion].looked) == ("clear", 39)
    with scene.database.writing() as session:
        assert rechecking.keep(session) == 5
        assert rechecking.keep(session) == 0
    assert forms(scene) == {(False, True)}
    later(monkeypatch, 30 * YEAR)
    with scene.database.writing() as session:
        assert rechecking.keep(session) == 5
    assert forms(scene) == {(False, False)}
    with scene.database.writing() as session:
        found = certificate.of_order(session, session.get_one(Order, order_id))
        own, key = certificate.part_with(session, found, photo), audit.verifier_key(session)
    assert [one["result"] for one in verifying.items_with(verifying.verify(own, key)[2], photo)] == ["deleted"]


def test_a_look_that_is_killed_goes_on_where_it_was(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(scene)
    later(monkeypatch, timedelta(days=1))
    real, calls = in_stores.still_there, [0]

    def dies(*given: object) -> set[int]:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(in_stores, "still_there", dies)
    with pytest.raises(KeyboardInterrupt):
        look(scene, "day-1")
    assert (looks(scene)["day-1"].cursor, looks(scene)["day-1"].looked) == (1, 16)
    later(monkeypatch, timedelta(minutes=1))
    assert look(scene, "day-1") == "worked"
    assert (looks(scene)["day-1"].state, looks(scene)["day-1"].looked, calls[0]) == ("clear", 39, 4)


def test_what_is_back_is_erased_again_when_two_people_agree(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scene.root / "loose" / "00003.jpg"
    data = path.read_bytes()
    order_id = settled(scene)
    first = newest(scene, order_id)
    path.write_bytes(data)
    with scene.database.writing() as session:
        # It was scanned, too: under a number of its own, with a face.
        digest = in_digest(data)
        new = Image(
            store_id=scene.stores["loose"], key=path.name, digest=digest, state="live", first_seen_at=clock.now(),
            last_seen_at=clock.now(),
        )  # fmt: skip
        session.add(new)
        session.flush()
        session.add(Face(image_id=new.id, left=0, top=0, right=9, bottom=9))
        stray = new.id
    later(monkeypatch, timedelta(days=1))
    look(scene, "day-1")
    with scene.database.writing() as session:
        (found,) = shared.waiting(session)
        assert [len(hit["places"]) for hit in found.hits] == [1]
        shared.confirm(session, found, scene.asker)
        with pytest.raises(NotAllowed):
            rechecking.erase_again(session, found, scene.asker)
        rechecking.erase_again(session, found, scene.approver)
    assert scene.run(order_id) == "worked"
    assert (scene.left(), scene.read(order_id).state) == (set(), "settled")
    with scene.database.reading() as session:
        assert session.get_one(Image, stray).state == "erased"
        assert session.scalars(select(Face)).all() == []
        order = session.get_one(Order, order_id)
        assert (order.done, order.checked) == (39, 39)
    second = newest(scene, order_id)
    assert (second.number, second.supersedes, second.kind) == (2, first.id, "full")
    assert looks(scene)["day-1"].state == "due"


def in_digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_what_a_hold_kept_goes_once_it_ends(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with scene.database.writing() as session:
        image = session.scalars(select(Image.id).where(Image.key == "00004.jpg")).one()
        wish = holds.Wish("image", str(image), "court-order", "A claim.", "1 O 2/26", review_on=date(2999, 1, 1))
        holds.place(session, wish, scene.asker)
    order_id = settled(scene)
    assert scene.left() == {("loose", "00004.jpg")}
    assert newest(scene, order_id).kind == "partial"
    later(monkeypatch, timedelta(hours=2))
    with scene.database.writing() as session:
        assert rechecking.resume(session) == 0
        hold = session.scalars(select(Hold)).one()
        hold.ended_how, hold.ended_at = "lifted", clock.now()
    later(monkeypatch, timedelta(hours=2))
    with scene.database.writing() as session:
        assert rechecking.resume(session) == 1
    assert scene.run(order_id) == "worked"
    assert (scene.left(), newest(scene, order_id).kind, newest(scene, order_id).number) == (set(), "full", 2)
    with scene.database.writing() as session:
        assert rechecking.resume(session) == 0

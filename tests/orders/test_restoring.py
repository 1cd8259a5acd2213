"""After a restore an order is carried out again before anything is served, and its statement is back."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal import audit, clock
from portal.audit import ledger
from portal.backups import copies
from portal.backups.finishing import Report, finish
from portal.backups.waiting import is_waiting
from portal.db import Database
from portal.errors import Conflict
from portal.orders import carrying, certificate, checking, chunks, in_stores, planning, redoing, verifying
from portal.suppression import Gate
from portal.tables import Face, Image, ManifestEntry, Order, OrderChunk, SuppressionChunk, Template
from tests.orders.scene import Scene


class Round:
    """A copy of the installation, and an order that was carried out after it was made."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.database = scene, scene.database
        self.photo = scene.bytes_of("shards", "001.tar/00003.jpg")
        shutil.copytree(scene.root, folder / "stores")
        self.stores = folder / "stores"
        with self.database.writing() as session:
            audit.publish(session)
        self.copy = copies.save(self.database, folder / "copies")

    def carried_out(self) -> str:
        order_id = self.scene.order()
        self.scene.approve(order_id)
        assert self.scene.run(order_id) == "worked"
        with self.database.writing() as session:
            audit.publish(session)
        return order_id

    def statement(self, order_id: str) -> bytes:
        with self.database.reading() as session:
            return certificate.of_order(session, session.get_one(Order, order_id)).statement

    def put_back(self, with_stores: bool = True) -> None:
        """The copy; and, as a backup of the whole machine would, the photographs."""
        self.database.close()
        copies.put_back(self.database.config, copies.read_copy(self.database.config, self.copy.folder))
        if with_stores:
            shutil.rmtree(self.scene.root)
            shutil.copytree(self.stores, self.scene.root)

    def rows(self) -> int:
        with self.database.reading() as session:
            counts = [
                session.scalar(select(func.count()).select_from(one)) or 0 for one in (Face, Template, ManifestEntry)
            ]
            live = session.scalar(select(func.count()).select_from(Image).where(Image.state != "erased")) or 0
        return sum(counts) + live


@pytest.fixture
def there(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    for module in (chunks, verifying):
        monkeypatch.setattr(module, "SIZE", 8)
    monkeypatch.setattr(planning, "TOGETHER", 2)
    monkeypatch.setattr(carrying, "BATCH", 10)
    monkeypatch.setattr(checking, "TOGETHER", 2)
    return Round(Scene(database, tmp_path / "photographs"), tmp_path)


def test_it_is_erased_again_before_anything_is_served(there: Round) -> None:
    order_id = there.carried_out()
    held = there.statement(order_id)
    with there.database.reading() as session:
        until = session.scalar(select(func.max(SuppressionChunk.expires_at)))
        ends = session.execute(select(OrderChunk.marks, OrderChunk.results_root).order_by(OrderChunk.number)).all()
    there.put_back()
    assert there.rows() == 4 * 39
    assert is_waiting(there.database)
    report = finish(there.database)
    assert (report.orders, report.back, report.left, report.refused) == (1, 1, 0, 0)
    assert there.scene.left() == set()
    assert there.rows() == 0
    assert there.statement(order_id) == held
    with there.database.writing() as session:
        order = session.get_one(Order, order_id)
        file = certificate.file_of(session, certificate.of_order(session, order))
        part = certificate.part_with(session, certificate.of_order(session, order), there.photo)
        key = audit.verifier_key(session)
        assert session.scalar(select(func.max(SuppressionChunk.expires_at))) == until
        now = session.execute(select(OrderChunk.marks, OrderChunk.results_root).order_by(OrderChunk.number)).all()
        assert now == ends
        assert Gate(session).stops(hashlib.sha256(there.photo).digest(), None)
    assert verifying.verify(file, key)[0]["id"] in file.decode()
    assert [one["result"] for one in verifying.verify(part, key)[2]] == ["deleted"]
    assert not is_waiting(there.database)
    assert finish(there.database).orders == 0


def test_killed_while_it_is_done_again_nothing_is_served_until_it_is(
    there: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = there.carried_out()
    there.put_back()
    for module, name in ((redoing, "_put_chunks_back"), (in_stores, "erase"), (checking, "check"), (redoing, "_end")):
        real = getattr(module, name)

        def dies(*given: object, real: object = real, **more: object) -> None:
            real(*given, **more)  # type: ignore[operator]
            raise KeyboardInterrupt

        with monkeypatch.context() as killing:
            killing.setattr(module, name, dies)
            with pytest.raises(KeyboardInterrupt):
                finish(there.database)
        assert is_waiting(there.database)
        with there.database.writing() as session:
            session.get_one(Order, order_id).lease_until = clock.now()
    assert finish(there.database).orders == 1
    assert (there.scene.left(), there.rows()) == (set(), 0)


def test_one_that_was_half_way_goes_on_after_it(there: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = there.scene.order()
    there.scene.approve(order_id)
    with monkeypatch.context() as killing:
        killing.setattr(checking, "check", lambda lease: 1 / 0)
        assert there.scene.run(order_id) == "failed"
    with there.database.writing() as session:
        audit.publish(session)
    there.put_back()
    assert finish(there.database).orders == 1
    assert there.scene.left() == set()
    assert there.scene.read(order_id).state == "running"
    assert there.scene.run(order_id) == "worked"
    assert there.scene.read(order_id).state == "settled"


def test_a_copy_is_tried_out_without_touching_a_store(there: Round) -> None:
    there.carried_out()
    there.put_back()
    before = there.scene.left()
    report: Report = finish(there.database, in_stores=False)
    assert (report.orders, report.left) == (1, 39)
    assert there.scene.left() == before


def test_a_record_that_is_not_whole_is_refused(there: Round) -> None:
    order_id = there.carried_out()
    next((ledger.folder_of(there.database.config) / "orders" / order_id).iterdir()).unlink()
    there.put_back()
    with pytest.raises(Conflict, match="is not whole"):
        finish(there.database)
    assert is_waiting(there.database)


def test_what_came_in_after_the_copy_keeps_its_number(there: Round) -> None:
    """The restored database does not know the photograph; its number must not come again for another one."""
    path = there.scene.root / "loose" / "later.jpg"
    path.write_bytes(b"came later")
    with there.database.writing() as session:
        new = Image(
            store_id=there.scene.stores["loose"], key="later.jpg", digest=hashlib.sha256(b"came later").digest(),
            state="live", first_seen_at=clock.now(), last_seen_at=clock.now(),
        )  # fmt: skip
        session.add(new)
        session.flush()
        image = new.id
    there.carried_out()
    there.put_back(with_stores=False)
    path.write_bytes(b"came later")
    assert finish(there.database).left == 0
    assert not path.exists()
    with there.database.reading() as session:
        assert session.get_one(Image, image).state == "erased"

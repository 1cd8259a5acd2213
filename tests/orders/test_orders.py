"""An order erases what was approved, in chunks, looks again, and ends with a statement that anybody can check."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal import audit, clock, lineage
from portal.audit import merkle
from portal.erasure import holds
from portal.erasure.verifying import Changed, Unreadable
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.jobs import make_due
from portal.keys import keys_of
from portal.orders import (
    accounts,
    carrying,
    certificate,
    checking,
    chunks,
    in_stores,
    making,
    people,
    planning,
    remedies,
    verifying,
    wording,
)
from portal.stores import anew
from portal.stores.archives import Archives
from portal.stores.folder import Folder
from portal.suppression import Gate
from portal.tables import (
    Entry,
    Face,
    Image,
    ManifestEntry,
    Order,
    OrderCertificate,
    OrderChunk,
    Scan,
    Store,
    SuppressionChunk,
    Template,
)
from portal.tables.base import Base
from tests.orders.scene import WISH, Scene, destroyed

pytestmark = pytest.mark.usefixtures("small_chunks")


def count(scene: Scene, table: type[Base], *where: Any) -> int:
    with scene.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def file_of(scene: Scene, order_id: str) -> tuple[bytes, str]:
    with scene.database.writing() as session:
        found = certificate.of_order(session, session.get_one(Order, order_id))
        return certificate.file_of(session, found), audit.verifier_key(session)


def test_an_order_erases_all_of_a_source_and_its_statement_is_checked_by_the_file_alone(scene: Scene) -> None:
    scene.in_dataset("shards")
    photo = scene.bytes_of("shards", "001.tar/00003.jpg")
    order_id = scene.order()
    planned = scene.read(order_id)
    assert (planned.state, planned.images) == ("planned", 39)
    assert sorted((planned.plan or {})["stores"].values()) == [12, 27]
    scene.approve(order_id)
    assert scene.run(order_id) == "worked"
    assert scene.left() == set()
    for table in (Face, Template, ManifestEntry):
        assert count(scene, table) == 0
    assert count(scene, Image, Image.state != "erased") == count(scene, Image, Image.digest.is_not(None)) == 0
    with scene.database.reading() as session:
        assert lineage.sizes(session) == {}
        gate = Gate(session)
        assert gate.stops(hashlib.sha256(photo).digest(), None)
        assert gate.stops(b"\1" * 32, bytes([3] * 32))
        assert not gate.stops(b"\1" * 32, None)
    # Models, products and recipients have no answer yet.
    assert scene.read(order_id).state == "notifying"
    assert count(scene, OrderCertificate) == 0
    with scene.database.writing() as session:
        model, *_ = people.items_of(session, session.get_one(Order, order_id))
        with pytest.raises(BadInput, match="can be checked"):
            people.answer(session, model, scene.asker, "destroyed", "By hand.")
        people.answer(session, model, scene.asker, "destroyed", "By hand.", destroyed())
        with pytest.raises(NotAllowed):
            remedies.confirm(session, model, scene.asker)
        assert model.state == "planned"
    scene.answer(order_id)
    file, key = file_of(scene, order_id)
    statement, lines, _ = verifying.verify(file, key)
    assert statement["extent"] == "full"
    assert statement["parts"]["images"]["results"] == {"deleted": 39}
    assert statement["parts"]["templates"]["templates"] == 39
    assert next(line for line in lines if line["kind"] == "model")["evidence"]["weights_before"] == "a" * 64
    assert {line["kind"] for line in lines} == {"store", "dataset", "encoder", "model", "product", "recipient"}
    with scene.database.writing() as session:
        found = certificate.of_order(session, session.get_one(Order, order_id))
        parts = [certificate.part_of(session, found, number) for number in range(5)]
        own = certificate.part_with(session, found, photo)
        with pytest.raises(NotFound):
            certificate.part_with(session, found, b"another picture")
    assert sum(len(verifying.verify(part, key)[2]) for part in parts) == 39
    assert [one["result"] for one in verifying.items_with(verifying.verify(own, key)[2], photo)] == ["deleted"]
    for genuine in (file, parts[2], own):
        refuse_every_change(genuine, key)


def test_a_statement_from_before_there_were_later_ones_still_gives_its_file(scene: Scene) -> None:
    order_id = scene.order("store", target="loose")
    scene.approve(order_id)
    scene.run(order_id)
    file, key = file_of(scene, order_id)
    with scene.database.writing() as session:
        found = certificate.of_order(session, session.get_one(Order, order_id))
        place, keys = f"order-certificate/{found.id}/lines", keys_of(session)
        lines = keys.unseal(found.sealed_people, place).split(certificate.BETWEEN.encode())[0]
        found.sealed_people = keys.seal(lines, place)
    assert file_of(scene, order_id)[0] == file
    assert verifying.verify(file, key)


def refuse_every_change(genuine: bytes, key: str) -> None:
    for place in range(0, len(genuine), max(1, len(genuine) // 150)):
        changed = genuine[:place] + bytes([genuine[place] ^ 1]) + genuine[place + 1 :]
        with pytest.raises((Changed, Unreadable)):
            verifying.verify(changed, key)


def test_each_shard_is_written_anew_once_although_its_photographs_lie_in_two_chunks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = Archives._write_anew

    def counted(self: Archives, file: Any, status: Any, parent: int, last: str, *rest: Any) -> None:
        written.append(last)
        real(self, file, status, parent, last, *rest)

    monkeypatch.setattr(Archives, "_write_anew", counted)
    order_id = scene.order("store", target="shards")
    scene.approve(order_id)
    scene.run(order_id)
    assert sorted(written) == ["000.tar", "001.tar", "002.tar"]
    assert {store for store, _ in scene.left()} == {"loose"}


def test_any_leaf_is_under_the_digest_that_was_approved(scene: Scene) -> None:
    order_id = scene.order()
    with scene.database.reading() as session:
        rows = session.scalars(select(OrderChunk).order_by(OrderChunk.number)).all()
        items = [item for chunk in rows for item in carrying.unsealed(session, chunk)]
        leaves = [chunks.root(0, [item]) for item in items]
        order = session.get_one(Order, order_id)
    whole = merkle.root(chunk.root for chunk in rows)
    assert whole.hex() == order.images_root
    assert chunks.plan_digest(whole, []) == order.plan_digest
    # `root` numbers from the chunk's first place: the leaves of all are the same, but for that.
    assert len(set(leaves)) == 39


def test_killed_at_every_commit_the_same_end_is_reached_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = scene.order()
    scene.approve(order_id)
    tries = 0
    for module, name in ((carrying, "_intend"), (in_stores, "erase"), (carrying, "_mark"), (checking, "_record")):
        real = getattr(module, name)
        for after in (False, True):
            calls = [0]

            def dies(*args: Any, real: Any = real, after: bool = after, calls: list[int] = calls, **more: Any) -> Any:
                calls[0] += 1
                if calls[0] == 1 and not after:
                    raise KeyboardInterrupt
                result = real(*args, **more)
                if calls[0] == 1:
                    raise KeyboardInterrupt
                return result

            with monkeypatch.context() as killing:
                killing.setattr(module, name, dies)
                with pytest.raises(KeyboardInterrupt):
                    scene.run(order_id)
            tries += 1
            with scene.database.writing() as session:
                session.get_one(Order, order_id).lease_until = clock.now() - timedelta(seconds=1)
    assert tries == 8
    assert scene.run(order_id) == "worked"
    order = scene.read(order_id)
    assert (order.state, order.done, order.checked) == ("settled", 39, 39)
    assert count(scene, OrderCertificate) == 1
    file, key = file_of(scene, order_id)
    results = verifying.verify(file, key)[0]["parts"]["images"]["results"]
    assert sum(results.values()) == 39
    assert set(results) <= {"deleted", "already-absent"}
    with scene.database.reading() as session:
        digests = session.scalars(select(SuppressionChunk.digests)).all()
    assert sum(map(len, digests)) == 39 * 16


def test_a_selection_that_grew_stops_the_order_before_any_effect(scene: Scene) -> None:
    order_id = scene.order()
    scene.approve(order_id)
    before = scene.left()
    with scene.database.writing() as session:
        new = Image(
            store_id=scene.stores["loose"], key="new.jpg", digest=b"n" * 32, state="live",
            first_seen_at=clock.now(), last_seen_at=clock.now(),
        )  # fmt: skip
        session.add(new)
    assert scene.run(order_id) == "worked"
    order = scene.read(order_id)
    assert (order.state, order.done, scene.left()) == ("stopped", 0, before)
    assert "1 photographs came" in (order.why_stopped or "")
    with scene.database.writing() as session:
        planning.plan_again(session, session.get_one(Order, order_id))
        make_due(session, session.get_one(Order, order_id))
    scene.run(order_id)
    order = scene.read(order_id)
    assert (order.state, order.images, order.first_by) == ("planned", 40, None)


def test_what_has_other_bytes_is_refused_and_what_is_held_is_withheld_all_others_go(scene: Scene) -> None:
    order_id = scene.order()
    (scene.root / "loose" / "00003.jpg").write_bytes(b"another picture now")
    (scene.root / "loose" / "00004.jpg").unlink()
    with scene.database.writing() as session:
        ids = {key: image for key, image in session.execute(select(Image.key, Image.id))}
        session.execute(Image.__table__.update().where(Image.key == "00005.jpg").values(digest=b"r" * 32))  # type: ignore[attr-defined]
        wish = holds.Wish(
            "image", str(ids["001.tar/00002.jpg"]), "court-order", "A claim.", "1 O 2/26", review_on=date(2999, 1, 1)
        )
        holds.place(session, wish, scene.asker)
    scene.approve(order_id)
    assert scene.run(order_id) == "worked"
    assert scene.left() == {("loose", "00003.jpg"), ("loose", "00005.jpg"), ("shards", "001.tar/00002.jpg")}
    statement, _, _ = verifying.verify(*file_of(scene, order_id))
    assert statement["extent"] == "partial"
    results = {"deleted": 35, "already-absent": 1, "content-changed": 2, "legal-hold": 1}
    assert statement["parts"]["images"]["results"] == results
    assert {(one["why"], one["count"]) for one in statement["exceptions"]} == {
        ("content-changed", 2),
        ("legal-hold", 1),
    }
    # What was known beforehand not to be the approved one was not touched at all.
    kept = (ids["00005.jpg"], ids["001.tar/00002.jpg"])
    assert count(scene, Face, Face.image_id.in_(kept)) == 2
    assert count(scene, Image, Image.id.in_(kept), Image.state == "live") == 2


def test_what_is_still_there_is_never_called_gone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = scene.order("store", target="loose")
    scene.approve(order_id)
    with monkeypatch.context() as lying:
        lying.setattr(Folder, "erase_many", lambda _, wanted: dict.fromkeys(wanted, "deleted"))
        assert scene.run(order_id) == "failed"
        assert count(scene, OrderCertificate) == 0
        assert "still there" in (scene.read(order_id).problem or "")
    assert scene.run(order_id) == "worked"
    assert scene.read(order_id).state == "settled"
    assert {store for store, _ in scene.left()} == {"shards"}


def test_a_damaged_shard_is_refused_by_name_and_keeps_no_other(scene: Scene) -> None:
    order_id = scene.order()
    shard = scene.root / "shards" / "001.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    scene.approve(order_id)
    assert scene.run(order_id) == "worked"
    statement, _, _ = verifying.verify(*file_of(scene, order_id))
    assert statement["parts"]["images"]["results"] == {"deleted": 30, "archive-damaged": 9}
    assert statement["extent"] == "partial"


def test_two_people_approve_the_digest_they_read(scene: Scene) -> None:
    order_id = scene.order()
    with scene.database.writing() as session:
        order = session.get_one(Order, order_id)
        with pytest.raises(Conflict):
            making.approve(session, order, scene.asker, "0" * 64)
        making.approve(session, order, scene.asker, order.plan_digest or "")
        assert order.state == "planned"
        with pytest.raises(NotAllowed):
            making.approve(session, order, scene.asker, order.plan_digest or "")
        making.approve(session, order, scene.approver, order.plan_digest or "")
        assert order.state == "cooling"
        making.cancel(session, order)
    assert scene.run(order_id) == "not-due"
    with scene.database.writing() as session:
        with pytest.raises(Conflict, match="cannot be cancelled"):
            making.cancel(session, session.get_one(Order, order_id))
        session.get_one(Store, scene.stores["loose"]).may_erase = False
    locked = scene.order()
    with scene.database.writing() as session:
        order = session.get_one(Order, locked)
        with pytest.raises(Conflict, match="may not delete in loose"):
            making.approve(session, order, scene.asker, order.plan_digest or "")


def test_it_pauses_after_a_batch_and_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = scene.order()
    scene.approve(order_id)
    real = in_stores.erase

    def asked(*args: Any) -> Any:
        ends = real(*args)
        with scene.database.writing() as session:
            making.pause(session, session.get_one(Order, order_id))
        return ends

    with monkeypatch.context() as pausing:
        pausing.setattr(in_stores, "erase", asked)
        assert scene.run(order_id) == "worked"
    order = scene.read(order_id)
    assert (order.paused, order.work_state) == (True, "idle")
    assert 0 < order.done < 39
    with scene.database.writing() as session:
        making.resume(session, session.get_one(Order, order_id))
    assert scene.run(order_id) == "worked"
    assert (scene.read(order_id).state, scene.left()) == ("settled", set())


def test_it_waits_for_a_scan_that_is_running_in_its_stores(scene: Scene) -> None:
    order_id = scene.order()
    scene.approve(order_id)
    with scene.database.writing() as session:
        scan = Scan(store_id=scene.stores["loose"], state="running", started_at=clock.now())
        session.add(scan)
    scene.run(order_id)
    order = scene.read(order_id)
    assert (order.state, order.work_state, order.done) == ("cooling", "due", 0)


def test_selections_by_account_age_and_dataset(scene: Scene) -> None:
    scene.in_dataset("shards")
    of_accounts = scene.order("accounts", accounts=b"account 1\naccount 3\naccount 1\nnobody\n")
    with scene.database.reading() as session:
        order = session.get_one(Order, of_accounts)
        counts = accounts.counts_of(session, order)
        assert making.title(session, order) == "Photographs of 3 accounts"
    assert counts == {"account 1": 3 + 7, "account 3": 3 + 6, "nobody": 0}
    assert order.images == 19
    assert scene.read(scene.order("dataset", target="Faces 2014")).images == 27
    # First seen so many days ago as their place in their store; the manifest's day counts where there is one.
    with scene.database.writing() as session:
        line = session.scalar(select(ManifestEntry).where(ManifestEntry.key == "00000.jpg"))
        assert line is not None
        line.taken_at = "2014-05-06T10:00:00"
    old = scene.order("retention", days=20)
    assert scene.read(old).images == 6 + 1
    assert scene.read(scene.order("retention", before="2015-01-01", stores=("loose",))).images == 1
    assert scene.read(scene.order("retention", before="2014-05-06", stores=("loose",))).images == 0


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("accounts", {"accounts": b"\xff\xfe\x00"}),
        ("accounts", {"accounts": b"\n\n"}),
        ("retention", {"before": "yesterday"}),
        ("retention", {}),
        ("retention", {"days": 0}),
        ("source", {"target": "not there"}),
        ("dataset", {"target": "Faces 2015"}),
        ("all", {}),
        ("store", {"target": "loose", "signatory": " "}),
        ("store", {"target": "loose", "oath": "by my honour"}),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(scene: Scene, kind: str, wrong: dict[str, Any]) -> None:
    with pytest.raises((BadInput, NotFound)), scene.database.writing() as session:
        making.make(session, making.Wish(kind=kind, **{**WISH, **wrong}), scene.asker)
    assert count(scene, Order) == 0


def test_the_file_is_small_and_holds_no_digest_key_or_account(scene: Scene) -> None:
    order_id = scene.order("accounts", accounts=b"account 1\n")
    photo = scene.bytes_of("loose", "00001.jpg")
    scene.approve(order_id)
    scene.run(order_id)
    file, _ = file_of(scene, order_id)
    for secret in (hashlib.sha256(photo).hexdigest(), "00001.jpg", "account 1", "Ann Example"):
        assert secret not in file.decode()
    with scene.database.reading() as session:
        assert session.get_one(Order, order_id).sealed_accounts is None
        kept = json.loads(session.scalars(select(OrderCertificate.statement)).one())
        assert kept["order"]["what"] == "Photographs of 1 account"
        bodies = session.execute(select(OrderChunk.sealed)).scalars().all()
    assert all(b"00001.jpg" not in body for body in bodies)


def test_a_shard_written_meanwhile_keeps_what_is_not_in_the_order(scene: Scene) -> None:
    order_id = scene.order("accounts", accounts=b"account 1\n")
    scene.approve(order_id)
    before = {key: scene.bytes_of("shards", key) for key in scene.keys["shards"]}
    scene.run(order_id)
    kept = {key for store, key in scene.left() if store == "shards"}
    assert len(kept) == 27 - 7
    for key in kept:
        assert scene.bytes_of("shards", key) == before[key]


def test_what_the_shards_of_a_store_without_a_dataset_are_then_is_its_next_version(scene: Scene) -> None:
    order_id = scene.order("accounts", accounts=b"account 1\n")
    scene.approve(order_id)
    scene.run(order_id)
    shards = sorted((scene.root / "shards").glob("*.tar"))
    assert {path.name for path in shards} == {"000.tar", "001.tar", "002.tar"}
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}
    file, key = file_of(scene, order_id)
    _, lines, _ = verifying.verify(file, key)
    with scene.database.reading() as session:
        said = json.loads(session.scalars(select(Entry.body).where(Entry.kind == "store-versions")).one())["facts"]
    version = {"archives": 3, "digest": anew.root_of(now), "store": scene.stores["shards"]}
    assert said == {"because": f"order/{order_id}", "versions": [version]}
    by_store = {line["name"]: line.get("archives_root") for line in lines if line["kind"] == "store"}
    assert by_store == {"loose": None, "shards": anew.root_of(now)}
    assert anew.root_of(now) in "\n".join(wording.in_words(verifying.verify(file, key)[0], lines))

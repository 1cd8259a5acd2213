"""Whoever got what an order erased is told as in cases; their answer stands in the statement, also a late one."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import workers
from portal import clock, proofs
from portal.db import Database
from portal.erasure import retraining
from portal.erasure.remedies import Evidence
from portal.errors import BadInput, BadManifest, NotFound
from portal.lineage import outputs
from portal.notices import answering, chasing, clocks, feeds, making
from portal.orders import absences, certificate, chunks, people, planning, recipients, remedies, verifying, wording
from portal.tables import (
    Dataset,
    Disclosure,
    Mail,
    Notice,
    Order,
    OrderCertificate,
    Recipient,
    Store,
    TrainedModel,
)
from tests.orders.scene import Scene, destroyed


@pytest.fixture
def scene(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    for module in (chunks, verifying):
        monkeypatch.setattr(module, "SIZE", 8)
    monkeypatch.setattr(planning, "TOGETHER", 2)
    monkeypatch.setattr(recipients, "TOGETHER", 1)
    scene = Scene(database, tmp_path / "photographs", loose=4, shards=2, in_shard=9)
    scene.in_dataset("shards")
    return scene


def carried_out(scene: Scene) -> str:
    order_id = scene.order()
    scene.approve(order_id)
    assert scene.run(order_id) == "worked"
    return order_id


def answer_models(scene: Scene, order_id: str) -> None:
    with scene.database.writing() as session:
        order = session.get_one(Order, order_id)
        for item in people.items_of(session, order):
            if item.kind != "recipient":
                people.answer(session, item, scene.asker, "destroyed", "By hand.", destroyed())
            if item.kind == "model":
                remedies.confirm(session, item, scene.approver)
        assert not certificate.settle_if_complete(session, order)


def only_notice(scene: Scene) -> Notice:
    with scene.database.reading() as session:
        return session.scalars(select(Notice)).one()


def statement(scene: Scene, order_id: str) -> tuple[dict, list[dict]]:  # type: ignore[type-arg]
    with scene.database.reading() as session:
        return certificate.read(session, certificate.of_order(session, session.get_one(Order, order_id)))


def test_a_recipient_is_told_and_their_answer_closes_the_order(scene: Scene) -> None:
    order_id = carried_out(scene)
    notice = only_notice(scene)
    assert (notice.order_id, notice.erasure_id, notice.photographs) == (order_id, None, 18)
    with scene.database.writing() as session:
        feed = feeds.find(session, "Faces", "2014")
        assert (feed.size, feed.dataset.name) == (18, "Faces")
        said = making.facts_of(session, notice)
        assert (said["asks"], len(said["digests"])) == ("erase", 18)
        assert making.is_in_feed(session, notice, feeds.origin_of(session, feed.dataset), 18)
        assert not making.is_in_feed(session, notice, feeds.origin_of(session, feed.dataset), 17)
    assert workers.carry_out(scene.database, "notifying", notice.id) == "worked"
    with scene.database.reading() as session:
        assert session.scalars(select(Mail.case_id).where(Mail.dedupe.startswith("notice/"))).one() is None
    answer_models(scene, order_id)
    with scene.database.writing() as session:
        answering.answer(session, session.get_one(Notice, notice.id), "erased", "All gone.")
        assert recipients.take_up(session) == 1
        assert recipients.take_up(session) == 0
    assert scene.read(order_id).state == "settled"
    said, lines = statement(scene, order_id)
    part = said["parts"]["recipients"]
    assert (part["notices"], part["results"]) == ({"acknowledged": 1}, {"destroyed": 1})
    (line,) = [one for one in lines if one["kind"] == "recipient"]
    assert (line["notices"][0]["digest"], line["notices"][0]["answer"]) == (notice.digest, "erased")
    words = "\n".join(wording.in_words(said, lines))
    assert "1 notices: answered." in words
    assert "All gone." in words


def test_silence_ends_as_not_reached_with_what_was_tried(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = carried_out(scene)
    answer_models(scene, order_id)
    workers.carry_out(scene.database, "notifying", only_notice(scene).id)
    later = clock.now() + clocks.GIVE_UP
    monkeypatch.setattr(clock, "now", lambda: later)
    with scene.database.writing() as session:
        chasing.keep_up(session)
        chasing.keep_up(session)
        recipients.take_up(session)
    (line,) = [one for one in statement(scene, order_id)[1] if one["kind"] == "recipient"]
    assert line["result"] == "not-reached"
    assert "a mail was written" in line["note"]


def test_who_got_it_after_all_is_told_and_a_late_answer_makes_a_later_statement(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = carried_out(scene)
    scene.answer(order_id)
    with scene.database.writing() as session:
        late = Recipient(name="Late", contact="By post")
        session.add(late)
        session.flush()
        faces = session.scalars(select(Dataset)).one()
        today = clock.now().date()
        session.add(Disclosure(recipient_id=late.id, dataset_id=faces.id, disclosed_on=today, basis="sale"))
        assert recipients.look_for_others(session) == 0, "asked once a day"
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    monkeypatch.setattr(recipients, "LOOKS_AT_ONCE", 1)
    rounds = 0
    found = 0
    while not found:
        rounds += 1
        with scene.database.writing() as session:
            found = recipients.look_for_others(session)
    # The first chunk has nothing of the dataset in it, or the first but one: each look goes through one.
    assert 1 <= rounds <= 3
    assert workers.carry_out(scene.database, "ordering", order_id) == "worked"
    with scene.database.reading() as session:
        told = {one.recipient.name: one.photographs for one in session.scalars(select(Notice))}
    assert told == {"Buyer": 18, "Late": 18}
    with scene.database.writing() as session:
        first = session.scalars(select(Notice).order_by(Notice.made_at)).first()
        assert first is not None
        answering.answer(session, first, "refused", "No.")
        assert recipients.take_up(session) == 1
    said, lines = statement(scene, order_id)
    with scene.database.reading() as session:
        one, two = session.scalars(select(OrderCertificate).order_by(OrderCertificate.number))
    assert (said["supersedes"], two.number, said["extent"]) == (one.id, 2, "partial")
    assert [line["name"] for line in lines if line["kind"] == "recipient-found-later"] == ["Late"]
    assert said["parts"]["recipients"]["found_later"] == 1


def test_stored_outputs_are_seen_to_like_models(scene: Scene) -> None:
    with scene.database.writing() as session:
        model = session.scalars(select(TrainedModel)).one()
        store = session.get_one(Store, scene.stores["shards"])
        about = outputs.About(store, key=scene.keys["shards"][0])
        outputs.add_output(session, model, "age", about, 3, "The warehouse")
    order_id = carried_out(scene)
    with scene.database.reading() as session:
        (item,) = [one for one in people.items_of(session, session.get_one(Order, order_id)) if one.kind == "output"]
    assert (item.name, item.via) == ("Net 1, age", "About them 3, kept at The warehouse.")
    scene.answer(order_id)
    assert statement(scene, order_id)[0]["parts"]["models"]["count"] == 3


def test_a_retraining_is_shown_for_all_photographs_and_for_the_one_somebody_holds(scene: Scene, tmp_path: Path) -> None:
    photo = scene.bytes_of("shards", scene.keys["shards"][3])
    order_id = carried_out(scene)
    manifest = tmp_path / "manifest.csv"
    kept = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(50)]
    manifest.write_text("\n".join(["sha256", *kept, hashlib.sha256(photo).hexdigest()]))
    with scene.database.writing() as session:
        model = session.scalars(select(TrainedModel)).one()
        checked = retraining.record(session, model, "run 2", manifest)
        with pytest.raises(BadManifest, match="is in this manifest"):
            absences.record(session, checked, manifest)
    manifest.write_text("\n".join(["sha256", *kept]))
    with scene.database.writing() as session:
        model = session.scalars(select(TrainedModel)).one()
        assert absences.record(session, retraining.record(session, model, "run 3", manifest), manifest) == 1
        order = session.get_one(Order, order_id)
        (item,) = [one for one in people.items_of(session, order) if one.kind == "model"]
        shown = Evidence(clock.now().date(), weights_before="a" * 64, weights_after="b" * 64, run="run 3")
        people.answer(session, item, scene.asker, "retrained-without", "On Monday.", shown)
        said = remedies.evidence_of(session, item)
        assert (said["run"]["looked_for"], said["run"]["photographs"], "caution" in said) == (22, 50, False)
        proof = json.loads(absences.proof_for(session, order, "run 3", photo))
        with pytest.raises(BadInput, match="is in the manifest"):
            absences.proof_for(session, order, "run 3", b"7")
        with pytest.raises(NotFound):
            absences.proof_for(session, order, "run 4", photo)
    assert proofs.is_absent(proof["run"], proof["absent"])
    salted = hashlib.sha256(bytes.fromhex(proof["run"]["salt"]) + hashlib.sha256(photo).digest())
    assert proof["absent"]["key"] == salted.hexdigest()
    assert not proofs.is_absent(proof["run"], {**proof["absent"], "at": proof["absent"]["at"] + 1})

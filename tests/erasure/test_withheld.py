"""What a hold keeps is not erased, whenever it was placed; set free, it is erased after all."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

import workers
from portal import clock
from portal.cases import withdrawing
from portal.db import Database
from portal.erasure import carrying, certificate, effects, holds, plans, resuming
from portal.erasure.wording import in_words
from portal.matching import evidence
from portal.matching.coverage import coverage
from portal.stores import Locked, quarantine
from portal.stores.folder import Folder
from portal.tables import Case, CaseEvent, Certificate, Entry, Erasure, ErasureItem, Face, Hold, Image, Probe
from tests.erasure.test_carrying import KEYS, Scene
from tests.matching.making import make_account, make_case, make_image, make_store

LATER = date(2100, 1, 1)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    return Scene(database, tmp_path / "photographs")


def place(scene: Scene, key: str, **more: date) -> holds.Placed:
    with scene.database.writing() as session:
        image = session.scalars(select(Image).where(Image.key == key)).one()
        days = {"review_on": LATER} | more
        wish = holds.Wish("image", str(image.id), "legal-claim", "A claim.", "7 O 1/26", **days)
        placed = holds.place(session, wish, scene.asker)
        holds.approve(session, placed.hold, scene.approver)
        return placed


def lift(scene: Scene, hold: Hold) -> None:
    with scene.database.writing() as session:
        holds.lift(session, holds.need_hold(session, hold.id), scene.asker, "The claim was settled.")


def resume(scene: Scene) -> int:
    with scene.database.writing() as session:
        return resuming.resume(session)


def states(scene: Scene, image_id: int) -> set[str]:
    return {item.state for item in scene.erasure().items if item.image_id == image_id}


def ready(scene: Scene) -> None:
    scene.plan()
    scene.approve()


def test_a_held_photograph_stays_and_the_certificate_says_so_in_words(scene: Scene) -> None:
    ready(scene)
    hold = place(scene, "b.jpg").hold
    assert scene.run() == "worked"
    scene.answer_people()
    assert scene.files() == {"b.jpg", "other.jpg"}
    assert states(scene, scene.images[1]) == {"withheld"}
    with scene.database.reading() as session:
        issued = session.scalars(select(Certificate)).one()
        assert issued.kind == "partial"
        words = "\n".join(in_words(_statement(issued), certificate.items_of(session, issued)))
        image = session.get_one(Image, scene.images[1])
        assert image.quarantined_at is not None, "it is kept, and not used"
        assert session.scalars(select(Face).where(Face.image_id == image.id)).all()
    assert "1 photograph: still there, because it is needed for a legal claim." in words
    assert "7 O 1/26" not in words
    assert hold.id not in words


def test_freed_it_is_erased_after_all_by_the_plan_that_was_approved(scene: Scene) -> None:
    ready(scene)
    hold = place(scene, "b.jpg").hold
    scene.run()
    scene.answer_people()
    assert resume(scene) == 0, "the hold still keeps it"
    lift(scene, hold)
    assert resume(scene) == 1
    assert resume(scene) == 0, "it is due already"
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    assert states(scene, scene.images[1]) == {"verified"}
    assert not any(item.sealed for item in scene.erasure().items if item.kind == "crop")
    with scene.database.reading() as session:
        first, second = session.scalars(select(Certificate).order_by(Certificate.number))
        assert second.supersedes == first.id
        assert first.entry < second.entry
        assert [_statement(one)["counts"]["image"] for one in (first, second)] == [
            {"deleted": 2, "held-legal-claim": 1},
            {"deleted": 3},
        ]
        told = session.scalars(select(CaseEvent).where(CaseEvent.kind == "certificate-superseded")).all()
        assert len(told) == 1, "the person is told that there is a new certificate"


def test_a_hold_that_ends_by_its_day_frees_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(scene)
    today = clock.now().date()
    place(scene, "b.jpg", ends_on=today + timedelta(days=1))
    scene.run()
    scene.answer_people()
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=2))
    with scene.database.writing() as session:
        assert holds.keep(session) == 1
    assert resume(scene) == 1
    scene.run()
    assert scene.files() == {"other.jpg"}


def test_a_freed_photograph_that_became_another_is_not_touched(scene: Scene) -> None:
    ready(scene)
    hold = place(scene, "b.jpg").hold
    scene.run()
    scene.answer_people()
    lift(scene, hold)
    with scene.database.writing() as session:
        session.get_one(Image, scene.images[1]).digest = b"\7" * 32
    (scene.folder / "b.jpg").write_bytes(b"another picture")
    resume(scene)
    scene.run()
    assert (scene.folder / "b.jpg").read_bytes() == b"another picture"
    assert states(scene, scene.images[1]) == {"refused"}
    with scene.database.reading() as session:
        assert session.get_one(Image, scene.images[1]).quarantined_at is None


def test_a_hold_placed_too_late_says_for_which_photographs(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(scene)
    late: list[str] = []
    real = effects.erase_in_store

    def in_the_middle(store, facts):  # type: ignore[no-untyped-def]
        if facts["key"] == "b.jpg":
            late.extend(place(scene, "b.jpg").late)
        return real(store, facts)

    monkeypatch.setattr(effects, "erase_in_store", in_the_middle)
    scene.run()
    assert scene.files() == {"other.jpg"}
    with scene.database.reading() as session:
        name = session.get_one(Image, scene.images[1]).store.name
    assert late == [f"{name}: b.jpg"]


# Rounds of 100 races each. Ten take a minute on a busy machine.
ROUNDS = int(os.environ.get("EFFACE_TEST_ROUNDS", "2"))


def test_nothing_is_erased_after_its_hold_however_the_two_interleave(database: Database) -> None:
    """A hold and an intent race for each of 100 photographs, each in a thread of its own, round after round."""
    if database.engine.dialect.name == "sqlite":
        # The order of the two is a matter of locks, not of disks.
        event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        database.engine.dispose()
    with database.writing() as session:
        asker, store = make_account(session, "asker"), make_store(session)
        erasure = Erasure(case_id=make_case(session).id, kind="deletion", state="running", plan_digest="",
                          asked_by=asker, planned_at=clock.now())  # fmt: skip
        session.add(erasure)
        session.flush()
        images = [make_image(session, store, f"{at}.jpg").id for at in range(100)]
        session.add_all(
            ErasureItem(erasure_id=erasure.id, position=at, kind="image", image_id=one, target=str(one), leaf=b"")
            for at, one in enumerate(images)
        )
        session.flush()
        items = {item.image_id or 0: item.id for item in erasure.items}
    first = {"hold": 0, "intent": 0}
    for seed in range(ROUNDS):
        for winner in _race(database, asker, items, random.Random(seed)):
            first[winner] += 1
    assert sum(first.values()) == ROUNDS * 100
    assert min(first.values()) > 0, first


def _race(database: Database, asker: str, items: dict[int, int], rng: random.Random) -> Iterator[str]:
    """Who was first for each photograph, as both tell it. They never tell different things."""
    told: dict[int, list[str]] = {}

    start = threading.Barrier(2)
    # One of the two is a little late each time: by turns it is the one or the other that comes first.
    late = {image_id: (rng.random() / 300, rng.random() / 300) for image_id in items}

    def erase() -> None:
        for image_id, item_id in items.items():
            start.wait(10)
            time.sleep(late[image_id][0])
            with database.writing() as session:
                carrying.intending.intend(session, [session.get_one(ErasureItem, item_id)])

    erasing = threading.Thread(target=erase)
    erasing.start()
    for image_id in items:
        start.wait(10)
        time.sleep(late[image_id][1])
        with database.writing() as session:
            wish = holds.Wish("image", str(image_id), "court-order", "-", "-", review_on=LATER)
            told[image_id] = holds.place(session, wish, asker).late
    erasing.join()
    with database.writing() as session:
        for image_id, item_id in items.items():
            state = session.get_one(ErasureItem, item_id).state
            assert (state == "intent") == bool(told[image_id]), (image_id, state)
            yield "intent" if told[image_id] else "hold"
        session.execute(update(ErasureItem).values(state="planned"))
        session.execute(delete(Hold))


def test_an_approved_deletion_is_out_of_use_at_once_and_comes_back_when_it_is_taken_back(scene: Scene) -> None:
    scene.plan()
    with scene.database.reading() as session:
        image = session.get_one(Image, scene.images[0])
        probe = Probe(kind="picture", digest=image.digest)
        assert evidence.pointed_to(session, probe)["digest"] == [image.id]
    scene.approve()
    with scene.database.writing() as session:
        assert not evidence.pointed_to(session, probe)["digest"]
        assert sum(kinds.get("set-aside", 0) for kinds in coverage(session, None).values()) == len(KEYS)
        assert {item.state for item in session.scalars(select(ErasureItem).where(ErasureItem.kind == "crop"))} == {
            "quarantined"
        }
        withdrawing.withdraw(session, session.get_one(Case, scene.case_id))
    with scene.database.reading() as session:
        assert evidence.pointed_to(session, probe)["digest"] == [image.id]
        assert not session.scalars(select(ErasureItem).where(ErasureItem.state == "quarantined")).all()
        assert not session.scalars(select(Image).where(Image.quarantined_at.is_not(None))).all()
    assert scene.files() == {*KEYS, "other.jpg"}


def test_what_two_deletions_want_stays_out_of_use_when_one_is_taken_back(scene: Scene) -> None:
    ready(scene)
    with scene.database.writing() as session:
        other = Erasure(
            case_id=make_case(session).id, kind="deletion", state="cooling", plan_digest="", asked_by=scene.asker,
            planned_at=clock.now(),
        )  # fmt: skip
        session.add(other)
        session.flush()
        session.add(
            ErasureItem(erasure_id=other.id, position=0, kind="image", image_id=scene.images[0], target="1", leaf=b"")
        )
        quarantine.set_aside(session, other.id)
        withdrawing.withdraw(session, session.get_one(Case, scene.case_id))
        aside = session.scalars(select(Image.id).where(Image.quarantined_at.is_not(None)))
        assert list(aside) == [scene.images[0]]
        quarantine.put_back(session, other.id)
        assert not session.scalars(select(Image).where(Image.quarantined_at.is_not(None))).all()


def test_a_lock_of_the_store_is_tried_again_after_its_day(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(scene)
    until = clock.now() + timedelta(days=20)
    real = Folder.erase_copy

    def locked(self, ref, digest):  # type: ignore[no-untyped-def]
        if ref == "b.jpg" and clock.now() < until:
            raise Locked("A lock keeps it.", until)
        return real(self, ref, digest)

    monkeypatch.setattr(effects, "erase_together", lambda *_: {})
    monkeypatch.setattr(Folder, "erase_copy", locked)
    scene.run()
    scene.answer_people()
    [left] = [item for item in scene.erasure().items if item.state == "residual"]
    assert (left.kind, left.again_at) == ("image", until)
    assert resume(scene) == 0
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=21))
    assert resume(scene) == 1
    scene.run()
    assert scene.files() == {"other.jpg"}
    assert scene.erasure().state == "settled"


def test_withdrawn_or_held_first_the_other_finds_it_so(scene: Scene) -> None:
    """Withdrawn while a hold is on it: nothing is erased then or when the hold ends."""
    ready(scene)
    hold = place(scene, "a.jpg").hold
    with scene.database.writing() as session:
        withdrawing.withdraw(session, session.get_one(Case, scene.case_id))
    lift(scene, hold)
    assert resume(scene) == 0
    scene.run()
    assert scene.files() == {*KEYS, "other.jpg"}


def test_the_log_tells_of_what_was_kept_and_names_nobody(scene: Scene) -> None:
    ready(scene)
    place(scene, "b.jpg")
    scene.run()
    with scene.database.reading() as session:
        bodies = {entry.kind: entry.body for entry in session.scalars(select(Entry))}
    assert {"hold-placed", "hold-approved", "item-withheld"} <= bodies.keys()
    assert not any(b"b.jpg" in body or b"7 O 1/26" in body for body in bodies.values())


def _statement(issued: Certificate) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(issued.statement)
    return found


def test_killed_between_intent_and_effect_it_goes_on_although_a_hold_came(scene: Scene) -> None:
    """The placer was told that it came too late, so the second run must not say that it is kept."""
    ready(scene)
    with scene.database.writing() as session:
        erasure = session.scalars(select(Erasure)).one()
        erasure.state = "running"
        [item] = [one for one in erasure.items if one.kind == "image" and one.image_id == scene.images[1]]
        assert carrying.intending.intend(session, [item]) == [item]
    assert place(scene, "b.jpg").late
    assert workers.carry_out(scene.database, "erasing", scene.erasure().id) in {"worked", "not-due"}
    scene.run()
    assert "b.jpg" not in scene.files()


def test_plans_still_true_while_out_of_use(scene: Scene) -> None:
    ready(scene)
    with scene.database.reading() as session:
        assert plans.still_true(session, session.scalars(select(Erasure)).one())

"""What happens to an order from outside while it is carried out: holds, other orders, cases, kills, no store."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal import audit, clock, stores
from portal.db import Database
from portal.erasure import aftermath, holds, taken, wording
from portal.erasure import certificate as of_person
from portal.erasure import effects as of_case
from portal.erasure.verifying import verify
from portal.languages import day
from portal.notices import feeds
from portal.orders import certificate, in_stores, recipients
from portal.tables import Case as Person
from portal.tables import (
    Certificate,
    Dataset,
    Image,
    Notice,
    Order,
    OrderCertificate,
    Source,
    Store,
    SuppressionChunk,
)
from tests.erasure.test_carrying import Scene as Case
from tests.orders.scene import Scene

pytestmark = pytest.mark.usefixtures("small_chunks")


def results(scene: Scene, order_id: str) -> dict[str, int]:
    with scene.database.reading() as session:
        said, _ = certificate.read(session, certificate.of_order(session, session.get_one(Order, order_id)))
    found: dict[str, int] = said["parts"]["images"]["results"]
    return found


def while_erasing(monkeypatch: pytest.MonkeyPatch, do: Any) -> None:
    """Have something happen once, just before the first photographs are erased in their stores."""
    real, done = in_stores.erase, []

    def erase(*given: Any) -> Any:
        if not done:
            done.append(1)
            do()
        return real(*given)

    monkeypatch.setattr(in_stores, "erase", erase)


def test_a_hold_that_is_placed_meanwhile_keeps_all_that_had_no_intent_yet(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = scene.order()
    scene.approve(order_id)

    def place() -> None:
        with scene.database.writing() as session:
            why = ("source", scene.source_id, "court-order", "A claim.", "1 O 2/26")
            hold = holds.place(session, holds.Wish(*why, review_on=date(2100, 1, 1)), scene.asker).hold
            holds.approve(session, hold, scene.approver)

    while_erasing(monkeypatch, place)
    assert scene.run(order_id) == "worked"
    found = results(scene, order_id)
    assert sum(found.values()) == 39
    assert found["legal-hold"] == len(scene.left()) > 20
    with scene.database.reading() as session:
        live = session.scalar(select(func.count()).select_from(Image).where(Image.state == "live"))
        promised = session.scalars(select(SuppressionChunk.digests)).all()
    assert live == found["legal-hold"]
    assert sum(map(len, promised)) == found["deleted"] * 16, "what is held may be taken in still"


def test_two_orders_over_the_same_photographs_each_end_with_what_they_saw(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, other = scene.order(), scene.order("store", target="loose")
    scene.approve(order_id)
    scene.approve(other)
    while_erasing(monkeypatch, lambda: scene.run(other))
    assert scene.run(order_id) == "worked"
    assert scene.left() == set()
    both = [results(scene, one) for one in (order_id, other)]
    assert [sum(one.values()) for one in both] == [39, 12]
    assert all(set(one) <= {"deleted", "already-absent"} for one in both)
    # Each photograph is called deleted once: by whom it was.
    assert sum(one.get("deleted", 0) for one in both) == 39


def test_killed_between_the_effects_and_the_statement_nobody_is_told_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.in_dataset("shards")
    order_id = scene.order()
    scene.approve(order_id)
    for module, name in (
        (recipients, "gather"),
        (feeds, "append"),
        (recipients, "tell"),
        (certificate, "settle_if_complete"),
    ):
        real = getattr(module, name)

        def dies(*given: Any, real: Any = real, **more: Any) -> None:
            real(*given, **more)
            raise KeyboardInterrupt

        with monkeypatch.context() as killing:
            killing.setattr(module, name, dies)
            with pytest.raises(KeyboardInterrupt):
                scene.run(order_id)
        with scene.database.writing() as session:
            session.get_one(Order, order_id).lease_until = clock.now() - timedelta(seconds=1)
            assert session.scalar(select(func.count()).select_from(Notice)) == 0
    assert scene.run(order_id) == "worked"
    scene.answer(order_id)
    assert results(scene, order_id) == {"deleted": 39}
    with scene.database.reading() as session:
        assert session.scalars(select(Notice.photographs)).all() == [27]
        assert feeds.size_of(session, session.scalars(select(Dataset)).one()) == 27
        assert session.scalar(select(func.count()).select_from(OrderCertificate)) == 1


def test_a_store_that_vanished_is_never_called_empty(scene: Scene) -> None:
    with scene.database.writing() as session:
        store = session.get_one(Store, scene.stores["loose"])
        store.capabilities = {"mark": stores.connect(store).check().mark}
    order_id = scene.order()
    scene.approve(order_id)
    here, aside = scene.root / "loose", scene.root / "aside"
    here.rename(aside)
    assert scene.run(order_id) == "failed"
    # What a disk that is not there leaves behind: an empty folder of the same name.
    here.mkdir()
    assert scene.run(order_id) == "failed"
    with scene.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(OrderCertificate)) == 0
    assert scene.read(order_id).state != "settled"
    here.rmdir()
    aside.rename(here)
    assert scene.run(order_id) == "worked"
    assert (scene.left(), results(scene, order_id)) == (set(), {"deleted": 39})


class Both:
    """A person's deletion that was approved, and an order over the source of its store that was approved, too."""

    def __init__(self, database: Database, folder: Path, *, planned: bool = True) -> None:
        self.case = Case(database, folder)
        self.order = Scene.__new__(Scene)
        self.order.database, self.order.root = database, folder
        self.order.asker, self.order.approver = self.case.asker, self.case.approver
        with database.writing() as session:
            source = Source(
                name="The site", from_whom="A site", received_on=date(2014, 1, 1), terms="t", consent="none",
            )  # fmt: skip
            session.add(source)
            session.flush()
            session.get_one(Store, self.case.store_id).source_id = self.order.source_id = source.id
        if planned:
            self.case.plan()
            self.case.approve()
        self.order_id = self.order.order()
        self.order.approve(self.order_id)

    def ended(self) -> tuple[Counter[str], dict[str, int]]:
        """What the person's certificate and the order's statement say of the photographs."""
        database = self.case.database
        self.case.answer_people()
        self.order.answer(self.order_id)
        with database.reading() as session:
            issued = session.scalars(select(Certificate)).one()
            items = of_person.items_of(session, issued)
        return Counter(one["result"] for one in items if one["kind"] == "image"), results(self.order, self.order_id)


@pytest.fixture
def both(database: Database, tmp_path: Path) -> Both:
    return Both(database, tmp_path / "photographs")


def test_a_deletion_ends_with_its_certificate_where_an_order_took_its_photographs_first(both: Both) -> None:
    assert both.order.run(both.order_id) == "worked"
    assert both.case.run() == "worked"
    person, order = both.ended()
    assert both.case.files() == set()
    assert (sum(person.values()), sum(order.values())) == (3, 4)
    assert person["deleted"] + order["deleted"] == 4
    assert set(person) | set(order) <= {"deleted", "already-absent"}


def test_what_an_order_took_before_there_was_a_plan_stands_on_the_certificate(
    database: Database, tmp_path: Path
) -> None:
    both = Both(database, tmp_path / "photographs", planned=False)
    assert both.order.run(both.order_id) == "worked"
    with database.reading() as session:
        (line,) = taken.before(session, session.get_one(Person, both.case.case_id), "deletion")
        assert (line["by"], line["order"], line["count"]) == ("order", both.order_id, 3)
        checked = line["checked"]
        assert checked is not None
    assert both.case.plan().items == []
    both.case.approve()
    assert both.case.run() == "worked"
    with database.writing() as session:
        issued = session.scalars(select(Certificate)).one()
        said = verify(of_person.file_of(session, issued), audit.verifier_key(session))
        assert said["taken_before"] == [line]
        words = wording.in_words(said, of_person.items_of(session, issued))
        case = session.get_one(Person, both.case.case_id)
        case.identity = "confirmed"
        after = aftermath.of_case(session, case)
    told = f"3 photographs: deleted with a whole collection, before we came to your request (order {both.order_id})."
    assert any(told in one and day(date.fromisoformat(checked[:10])) in one for one in words)
    assert not any("no photograph was confirmed" in one for one in words)
    assert after is not None
    assert after.before[0] in "\n".join(words)


@pytest.mark.parametrize("inner", ["order", "case"])
def test_a_deletion_and_an_order_race_for_the_same_photographs(
    both: Both, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    if inner == "case":
        while_erasing(monkeypatch, both.case.run)
        assert both.order.run(both.order_id) == "worked"
    else:
        real, done = of_case.erase_in_store, []

        def erase(*given: Any) -> str:
            if not done:
                done.append(both.order.run(both.order_id))
            return real(*given)

        monkeypatch.setattr(of_case, "erase_in_store", erase)
        assert both.case.run() == "worked"
    person, order = both.ended()
    assert both.case.files() == set()
    assert (sum(person.values()), sum(order.values())) == (3, 4)
    assert set(person) | set(order) <= {"deleted", "already-absent"}

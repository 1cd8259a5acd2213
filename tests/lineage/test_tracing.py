"""From photographs to everything they reached, and to what they did not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.lineage import Span, Trace, alike, members, outputs, records, spans_of, trace, traces
from portal.suppression import suppress
from portal.tables import Dataset, Erasure, Image, Recipient, Store, TrainedModel
from tests.matching.making import make_account, make_case, make_image, make_store

DAY = date(2014, 5, 1)


class World:
    """Three photographs of one store in a dataset, a model trained on it, a product, and two recipients."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.source = records.add_source(
            session, "OkC 2014", "A dating site", DAY, "by mail", "never asked", "contract 3", may_share="yes"
        )
        self.store: Store = make_store(session, name="okc")
        self.store.source_id = self.source.id
        self.images: list[Image] = [make_image(session, self.store, f"{number}.jpg") for number in range(4)]
        self.dataset: Dataset = records.add_dataset(session, "okc-faces", "v1", DAY)
        self.model: TrainedModel = records.add_model(session, "demog", "2")
        self.trained = records.add_training_use(session, self.model, self.dataset, date(2014, 6, 1), date(2014, 7, 1))
        self.product = records.add_product(session, "Face API", self.model)
        self.police: Recipient = records.add_recipient(session, "Police", "desk@example.org", "DE")
        self.partner: Recipient = records.add_recipient(session, "Partner", "hi@example.org")
        records.add_disclosure(session, self.police, self.dataset, None, date(2015, 1, 1), "contract 7")
        records.add_disclosure(session, self.police, None, self.model, date(2016, 1, 1), "licence")
        records.add_disclosure(session, self.partner, None, self.model, date(2016, 2, 1), "licence")
        members.put_in_dataset(session, self.dataset, self.images[:3])

    def ids(self, *numbers: int) -> list[int]:
        return [self.images[number].id for number in numbers]


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_photographs_that_went_the_same_way_are_followed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = world.session
    other = make_image(session, make_store(session, name="other"), "x.jpg")
    about = outputs.About(store=world.store, key=world.images[1].key)
    outputs.add_output(session, world.model, "age", about, 1, "answers.db")
    members.take_out(session, world.dataset.id, world.ids(2), datetime(2015, 6, 1, tzinfo=UTC))
    fifth = make_image(session, world.store, "4.jpg")
    members.put_in_dataset(session, world.dataset, [fifth])
    ids = [*world.ids(0, 1, 2, 3), other.id, fifth.id]
    alone = {image_id: trace(session, [image_id]) for image_id in ids}
    followed: list[list[int]] = []

    def follow(session: Session, image_ids: list[int]) -> Trace:
        followed.append(image_ids)
        return trace(session, image_ids)

    monkeypatch.setattr(alike, "trace", follow)
    assert traces(session, ids) == alone
    assert len(followed) == 5, "the first and the fifth went the same way"
    assert traces(session, []) == {}


def test_the_whole_path(world: World) -> None:
    found = trace(world.session, world.ids(0, 1))
    assert [one.id for one in found.sources] == [world.source.id]
    assert found.sources[0].facts["consent"] == "never asked"
    assert [(one.name, one.facts["photographs"]) for one in found.datasets] == [("okc-faces v1", 2)]
    assert found.datasets[0].via == "Dataset okc-faces v1 contains 2 of these photographs."
    (model,) = found.models
    assert (model.id, model.name) == (world.model.id, "demog 2")
    assert model.via == (
        "Dataset okc-faces v1 contains 2 of these photographs; model demog 2 was trained on it on 1 June 2014."
    )
    assert model.facts["trained"][0]["in_use_from"] == "2014-07-01"
    assert [one.name for one in found.products] == ["Face API"]
    assert found.products[0].via.endswith("Face API was built on this model.")
    partner, police = found.recipients
    assert partner.via.endswith("Partner received this model on 1 February 2016.")
    assert police.via.startswith(
        "Police received dataset okc-faces v1 with 2 of these photographs in it on 1 January 2015."
    )
    assert [one["basis"] for one in police.facts["disclosures"]] == ["contract 7", "licence"]


def test_a_photograph_that_is_in_no_dataset_reaches_nothing_but_its_source(world: World) -> None:
    found = trace(world.session, world.ids(3))
    assert [one.id for one in found.sources] == [world.source.id]
    assert (found.datasets, found.models, found.products, found.recipients) == ([], [], [], [])
    assert trace(world.session, []).sources == []


def test_what_happened_before_the_removal_stays_touched(world: World) -> None:
    removed = members.remove_from_datasets(world.session, world.ids(0, 1))
    assert removed == [(world.dataset.id, image_id) for image_id in world.ids(0, 1)]
    assert members.remove_from_datasets(world.session, world.ids(0, 1)) == []
    found = trace(world.session, world.ids(0))
    assert "contained 1 of these photographs until" in found.datasets[0].via
    assert len(found.models) == len(found.products) == 1
    assert len(found.recipients) == 2


def test_a_model_trained_after_the_removal_is_not_reached(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2020, 1, 1, 12, tzinfo=UTC))
    members.remove_from_datasets(world.session, world.ids(0, 1))
    monkeypatch.undo()
    again = records.add_model(world.session, "demog", "3")
    records.add_training_use(world.session, again, world.dataset, date(2021, 1, 1))
    records.add_disclosure(world.session, world.partner, world.dataset, None, date(2021, 1, 1), "x")
    gone = trace(world.session, world.ids(0, 1))
    assert [one.name for one in gone.models] == ["demog 2"]
    assert [len(one.facts["disclosures"]) for one in gone.recipients] == [1, 2]
    kept = trace(world.session, world.ids(0, 2))
    assert [one.name for one in kept.models] == ["demog 2", "demog 3"]
    assert "contains 1 of these photographs" in kept.models[1].via


def test_a_model_that_was_trained_twice_is_one_line(world: World) -> None:
    second = records.add_dataset(world.session, "more", "1", DAY)
    members.put_in_dataset(world.session, second, world.images[:1])
    records.add_training_use(world.session, world.model, second, date(2014, 6, 2))
    (model,) = trace(world.session, world.ids(0)).models
    assert {one["dataset"] for one in model.facts["trained"]} == {world.dataset.id, second.id}
    assert model.via.count("was trained on it") == 2


def test_an_erased_photograph_is_still_traced(world: World) -> None:
    image = world.images[0]
    image.state, image.key, image.digest = "erased", f"/erased/{image.id}", None
    world.session.flush()
    assert len(trace(world.session, [image.id]).models) == 1


def test_thousands_of_photographs_are_counted_rightly(session: Session) -> None:
    store = make_store(session, name="big")
    now = clock.now()
    images = [
        Image(store_id=store.id, key=f"{n}", state="live", first_seen_at=now, last_seen_at=now) for n in range(1201)
    ]
    session.add_all(images)
    session.flush()
    dataset = records.add_dataset(session, "big", "1", DAY)
    assert members.put_in_dataset(session, dataset, store) == members.Put(added=1201, already=0, kept_out=0)
    assert trace(session, [image.id for image in images]).datasets[0].via.startswith("Dataset big 1 contains 1,201")


def test_putting_in_again_adds_nothing_and_emptied_places_stay_empty(world: World) -> None:
    members.remove_from_datasets(world.session, world.ids(0))
    assert members.put_in_dataset(world.session, world.dataset, world.store) == members.Put(1, 2, 1)


def test_who_opted_out_is_kept_out_of_datasets(world: World) -> None:
    session = world.session
    erasure = Erasure(
        case_id=make_case(session).id,
        kind="opt-out",
        plan_digest="",
        asked_by=make_account(session, "asker"),
        planned_at=clock.now(),
    )
    session.add(erasure)
    session.flush()
    suppress(session, erasure.id, world.images[3], "datasets")
    copy = make_image(session, world.store, "copy.jpg", data=b"3.jpg")
    assert copy.digest == world.images[3].digest
    assert members.put_in_dataset(session, world.dataset, [world.images[3], copy]) == members.Put(0, 0, 2)


def test_photographs_that_are_gone_are_not_put_in(world: World) -> None:
    world.images[3].state = "gone"
    assert members.put_in_dataset(world.session, world.dataset, [world.images[3]]) == members.Put(0, 0, 0)


def test_it_is_said_from_when_to_when_each_had_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trained.in_use_to = date(2018, 5, 31)
    monkeypatch.setattr(clock, "now", lambda: datetime(2020, 1, 1, 12, tzinfo=UTC))
    members.remove_from_datasets(world.session, world.ids(0))
    assert spans_of(trace(world.session, world.ids(0))) == [
        Span("dataset", world.dataset.id, "okc-faces v1", "2014-05-01", "2020-01-01"),
        Span("model", world.model.id, "demog 2", "2014-07-01", "2018-05-31"),
        Span("product", world.product.id, "Face API", "2014-07-01", "2018-05-31"),
        Span("recipient", world.partner.id, "Partner", "2016-02-01", None),
        Span("recipient", world.police.id, "Police", "2015-01-01", None),
    ]
    assert spans_of(trace(world.session, world.ids(0, 1)))[0].until is None

"""The way of photographs: all of it, only what they really reached, and an end even where records go in a circle."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from portal import lineage
from portal.errors import BadInput
from portal.lineage import derivations, members, records
from portal.lineage.paths import Path, path_of_dataset, path_of_image, path_of_model
from portal.tables import Dataset, Derivation, Image, TrainedModel
from tests.matching.making import make_image, make_store

DAY = date(2014, 5, 1)
AT = datetime(2020, 1, 1, 12, tzinfo=UTC)


class World:
    """A photograph in a dataset; another dataset made from that; a model and one made from it, a product, a taker."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.image: Image = make_image(session, make_store(session, name="okc"), "one.jpg")
        self.first, self.second = (records.add_dataset(session, "faces", version, DAY) for version in ("1", "2"))
        members.put_in_dataset(session, self.first, [self.image])
        derivations.say_made_from(session, self.second, self.first, DAY)
        self.model, self.child, self.late = (records.add_model(session, "demog", number) for number in ("1", "2", "3"))
        records.add_training_use(session, self.model, self.second, date(2015, 1, 1), date(2015, 2, 1), date(2016, 1, 1))
        derivations.say_made_from(session, self.child, self.model)
        records.add_product(session, "Ages", self.child)
        taker = records.add_recipient(session, "Police", "desk@example.org")
        records.add_disclosure(session, taker, None, self.model, date(2016, 1, 1), "licence")


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def links(path: Path) -> set[tuple[str, str]]:
    return {(first.name, then.name) for first, then in path.links}


def test_a_photograph_is_followed_to_the_last_of_those_who_have_it(world: World) -> None:
    path = path_of_image(world.session, world.image)
    assert links(path) >= {
        ("okc", "one.jpg"),
        ("one.jpg", "faces 1"),
        ("faces 1", "faces 2"),
        ("faces 2", "demog 1"),
        ("demog 1", "demog 2"),
        ("demog 2", "Ages"),
        ("demog 1", "Police"),
    }
    assert {step.when for step in path.steps if step.name == "demog 1"} == {"2015-02-01 to 2016-01-01"}
    assert {step.when for step in path.of_kind("recipient")} == {"since 2016-01-01"}


def test_a_model_trained_after_the_removal_is_not_on_the_way_of_the_photograph(world: World) -> None:
    lineage.take_out(world.session, world.first.id, [world.image.id], AT, "erasure/one")
    [version] = lineage.settle_versions(world.session, "erasure/one", AT)
    records.add_training_use(world.session, world.late, world.first, date(2021, 1, 1))
    assert "demog 3" not in {step.name for step in path_of_image(world.session, world.image).steps}
    path = path_of_dataset(world.session, world.first)
    assert ("faces 1", "demog 3") in links(path)
    assert ("faces 1", f"faces {version.label}") in links(path)


def test_a_model_knows_what_it_was_trained_on_and_made_from(world: World) -> None:
    path = path_of_model(world.session, world.child)
    assert links(path) == {
        *{("okc", "faces 1"), ("faces 1", "faces 2"), ("faces 2", "demog 1"), ("demog 1", "demog 2")},
        *{("demog 2", "Ages"), ("demog 1", "Police"), (path.of_kind("source")[0].name, "okc")},
    }


def test_a_circle_is_refused_by_the_names_in_it(world: World) -> None:
    with pytest.raises(BadInput, match=r"circle.*faces 2.*faces 1"):
        derivations.say_made_from(world.session, world.first, world.second)
    with pytest.raises(BadInput, match=r"circle.*demog 2.*demog 1"):
        derivations.say_made_from(world.session, world.model, world.child)


def test_a_circle_that_got_into_the_records_is_gone_through_once(world: World) -> None:
    world.session.add_all(
        [
            Derivation(dataset_id=world.first.id, from_dataset_id=world.second.id),
            Derivation(model_id=world.model.id, from_model_id=world.child.id),
        ]
    )
    world.session.flush()
    for path in (
        path_of_image(world.session, world.image),
        path_of_dataset(world.session, world.session.get_one(Dataset, world.second.id)),
        path_of_model(world.session, world.session.get_one(TrainedModel, world.model.id)),
    ):
        assert len({step.name for step in path.of_kind("dataset")}) == 2
        assert len(path.of_kind("model")) == 2

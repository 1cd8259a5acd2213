"""New use of photographs without a consent or right is refused by the name of the rule; finding people is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput, NotAllowed
from portal.lineage import derivations, members, records
from portal.stores import adding, grounds, scans
from portal.tables import Dataset, DatasetStore, Entry, Source, Store
from tests.matching.making import make_image, make_source, make_store

DAY = date(2014, 5, 1)
REASON = "It happened in 2014."


@pytest.fixture
def store(session: Session) -> Store:
    """A store whose source nobody agreed to, with one photograph."""
    store = make_store(session, name="okc")
    store.source_id = make_source(session, "no").id
    make_image(session, store, "a.jpg")
    return store


@pytest.fixture
def dataset(session: Session, store: Store) -> Dataset:
    """Filled from that store before anybody asked."""
    dataset = records.add_dataset(session, "faces", "1", DAY)
    members.put_in_dataset(session, dataset, store, REASON)
    return dataset


def uses(session: Session, store: Store, dataset: Dataset) -> dict[str, Callable[[str], object]]:
    """Every new use, by the name of its rule."""
    model = records.add_model(session, "demog", "2")
    recipient = records.add_recipient(session, "Police", "desk@example.org")
    return {
        "ground-before-dataset": lambda why: members.put_in_dataset(session, dataset, store, why),
        "ground-before-training": lambda why: records.add_training_use(session, model, dataset, DAY, despite=why),
        "ground-before-passing-on": lambda why: records.add_disclosure(
            session, recipient, dataset, None, DAY, "none", why
        ),
        "ground-before-reading": lambda why: scans.start_scan(session, store, None, why),
    }


def logged(session: Session) -> list[str]:
    found = session.scalars(select(Entry.kind).order_by(Entry.position))
    return [kind for kind in found if kind == "used-without-ground"]


def test_each_new_use_is_refused_by_name_and_a_reason_goes_into_the_log(
    session: Session, store: Store, dataset: Dataset
) -> None:
    before = len(logged(session))
    for number, (rule, use) in enumerate(uses(session, store, dataset).items(), 1):
        with pytest.raises(
            NotAllowed, match=f"Rule {rule} .*GDPR Art. 5.*{session.get_one(Source, store.source_id).name}"
        ) as refused:
            use("  ")
        assert refused.value.code == rule
        assert len(logged(session)) == before + number - 1
        use(REASON)
        assert len(logged(session)) == before + number
    with pytest.raises(BadInput, match="300 characters"):
        members.put_in_dataset(session, dataset, store, "x" * 301)


def test_a_recorded_consent_or_right_allows_every_use(session: Session, store: Store, dataset: Dataset) -> None:
    source = session.get_one(Source, store.source_id)
    records.change_source(session, source, consented="no", may_share="yes", right_to_share="Public domain")
    before = len(logged(session))
    for use in uses(session, store, dataset).values():
        use("")
    assert len(logged(session)) == before
    records.change_source(session, source, may_share="no")
    with pytest.raises(NotAllowed):
        members.put_in_dataset(session, dataset, store)
    records.change_source(session, source, consented="some", consent_scope="A study")
    assert not grounds.has_ground(source), "some who agreed do not speak for the others"


def test_a_store_of_unknown_source_can_be_read_but_not_used(session: Session, folder: Path) -> None:
    """Finding people is never refused for want of papers."""
    store = adding.add_store(session, "found", "folder", {"folder": str(folder)}, may_erase=False)
    assert scans.start_scan(session, store, None).state == "running"
    make_image(session, store, "a.jpg")
    with pytest.raises(NotAllowed, match="nobody has written down where they came from"):
        members.put_in_dataset(session, records.add_dataset(session, "faces", "1", DAY), store)
    adding.set_source(session, store, make_source(session, "no"))
    scans.ask(session, scans.need_scan(session, store), "cancel")
    assert scans.start_scan(session, store, None).state == "running", "what was read before stays readable"


def test_a_store_is_not_added_from_a_source_without_ground(session: Session, folder: Path) -> None:
    source = make_source(session, "unknown")
    with pytest.raises(NotAllowed, match="ground-before-reading"):
        adding.add_store(session, "a", "folder", {"folder": str(folder)}, False, source.id)
    session.rollback()
    source = make_source(session, "unknown")
    store = adding.add_store(session, "a", "folder", {"folder": str(folder)}, False, source.id, despite=REASON)
    assert store.despite == REASON
    assert scans.start_scan(session, store, None).state == "running", "the reason is not asked for again"


def test_what_was_made_from_a_dataset_without_ground_has_none(session: Session, store: Store, dataset: Dataset) -> None:
    cleaned = records.add_dataset(session, "faces", "2", DAY)
    assert derivations.stores_of(session, cleaned) == []
    derivations.say_made_from(session, cleaned, dataset)
    assert derivations.stores_of(session, cleaned) == [store]
    assert session.get(DatasetStore, (dataset.id, store.id)) is not None
    with pytest.raises(NotAllowed, match="may not be trained on"):
        records.add_training_use(session, records.add_model(session, "m", "1"), cleaned, DAY + timedelta(days=1))


def test_a_circle_is_refused_with_all_its_steps(session: Session) -> None:
    first, second, third = (records.add_dataset(session, "d", str(number), DAY) for number in range(3))
    assert derivations.say_made_from(session, second, first, clock.now().date())
    assert derivations.say_made_from(session, third, second)
    assert not derivations.say_made_from(session, third, second)
    with pytest.raises(BadInput, match=r"circle.*d 0 - d 1 - d 2 - d 0") as refused:
        derivations.say_made_from(session, first, third)
    assert refused.value.code == "cyclic-lineage"
    with pytest.raises(BadInput, match="d 1 - d 1"):
        derivations.say_made_from(session, second, second)
    assert derivations.made_from(session, Dataset, [first.id]) == {second.id: first.id, third.id: second.id}


def test_a_ground_needs_its_words(session: Session) -> None:
    said = (session, "okc", "A site", DAY, "none", "asked")
    with pytest.raises(BadInput, match="what the people agreed to"):
        records.add_source(*said, consented="yes")
    with pytest.raises(BadInput, match="why the giver had the right"):
        records.add_source(*said, may_share="yes")
    with pytest.raises(BadInput, match="one of yes, some, no, unknown"):
        records.add_source(*said, consented="perhaps")
    source = records.add_source(*said, interest="Its founders had shares in the taker")
    with pytest.raises(BadInput, match="'name' of a source cannot be changed"):
        records.change_source(session, source, name="other")
    with pytest.raises(BadInput, match="'consent' is empty"):
        records.change_source(session, source, consent=" ")

"""What models said about people is found by photograph, account and dataset; nobody can read an account back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.errors import BadInput, Conflict, NotFound
from portal.lineage import derivations, members, outputs, records, trace
from portal.lineage.outputs import About
from portal.tables import ManifestEntry, Store, TrainedModel
from tests.matching.making import make_image, make_store

DAY = date(2014, 5, 1)


@pytest.fixture
def store(session: Session) -> Store:
    """Two photographs, the first posted by anna."""
    store = make_store(session, name="okc")
    for key in ("a.jpg", "b.jpg"):
        make_image(session, store, key)
    session.add(ManifestEntry(store_id=store.id, key="a.jpg", account="anna", attributes={}))
    session.flush()
    return store


@pytest.fixture
def model(session: Session) -> TrainedModel:
    return records.add_model(session, "demog", "2")


def ids(session: Session, store: Store) -> list[int]:
    found = session.execute(text("SELECT id FROM image WHERE store_id = :store ORDER BY key"), {"store": store.id})
    return [row[0] for row in found]


def test_each_way_of_being_about_somebody_is_traced(session: Session, store: Store, model: TrainedModel) -> None:
    first, second = ids(session, store)
    dataset = records.add_dataset(session, "faces", "1", DAY)
    members.put_in_dataset(session, dataset, store)
    outputs.add_output(session, model, "age", About(store, key="a.jpg"), 1, "table guesses")
    outputs.add_output(session, model, "identity", About(store, account=" anna "), 3, "labels.csv", DAY)
    outputs.add_output(session, model, "sex", About(dataset=dataset), 2, "s3://out/sex")
    via = [one.via for one in trace(session, [first]).outputs]
    assert via == [
        "Model demog 2 guessed an age. 1 answer is kept here: table guesses.",
        "Model demog 2 guessed who somebody is. 3 answers are kept here: labels.csv.",
        "Model demog 2 guessed a sex for the photographs of dataset faces 1. The answers are kept here: s3://out/sex.",
    ]
    (of_dataset,) = trace(session, [second]).outputs
    assert of_dataset.facts == {
        "model": model.id,
        "kind": "sex",
        "count": 2,
        "kept_at": "s3://out/sex",
        "made_on": None,
    }


def test_an_account_cannot_be_read_back(session: Session, store: Store, model: TrainedModel) -> None:
    outputs.add_output(session, model, "identity", About(store, account="anna"), 1, "labels.csv")
    kept = session.execute(text("SELECT * FROM stored_output")).one()
    assert "anna" not in str(kept)
    other = make_store(session, name="other")
    make_image(session, other, "c.jpg")
    session.add(ManifestEntry(store_id=other.id, key="c.jpg", account="anna", attributes={}))
    session.flush()
    assert trace(session, ids(session, other)).outputs == [], "the same name elsewhere is another account"


def test_what_is_wrong_is_said(session: Session, store: Store, model: TrainedModel) -> None:
    for about in (About(), About(store), About(store, key="a.jpg", account="anna")):
        with pytest.raises(BadInput, match="one photograph, one account or one dataset"):
            outputs.add_output(session, model, "age", about, 1, "x")
    about = About(store, key="a.jpg")
    with pytest.raises(BadInput, match="in which store"):
        outputs.add_output(session, model, "age", About(account="anna"), 1, "x")
    with pytest.raises(NotFound, match="No scan of okc"):
        outputs.add_output(session, model, "age", About(store, key="no.jpg"), 1, "x")
    with pytest.raises(BadInput, match="one of age, sex"):
        outputs.add_output(session, model, "shoe size", about, 1, "x")
    with pytest.raises(BadInput, match="at least one"):
        outputs.add_output(session, model, "age", about, 0, "x")
    with pytest.raises(BadInput, match="'kept at' is empty"):
        outputs.add_output(session, model, "age", about, 1, " ")
    outputs.add_output(session, model, "age", about, 1, "x")
    with pytest.raises(Conflict):
        outputs.add_output(session, model, "age", about, 2, "x")


def test_what_was_made_from_a_dataset_or_a_model_is_reached(
    session: Session, store: Store, model: TrainedModel
) -> None:
    """Nobody said which photographs the second version holds: it may be all, and so may its models and recipients."""
    first, second = (records.add_dataset(session, "faces", version, DAY) for version in "12")
    members.put_in_dataset(session, first, store)
    derivations.say_made_from(session, second, first)
    records.add_training_use(session, model, second, DAY)
    tuned = records.add_model(session, "demog", "3")
    derivations.say_made_from(session, tuned, model)
    police = records.add_recipient(session, "Police", "desk@example.org")
    records.add_disclosure(session, police, second, None, DAY, "none")
    found = trace(session, ids(session, store))
    assert [one.name for one in found.datasets] == ["faces 1", "faces 2"]
    may = "Dataset faces 2 was made from dataset faces 1 and may contain 2 of these photographs."
    assert [one.via for one in found.models] == [
        f"{may} Model demog 2 was trained on it on 1 May 2014.",
        f"{may} Model demog 2 was trained on it on 1 May 2014. Model demog 3 was made from this model.",
    ]
    assert found.recipients[0].via == f"{may} Police received it on 1 May 2014."
    other = make_store(session, name="other")
    make_image(session, other, "c.jpg")
    members.put_in_dataset(session, second, other)
    assert [one.name for one in trace(session, ids(session, store)).datasets] == ["faces 1"], "now it is said"

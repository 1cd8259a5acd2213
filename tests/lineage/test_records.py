"""Writing lineage down: nothing empty, nothing twice, no days that cannot be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput, Conflict, NotFound
from portal.lineage import records
from portal.tables import Dataset, TrainedModel

DAY = date(2014, 5, 1)


@pytest.fixture
def dataset(session: Session) -> Dataset:
    return records.add_dataset(session, "okc-faces", "v1", DAY)


@pytest.fixture
def model(session: Session) -> TrainedModel:
    return records.add_model(session, "demog", "2", "AB" * 32, "guessing age")


def test_names_are_trimmed_and_needed(session: Session) -> None:
    source = records.add_source(session, " okc ", "A dating site", DAY, "none written", "none asked")
    assert source.name == "okc"
    with pytest.raises(BadInput, match="'name' is empty"):
        records.add_recipient(session, "  ", "a@example.org")
    with pytest.raises(BadInput, match="'contact' is empty"):
        records.add_recipient(session, "Army", "")
    with pytest.raises(BadInput, match="longer than 200"):
        records.add_dataset(session, "x" * 201, "1", DAY)


def test_nothing_is_written_down_twice(session: Session, dataset: Dataset, model: TrainedModel) -> None:
    source = ("okc", "A dating site", DAY, "t", "c")
    recipient = records.add_recipient(session, "Police", "desk@example.org")
    records.add_source(session, *source)
    records.add_training_use(session, model, dataset, DAY)
    records.add_product(session, "API", model)
    records.add_disclosure(session, recipient, dataset, None, DAY, "contract")
    for again in (
        lambda: records.add_source(session, *source),
        lambda: records.add_dataset(session, "okc-faces", "v1", DAY),
        lambda: records.add_model(session, "demog", "2"),
        lambda: records.add_training_use(session, model, dataset, DAY),
        lambda: records.add_product(session, "API", model),
        lambda: records.add_recipient(session, "Police", "x"),
        lambda: records.add_disclosure(session, recipient, dataset, None, DAY, "other"),
    ):
        with pytest.raises(Conflict, match="written down already"):
            again()
    records.add_disclosure(session, recipient, dataset, None, DAY + timedelta(days=1), "contract")
    assert records.add_dataset(session, "okc-faces", "v2", DAY).id != dataset.id


def test_days_that_cannot_be_are_refused(session: Session, dataset: Dataset, model: TrainedModel) -> None:
    tomorrow = clock.now().date() + timedelta(days=2)
    before = DAY - timedelta(days=1)
    recipient = records.add_recipient(session, "Police", "desk@example.org")
    for wrong in (
        lambda: records.add_dataset(session, "d", "1", tomorrow),
        lambda: records.add_source(session, "s", "x", date(214, 5, 1), "t", "c"),
        lambda: records.add_training_use(session, model, dataset, before),
        lambda: records.add_training_use(session, model, dataset, DAY, in_use_from=before),
        lambda: records.add_training_use(session, model, dataset, DAY, in_use_to=before),
        lambda: records.add_training_use(session, model, dataset, DAY, in_use_from=tomorrow),
        lambda: records.add_disclosure(session, recipient, dataset, None, before, "x"),
    ):
        with pytest.raises(BadInput):
            wrong()


def test_a_disclosure_is_of_one_thing(session: Session, dataset: Dataset, model: TrainedModel) -> None:
    recipient = records.add_recipient(session, "Police", "desk@example.org")
    for both in ((dataset, model), (None, None)):
        with pytest.raises(BadInput, match="one dataset or one model"):
            records.add_disclosure(session, recipient, *both, DAY, "x")


def test_digests_of_weights_are_checked(session: Session, model: TrainedModel) -> None:
    assert model.weights_digest == "ab" * 32
    with pytest.raises(BadInput, match="SHA-256"):
        records.add_model(session, "m", "1", "xyz")


def test_what_is_not_there_is_said(session: Session, dataset: Dataset) -> None:
    assert records.find_dataset(session, "okc-faces", "v1") is dataset
    with pytest.raises(NotFound, match="no dataset called okc-faces v9"):
        records.find_dataset(session, "okc-faces", "v9")

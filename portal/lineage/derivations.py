"""What was made from what: a dataset from another, a model from another. What is in the one reaches the other."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.errors import BadInput
from portal.tables import Dataset, DatasetStore, Derivation, Store, TrainedModel

Table = type[Dataset] | type[TrainedModel]
Column = InstrumentedAttribute[str | None]
# The columns of what was made and of what it was made from.
COLUMNS: dict[Table, tuple[Column, Column]] = {
    Dataset: (Derivation.dataset_id, Derivation.from_dataset_id),
    TrainedModel: (Derivation.model_id, Derivation.from_model_id),
}


def say_made_from(
    session: Session, made: Dataset | TrainedModel, origin: Dataset | TrainedModel, made_on: date | None = None
) -> bool:
    """Write down that `made` was made from `origin`, both of one kind. False where it was known already.

    Raises BadInput naming the whole circle where `origin` was made from `made` itself.
    """
    column, from_column = COLUMNS[type(made)]
    if session.scalar(select(Derivation.id).where(column == made.id, from_column == origin.id)) is not None:
        return False
    before = _walk(session, [origin.id], column, from_column)
    if made.id in before:
        circle = " - ".join(_title(session, type(made), one) for one in _path(before, made.id))
        raise BadInput(f"This goes round in a circle, so one of the steps is wrong: {circle}.", "cyclic-lineage")
    session.add(Derivation(**{column.key: made.id, from_column.key: origin.id}, made_on=made_on))
    session.flush()
    return True


def made_from(session: Session, table: Table, ids: Collection[str]) -> dict[str, str]:
    """All that was made from these, directly or not: the id of each with the id of what it was made from."""
    column, from_column = COLUMNS[table]
    reached = _walk(session, ids, from_column, column)
    return {one: origin for one, origin in reached.items() if origin is not None}


def origins_of(session: Session, table: type[Dataset] | type[TrainedModel], ids: Collection[str]) -> set[str]:
    """The ids of all that these were made from, directly or not."""
    return set(_walk(session, ids, *COLUMNS[table])) - set(ids)


def stores_of(session: Session, dataset: Dataset) -> list[Store]:
    """The stores from which a dataset, and whatever it was made from, was filled."""
    origins = _walk(session, [dataset.id], *COLUMNS[Dataset])
    filled = select(DatasetStore.store_id).where(DatasetStore.dataset_id.in_(origins))
    return list(session.scalars(select(Store).where(Store.id.in_(filled)).order_by(Store.name)))


def _walk(session: Session, start: Collection[str], here: Column, there: Column) -> dict[str, str | None]:
    """Every id that can be reached from `start`, with the id from which it was reached first; None for the start."""
    reached: dict[str, str | None] = dict.fromkeys(start)
    edge = list(reached)
    while edge:
        found = session.execute(select(here, there).where(here.in_(edge)).order_by(there)).all()
        edge = []
        for origin, one in found:
            if one is not None and one not in reached:
                reached[one] = origin
                edge.append(one)
    return reached


def _path(reached: dict[str, str | None], end: str) -> list[str]:
    """From `end` back to the start of a walk, and to `end` again: the circle that a new step would close."""
    path: list[str] = [end]
    while (before := reached[path[-1]]) is not None:
        path.append(before)
    return [*path, end]


def _title(session: Session, table: Table, row_id: str) -> str:
    row = session.get_one(Dataset, row_id) if table is Dataset else session.get_one(TrainedModel, row_id)
    return f"{row.name} {row.version}"

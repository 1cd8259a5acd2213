"""The stored bitmaps of which images are in which dataset: read and written here and nowhere else.

All writing is done under the write lock of the database (portal/db.py): of two writers in one chunk the second reads
what the first has committed. Nothing read here is kept for a later transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.orm import Session

from portal.errors import EffaceError
from portal.lineage.bitmaps import SIZE, pack, unpack
from portal.tables import Dataset, DatasetChunk
from portal.tables.lineage import STILL

COLUMNS = (
    DatasetChunk.number,
    DatasetChunk.dataset_id,
    DatasetChunk.since,
    DatasetChunk.until,
    DatasetChunk.images,
    DatasetChunk.members,
)
Rows = Select[int, str, date, date, int, bytes]


class BrokenMembers(EffaceError):
    """What is stored of a dataset's members is not what was written."""

    code = "broken-members"


@dataclass(frozen=True)
class Chunk:
    """Some images of a dataset, all in it from the day `since` to the day `until`, both counted."""

    number: int
    dataset_id: str
    since: date
    until: date
    members: BitMap


def in_range(number: int) -> Rows:
    """The rows of a range of ids."""
    return select(*COLUMNS).where(DatasetChunk.number == number)


def of_dataset(dataset_id: str) -> Rows:
    """The rows of a dataset, in the order of their ids."""
    return select(*COLUMNS).where(DatasetChunk.dataset_id == dataset_id).order_by(DatasetChunk.number)


def still(rows: Rows) -> Rows:
    """Of these rows the ones of images that nobody took out."""
    return rows.where(DatasetChunk.until == STILL)


def read(session: Session, rows: Rows) -> Iterator[Chunk]:
    """The chunks of these rows. Raises BrokenMembers, naming the dataset and the images."""
    for row in session.execute(rows):
        yield Chunk(row.number, row.dataset_id, row.since, row.until, _members(session, row))


def move(session: Session, chunk: Chunk, gone: BitMap, day: date) -> None:
    """Say of some images of a chunk, in it still, that they were in it until `day`."""
    _write(session, chunk, chunk.members - gone)
    # Who is taken out before the day on which it is said to have come in was in it on that day at most.
    add(session, chunk.number, chunk.dataset_id, (min(chunk.since, day), day), gone)


def add(session: Session, number: int, dataset_id: str, days: tuple[date, date], more: BitMap) -> None:
    """Write down that images were in a dataset between two days."""
    since, until = days
    same = in_range(number).where(
        DatasetChunk.dataset_id == dataset_id, DatasetChunk.since == since, DatasetChunk.until == until
    )
    before = next(read(session, same.with_for_update()), None)
    if before is not None:
        _write(session, before, before.members | more)
        return
    where = {"number": number, "dataset_id": dataset_id, "since": since, "until": until}
    session.execute(insert(DatasetChunk).values(**where, images=len(more), members=pack(more)))


def _write(session: Session, chunk: Chunk, members: BitMap) -> None:
    same = (
        DatasetChunk.number == chunk.number,
        DatasetChunk.dataset_id == chunk.dataset_id,
        DatasetChunk.since == chunk.since,
        DatasetChunk.until == chunk.until,
    )
    # The session holds no objects of this table, so that none of them needs to learn of it.
    plain = {"synchronize_session": False}
    if members:
        changed = update(DatasetChunk).where(*same).values(images=len(members), members=pack(members))
        session.execute(changed, execution_options=plain)
    else:
        session.execute(delete(DatasetChunk).where(*same), execution_options=plain)


def _members(session: Session, row: Any) -> BitMap:
    try:
        members = unpack(row.members)
    except ValueError as problem:
        raise broken(session, row.dataset_id, row.number, str(problem)) from problem
    if len(members) != row.images:
        why = f"it has {len(members):,} images and should have {row.images:,}"
        raise broken(session, row.dataset_id, row.number, why)
    return members


def broken(session: Session, dataset_id: str, number: int, why: str) -> BrokenMembers:
    """The error to raise where stored bytes cannot be read: it names the dataset and the images."""
    dataset = session.get_one(Dataset, dataset_id)
    first = number * SIZE
    return BrokenMembers(
        f"What is stored of dataset {dataset.name} {dataset.version} is damaged where the images {first:,} to"
        f" {first + SIZE - 1:,} stand ({why}). Restore the database from a backup."
    )

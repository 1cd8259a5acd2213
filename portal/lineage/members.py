"""Which photographs are in which dataset. A place that was emptied stays empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.lineage import bitmaps, chunks, versions
from portal.lineage.filling import Filling
from portal.stores.quarantine import in_use
from portal.suppression import Gate
from portal.tables import Dataset, DatasetChunk, Image, Store
from portal.tables.lineage import STILL

Item = TypeVar("Item")

BATCH = 500


@dataclass(frozen=True)
class Put:
    """What came of putting photographs into a dataset.

    `kept_out`: people asked that these are not used, or they were taken out of this dataset before.
    """

    added: int
    already: int
    kept_out: int


@dataclass(frozen=True)
class Stay:
    """How many of some photographs were in a dataset from one day to another, both counted."""

    dataset_id: str
    since: date
    until: date
    images: int


def put_in_dataset(
    session: Session,
    dataset: Dataset,
    images: Iterable[Image] | Store,
    despite: str = "",
    since: date | None = None,
) -> Put:
    """Put live photographs, or all of a store, into a dataset. The gate is asked about each. May be repeated.

    `since` is the day from which they were in it; the day on which the dataset was made, where nobody says another.
    Raises NotAllowed where a source has no ground, unless `despite` says why it is written down all the same.
    """
    gate, filling = Gate(session), Filling(session, dataset, despite)
    added = already = kept_out = 0
    for batch in _live(session, images):
        filling.take_from(image.store_id for image in batch)
        inside, emptied = _known(session, dataset, batch)
        already += len(inside)
        new = [image for image in batch if image.id not in inside | emptied]
        welcome = [image.id for image in new if not _is_stopped(gate, image)]
        write_places(session, dataset, welcome, since)
        added += len(welcome)
        kept_out += len(emptied) + len(new) - len(welcome)
    session.flush()
    return Put(added, already, kept_out)


def write_places(session: Session, dataset: Dataset, image_ids: Iterable[int], since: date | None = None) -> None:
    """Write down that images that were never in a dataset are in it: the gate and the grounds are not asked."""
    for number, members in bitmaps.split(image_ids).items():
        versions.note_added(session, dataset.id, number, members)
        chunks.add(session, number, dataset.id, (since or dataset.created_on, STILL), members)


def take_out(session: Session, dataset_id: str, image_ids: Iterable[int], at: datetime, because: str = "") -> set[int]:
    """Take photographs out of a dataset, any number at once. Returns those that were in it until now.

    `because` names the erasure for which it is done, as `erasure/ID` or `order/ID`: once that has ended,
    `settle_versions` makes one next version of the dataset from all that was taken out for it.
    """
    day = clock.local_date(at, config_of(session).zone)
    taken: set[int] = set()
    for number, wanted in bitmaps.split(image_ids).items():
        rows = chunks.in_range(number).where(DatasetChunk.dataset_id == dataset_id)
        for chunk in list(chunks.read(session, chunks.still(rows).with_for_update())):
            gone = chunk.members & wanted
            if not gone:
                continue
            chunks.move(session, chunk, gone, day)
            taken.update(bitmaps.ids_of(number, gone))
            if because:
                versions.note_taken(session, dataset_id, because, number, gone)
    return taken


def remove_from_datasets(session: Session, image_ids: Iterable[int]) -> list[tuple[str, int]]:
    """Take photographs out of all datasets. Returns (dataset_id, image_id) of each place that is empty now."""
    by_dataset: dict[str, list[int]] = {}
    for image_id, datasets in places_of(session, image_ids).items():
        for dataset_id in datasets:
            by_dataset.setdefault(dataset_id, []).append(image_id)
    return [
        (dataset_id, image_id)
        for dataset_id, ids in sorted(by_dataset.items())
        for image_id in sorted(take_out(session, dataset_id, ids, clock.now()))
    ]


def places_of(session: Session, image_ids: Iterable[int]) -> dict[int, list[str]]:
    """The datasets, by id, in which each photograph is still. Each one asked for is in the answer."""
    ids = list(image_ids)
    places: dict[int, list[str]] = {image_id: [] for image_id in ids}
    for number, wanted in bitmaps.split(ids).items():
        for chunk in chunks.read(session, chunks.still(chunks.in_range(number)).order_by(DatasetChunk.dataset_id)):
            for image_id in bitmaps.ids_of(number, chunk.members & wanted):
                places[image_id].append(chunk.dataset_id)
    return places


def ever_in(session: Session, image_ids: Iterable[int]) -> dict[str, set[int]]:
    """Which of the photographs are or were in which dataset: their ids by the dataset's."""
    found: dict[str, set[int]] = {}
    for number, wanted in bitmaps.split(image_ids).items():
        for chunk in chunks.read(session, chunks.in_range(number)):
            if inside := chunk.members & wanted:
                found.setdefault(chunk.dataset_id, set()).update(bitmaps.ids_of(number, inside))
    return found


def count_in(session: Session, dataset_id: str, image_ids: Iterable[int]) -> int:
    """How many of the photographs are in the dataset still: the stored bytes are read anew and taken apart by hand."""
    count = 0
    stored = text(
        "SELECT members FROM dataset_chunk WHERE number = :number AND dataset_id = :dataset AND until = :still"
    )
    for number, wanted in bitmaps.split(image_ids).items():
        which = {"number": number, "dataset": dataset_id, "still": STILL.isoformat()}
        try:
            count += sum(bitmaps.count_held(data, wanted) for data in session.scalars(stored, which))
        except ValueError as problem:
            raise chunks.broken(session, dataset_id, number, str(problem)) from problem
    return count


def stays_of(session: Session, image_ids: Iterable[int]) -> list[Stay]:
    """In which datasets the photographs are or were, and from when to when, without naming each of them."""
    counts: dict[tuple[str, date, date], int] = {}
    for number, wanted in bitmaps.split(image_ids).items():
        for chunk in chunks.read(session, chunks.in_range(number)):
            if inside := chunk.members.intersection_cardinality(wanted):
                stay = (chunk.dataset_id, chunk.since, chunk.until)
                counts[stay] = counts.get(stay, 0) + inside
    return [Stay(*stay, images) for stay, images in sorted(counts.items())]


def stays_by_image(session: Session, image_ids: Iterable[int]) -> dict[int, list[Stay]]:
    """The same for each photograph by itself. Each one asked for is in the answer."""
    ids = list(image_ids)
    stays: dict[int, list[Stay]] = {image_id: [] for image_id in ids}
    for number, wanted in bitmaps.split(ids).items():
        for chunk in chunks.read(session, chunks.in_range(number)):
            stay = Stay(chunk.dataset_id, chunk.since, chunk.until, 1)
            for image_id in bitmaps.ids_of(number, chunk.members & wanted):
                stays[image_id].append(stay)
    return stays


def members_of(session: Session, dataset_id: str) -> Iterator[int]:
    """The ids of all photographs that are in a dataset still, range by range."""
    for chunk in chunks.read(session, chunks.still(chunks.of_dataset(dataset_id))):
        yield from bitmaps.ids_of(chunk.number, chunk.members)


def sizes(session: Session) -> dict[str, int]:
    """How many photographs are in each dataset still. One with none is not in the answer."""
    counts = select(DatasetChunk.dataset_id, func.sum(DatasetChunk.images)).where(DatasetChunk.until == STILL)
    return {dataset_id: int(count) for dataset_id, count in session.execute(counts.group_by(DatasetChunk.dataset_id))}


def _known(session: Session, dataset: Dataset, images: list[Image]) -> tuple[set[int], set[int]]:
    """Of some photographs those that are in the dataset, and those that were taken out of it."""
    inside: set[int] = set()
    emptied: set[int] = set()
    for number, wanted in bitmaps.split(image.id for image in images).items():
        rows = chunks.in_range(number).where(DatasetChunk.dataset_id == dataset.id)
        for chunk in chunks.read(session, rows):
            (inside if chunk.until == STILL else emptied).update(bitmaps.ids_of(number, chunk.members & wanted))
    return inside, emptied


def _live(session: Session, images: Iterable[Image] | Store) -> Iterator[list[Image]]:
    if not isinstance(images, Store):
        yield from batches(image for image in images if image.state == "live" and image.quarantined_at is None)
        return
    after = 0
    live = select(Image).where(Image.store_id == images.id, in_use()).order_by(Image.id).limit(BATCH)
    while batch := list(session.scalars(live.where(Image.id > after))):
        yield batch
        after = batch[-1].id


def _is_stopped(gate: Gate, image: Image) -> bool:
    return image.digest is not None and gate.stops(image.digest, image.near_digest, "datasets")


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of at most 500: a statement may name only so many values."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch

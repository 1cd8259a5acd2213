"""Which photographs are in which dataset. A place that was emptied stays empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.lineage.filling import Filling
from portal.suppression import Gate
from portal.tables import Dataset, DatasetMember, Image, Store

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


def put_in_dataset(session: Session, dataset: Dataset, images: Iterable[Image] | Store, despite: str = "") -> Put:
    """Put live photographs, or all of a store, into a dataset. The gate is asked about each. May be repeated.

    Raises NotAllowed where a source has no ground, unless `despite` says why it is written down all the same.
    """
    gate, filling = Gate(session), Filling(session, dataset, despite)
    added = already = kept_out = 0
    for batch in _live(session, images):
        filling.take_from(image.store_id for image in batch)
        ids = [image.id for image in batch]
        found = select(DatasetMember).where(DatasetMember.dataset_id == dataset.id, DatasetMember.image_id.in_(ids))
        members = {member.image_id: member for member in session.scalars(found)}
        for image in batch:
            if image.id in members:
                already += members[image.id].removed_at is None
                kept_out += members[image.id].removed_at is not None
            elif _is_stopped(gate, image):
                kept_out += 1
            else:
                session.add(DatasetMember(dataset_id=dataset.id, image_id=image.id, added_at=clock.now()))
                added += 1
        session.flush()
    return Put(added, already, kept_out)


def remove_from_datasets(session: Session, image_ids: Iterable[int]) -> list[tuple[str, int]]:
    """Take photographs out of all datasets. Returns (dataset_id, image_id) of each place that is empty now."""
    places = []
    for batch in batches(image_ids):
        found = select(DatasetMember).where(DatasetMember.image_id.in_(batch), DatasetMember.removed_at.is_(None))
        for member in session.scalars(found.order_by(DatasetMember.dataset_id, DatasetMember.image_id)):
            member.removed_at = clock.now()
            places.append((member.dataset_id, member.image_id))
    session.flush()
    return places


def _live(session: Session, images: Iterable[Image] | Store) -> Iterator[list[Image]]:
    if not isinstance(images, Store):
        yield from batches(image for image in images if image.state == "live")
        return
    after = 0
    live = select(Image).where(Image.store_id == images.id, Image.state == "live").order_by(Image.id).limit(BATCH)
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

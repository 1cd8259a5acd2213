"""Places of photographs in datasets, many at once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from portal import clock, lineage
from portal.tables import Order


def inside(session: Session, dataset_id: str, image_ids: Collection[int]) -> set[int]:
    """Which of the photographs are in the dataset now."""
    return {image for image, found in lineage.places_of(session, image_ids).items() if dataset_id in found}


def take_out(session: Session, order: Order, image_ids: Collection[int]) -> int:
    """Take the photographs out of all datasets. Returns how many places are empty now."""
    by_dataset: dict[str, list[int]] = {}
    for image, found in lineage.places_of(session, image_ids).items():
        for dataset in found:
            by_dataset.setdefault(dataset, []).append(image)
    return sum(
        len(lineage.take_out(session, dataset, images, clock.now(), because(order)))
        for dataset, images in sorted(by_dataset.items())
    )


def left(session: Session, order: Order, image_ids: Collection[int]) -> int:
    """How many places the photographs have now in the datasets of the plan, counted from the stored bytes."""
    datasets = (order.plan or {})["reached"].get("datasets", {})
    return sum(lineage.count_in(session, dataset, image_ids) for dataset in datasets)


def because(order: Order) -> str:
    """What the next versions of the datasets say they were made for."""
    return f"order/{order.id}"

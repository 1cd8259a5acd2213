"""From which stores a dataset is filled, and whether it may be."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.stores import grounds
from portal.tables import Dataset, DatasetStore, Store


class Filling:
    """One time photographs are put into a dataset. `despite`: why, where there is no ground for it."""

    def __init__(self, session: Session, dataset: Dataset, despite: str) -> None:
        self._session, self._dataset, self._despite = session, dataset, despite
        self._seen: set[str] = set()

    def take_from(self, store_ids: Iterable[str]) -> None:
        """Write down that photographs of these stores come in. Raises NotAllowed where a source has no ground."""
        new = sorted(set(store_ids) - self._seen)
        if not new:
            return
        stores = self._session.scalars(select(Store).where(Store.id.in_(new)).order_by(Store.name)).all()
        grounds.need(self._session, "dataset", stores, self._despite)
        for store in stores:
            if self._session.get(DatasetStore, (self._dataset.id, store.id)) is None:
                row = DatasetStore(dataset_id=self._dataset.id, store_id=store.id, first_at=clock.now())
                self._session.add(row)
        self._seen.update(new)

"""What was made of a photograph and lies in its store: thumbnails, crops, edits, caches, by the store's patterns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import stores
from portal.tables import Image, Store


@dataclass(frozen=True)
class Made:
    """One file made of a photograph: its ref in the store, its SHA-256, and its own row where a scan has seen it."""

    ref: str
    digest: bytes
    image: Image | None


def made_of(session: Session, image: Image) -> list[Made]:
    """The copies of a photograph that its store knows to be there now. Raises StoreUnavailable.

    They are few small files on a disk, and only stores with patterns are opened: so it is done while a plan is made.
    """
    store = session.get_one(Store, image.store_id)
    if not store.settings.get("copies"):
        return []
    connector = stores.connect(store)
    if not isinstance(connector, stores.Deriving):
        return []
    found = connector.derived_copies(image.key)
    rows = select(Image).where(Image.store_id == store.id, Image.key.in_(found), Image.state == "live")
    # A row without a digest, or with another one, was not seen as it is now.
    known = {one.key: one for one in session.scalars(rows) if one.digest == found[one.key]}
    return [Made(ref, digest, known.get(ref)) for ref, digest in sorted(found.items())]

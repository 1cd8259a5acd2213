"""What was made of a photograph and lies in its store: thumbnails, crops, edits, caches, by the store's patterns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from portal import stores
from portal.stores.copies import made_among
from portal.tables import Image, Store

# No key goes on with a greater sign than this.
LAST = "\U0010ffff"


@dataclass(frozen=True)
class Made:
    """One file made of a photograph: its ref in the store, its SHA-256, and its own row where a scan has seen it."""

    ref: str
    digest: bytes
    image: Image | None


def made_of(session: Session, image: Image) -> list[Made]:
    """The copies of a photograph that its store knows to be there now. Raises StoreUnavailable.

    On a disk they are few small files, and only stores with patterns are opened: so it is done while a plan is made.
    Nobody waits for a network meanwhile: of a bucket those count that a scan has seen. What came later is found when
    the photograph is erased, which then says so.
    """
    store = session.get_one(Store, image.store_id)
    patterns = store.settings.get("copies")
    if not patterns:
        return []
    connector = stores.connect(store)
    if isinstance(connector, stores.Versioned) or not isinstance(connector, stores.Deriving):
        return _seen_of(session, image, patterns)
    found = connector.derived_copies(image.key)
    rows = select(Image).where(Image.store_id == store.id, Image.key.in_(found), Image.state == "live")
    # A row without a digest, or with another one, was not seen as it is now.
    known = {one.key: one for one in session.scalars(rows) if one.digest == found[one.key]}
    return [Made(ref, digest, known.get(ref)) for ref, digest in sorted(found.items())]


def _seen_of(session: Session, image: Image, patterns: list[str]) -> list[Made]:
    rows: dict[str, Image] = {}

    def listed(prefix: str) -> list[str]:
        usable = (Image.state.in_(("live", "unreadable")), Image.digest.is_not(None))
        below = select(Image).where(Image.store_id == image.store_id, _begins(session, prefix), *usable)
        found = {row.key: row for row in session.scalars(below)}
        rows.update(found)
        return list(found)

    keys = made_among(listed, image.key, patterns)
    return [Made(key, digest, rows[key]) for key in keys if (digest := rows[key].digest) is not None]


def _begins(session: Session, prefix: str) -> ColumnElement[bool]:
    """SQLite sorts keys by their bytes, and has an index for that; PostgreSQL's order is that of a language."""
    if session.get_bind().dialect.name == "sqlite":
        return and_(Image.key >= prefix, Image.key <= prefix + LAST)
    return Image.key.startswith(prefix, autoescape=True)

"""Sealed bytes in the database, each with a purpose and a clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from portal import clock, forgotten
from portal.errors import NotFound
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.tables import Blob, random_id


def put_blob(session: Session, purpose: str, data: bytes, media_type: str, purge_after: datetime | None = None) -> Blob:
    """Seal `data` and keep it until `purge_after`; without that, until the row that points to it goes."""
    blob_id = random_id()
    blob = Blob(
        id=blob_id,
        purpose=purpose,
        media_type=media_type,
        sealed=keys_of(session).seal(data, f"blob/{blob_id}"),
        created_at=clock.now(),
        purge_after=purge_after,
    )
    session.add(blob)
    session.flush()
    return blob


def open_blob(session: Session, blob_id: str | None) -> bytes:
    """The bytes. Raises NotFound when they were purged or never were."""
    blob = session.get(Blob, blob_id) if blob_id else None
    if blob is None:
        raise NotFound(_("This picture is not kept any more."))
    return keys_of(session).unseal(blob.sealed, f"blob/{blob.id}")


def purge_blob(session: Session, blob_id: str | None) -> bool:
    """Delete the bytes; True when there were any."""
    blob = session.get(Blob, blob_id) if blob_id else None
    if blob is None:
        return False
    forgotten.note(session, "blob", [blob.id])
    session.delete(blob)
    session.flush()
    return True

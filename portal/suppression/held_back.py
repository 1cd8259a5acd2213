"""Photographs that a scan held back because a face in them is near to a kept one, and what a person said of each.

None of it is taken in meanwhile: no digest, no template, no place in a search or in a dataset. A person sees the
photograph and where it came from, never a face that is kept, and lets it in or leaves it outside.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.errors import BadInput, Conflict, NotFound
from portal.keys import keys_of
from portal.suppression.digests import PURPOSE
from portal.tables import HeldBack


def write_down(session: Session, page: Mapping[int, bytes | None]) -> None:
    """After a page of a scan: the images, by id, with the SHA-256 of each that is held back and None of the others.

    What waited and is not held back any more is forgotten. What was left outside stays so while its bytes are the same.
    """
    rows = {row.image_id: row for row in session.scalars(select(HeldBack).where(HeldBack.image_id.in_(page)))}
    for image_id, held in page.items():
        row, digest = rows.get(image_id), _keyed(session, held) if held is not None else None
        if row is not None and row.digest != digest and (digest is not None or row.state == "waiting"):
            session.delete(row)
            session.flush()
            row = None
        if row is None and digest is not None:
            session.add(HeldBack(image_id=image_id, digest=digest, held_at=clock.now()))
    session.flush()


def let_in_digests(session: Session) -> frozenset[str]:
    """Keyed digests of what a person has let in: those contents are not held back again."""
    return frozenset(session.scalars(select(HeldBack.digest).filter_by(state="let-in")))


def waiting(session: Session, limit: int | None = None) -> list[HeldBack]:
    """What nobody has looked at yet, the oldest first."""
    rows = select(HeldBack).filter_by(state="waiting").order_by(HeldBack.held_at, HeldBack.id).limit(limit)
    return list(session.scalars(rows))


def need(session: Session, held_id: int) -> HeldBack:
    """The one with this id. Raises NotFound."""
    row = session.get(HeldBack, held_id)
    if row is None:
        raise NotFound("There is no such photograph here any more.")
    return row


def decide(session: Session, row: HeldBack, state: str, account_id: str, note: str) -> None:
    """Say whether it may come in: `let-in` or `kept-out`. What is let in comes with the next scan of its store.

    Raises BadInput without a reason for letting it in, Conflict when somebody has decided already.
    """
    if row.state != "waiting":
        raise Conflict("Somebody has decided about this photograph already.", "decided")
    if state not in ("let-in", "kept-out"):
        raise BadInput("Choose whether it may come in.", "unknown-word")
    if state == "let-in" and not note.strip():
        raise BadInput("Write why it may come in.", "note-missing")
    row.state, row.decided_by, row.decided_at, row.note = state, account_id, clock.now(), note.strip() or None
    session.flush()
    audit.append(session, "held-back-decided", {"image": row.image_id, "state": state, "by": account_id})


def _keyed(session: Session, digest: bytes) -> str:
    return keys_of(session).digest(PURPOSE, digest)

"""Photographs out of use: their deletion is approved, and until it is carried out they can be put back as they were.

One column of the image is the flag. Set, no search finds a face in it, no dataset takes it in, and what was found
before stays found. It is set and taken away in the transaction in which the erasure itself moves, so that there is no
instant at which the two say different things. Only what is deleted as a whole is set aside: where a photograph stays,
the other people in it are to be found in it all the time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session, aliased

from portal import clock
from portal.tables import ErasureItem, Image
from portal.tables.erasure import FOR_PEOPLE

# An item in one of these states means that its photograph is to go, and still may be there.
KEEPING = ("quarantined", "withheld", "intent", "applied", "residual")


def in_use() -> ColumnElement[bool]:
    """The photographs that may be found and used: they are in their store, and nobody has them set aside."""
    return (Image.state == "live") & Image.quarantined_at.is_(None)


def set_aside(session: Session, erasure_id: str) -> None:
    """From now on nothing uses the photographs that this erasure deletes."""
    mine = (ErasureItem.erasure_id == erasure_id, ErasureItem.image_id.is_not(None))
    _update(
        session,
        update(ErasureItem)
        .where(*mine, ErasureItem.state == "planned", ErasureItem.kind.not_in(FOR_PEOPLE))
        .values(state="quarantined"),
    )
    deleted = select(ErasureItem.image_id).where(*mine, ErasureItem.kind == "image")
    flag = update(Image).where(Image.id.in_(deleted), Image.state != "erased", Image.quarantined_at.is_(None))
    _update(session, flag.values(quarantined_at=clock.now()))


def put_back(session: Session, erasure_id: str) -> None:
    """The erasure was taken back or stopped: its photographs are used again, but for those that another one deletes."""
    mine = ErasureItem.erasure_id == erasure_id
    _update(session, update(ErasureItem).where(mine, ErasureItem.state == "quarantined").values(state="planned"))
    release(session, select(ErasureItem.image_id).where(mine, ErasureItem.kind == "image"))


def release(session: Session, image_ids: Any) -> None:
    """Put photographs, given as a list or a query of ids, back into use where no erasure is going to delete them."""
    other = aliased(ErasureItem)
    wanted = exists().where(other.image_id == Image.id, other.kind == "image", other.state.in_(KEEPING))
    _update(session, update(Image).where(Image.id.in_(image_ids), ~wanted).values(quarantined_at=None))


def _update(session: Session, statement: Any) -> None:
    session.flush()
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire_all()

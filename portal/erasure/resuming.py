"""Carrying out after all what a hold or a lock of its store had kept, once nothing keeps it any more.

The plan that two people approved covers it still: the same photograph, byte for byte, in the same place. Where it has
become something else it is not touched, and a new plan is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.erasure import holds, intending
from portal.erasure.plans import enumerate_items, sealed_facts
from portal.errors import Conflict
from portal.jobs import make_due
from portal.stores import Asked
from portal.tables import Case, Erasure, ErasureItem, Image, Store

RESTING = ("notifying", "settled")


def look_at_holder(session: Session, erasure_id: str, recipient_id: str) -> None:
    """Somebody who was asked to erase what they hold has answered: `resume` looks at once whether it is so."""
    theirs = select(Image.id).join(Store, Image.store_id == Store.id).where(Store.holder_id == recipient_id)
    asked = update(ErasureItem).where(ErasureItem.erasure_id == erasure_id, ErasureItem.result == Asked.code)
    session.execute(asked.where(ErasureItem.image_id.in_(theirs)).values(again_at=clock.now()))


def resume(session: Session) -> int:
    """Make due what is free to be erased now. Returns how many erasures go on. Harmless when called again."""
    waiting = (
        select(ErasureItem)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(ErasureItem.state.in_(intending.WAITING), Erasure.state.in_(RESTING))
        .where(Erasure.work_state.not_in(("due", "leased")))
        .order_by(ErasureItem.erasure_id, ErasureItem.position)
    )
    free = _free(session, list(session.scalars(waiting)))
    going = [erasure_id for erasure_id, items in free.items() if _go_on(session, erasure_id, items)]
    return len(going)


def _free(session: Session, waiting: Sequence[ErasureItem]) -> dict[str, list[ErasureItem]]:
    """By the id of their erasure, the items that no hold keeps any more, and whose lock should be over."""
    kept = holds.held(session, {item.image_id for item in waiting if item.image_id is not None})
    free: dict[str, list[ErasureItem]] = defaultdict(list)
    for item in waiting:
        locked = item.again_at is not None and item.again_at > clock.now()
        if item.image_id not in kept and not locked:
            free[item.erasure_id].append(item)
    return free


def _go_on(session: Session, erasure_id: str, items: Sequence[ErasureItem]) -> bool:
    erasure = session.get_one(Erasure, erasure_id)
    strange = _no_longer_covered(session, erasure, {item.image_id for item in items})
    for item in items:
        if item.image_id in strange:
            intending.refuse(session, item, Conflict("It is not what was approved any more.", "content-changed"))
        else:
            intending.again(item)
    erasure.state = "running"
    audit.append(session, "erasure-resumed", {"erasure": erasure.id, "items": len(items), "changed": len(strange)})
    make_due(session, erasure)
    return True


def _no_longer_covered(session: Session, erasure: Erasure, images: set[int | None]) -> set[int | None]:
    """Of these images those of which something would have to go now that nobody approved."""
    approved = {
        (item.kind, item.target, bytes.fromhex(sealed_facts(session, item)["digest"]))
        for item in erasure.items
        if item.image_id in images and item.sealed is not None
    }
    now = enumerate_items(session, session.get_one(Case, erasure.case_id), erasure.kind)
    return {one.image_id for one in now if one.image_id in images} & {
        one.image_id for one in now if (one.kind, one.target, one.digest) not in approved
    }

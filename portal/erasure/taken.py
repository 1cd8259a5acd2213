"""Photographs of a person that were erased before their plan was made: by an order, or for somebody else in them.

Such a photograph is in no plan, so the certificate says what became of it beside the plan.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.audit.log import instant
from portal.erasure import faces
from portal.tables import Case, CaseEvent, Erasure, ErasureItem, Order, OrderChunk

BY_ORDER = "taken-by-order"
"""The line of a case's timeline that says which order took which of its photographs."""
CHECKED = ("notifying", "settled")


def before(session: Session, case: Case, kind: str) -> list[dict[str, Any]]:
    """What took them: `by` (`order` with its id, `request`, `unknown`), how many, and when they were looked for again.

    `kind` is that of the plan. What is or was in a plan of the case itself is not counted. `checked` is null where
    they were not looked for again yet.
    """
    planned = select(ErasureItem.image_id).join(Erasure, Erasure.id == ErasureItem.erasure_id)
    planned = planned.where(Erasure.case_id == case.id, ErasureItem.image_id.is_not(None))
    left = {one.image_id for one in faces.taken(session, case, kind)} - set(session.scalars(planned))
    found = []
    for order_id, images in sorted(_by_orders(session, case).items()):
        mine, left = left & images, left - images
        if mine:
            found.append({"by": "order", "order": order_id, "count": len(mine), "checked": _checked(session, order_id)})
    others = _for_others(session, left)
    if others:
        found.append({"by": "request", "count": len(others), "checked": max(others.values())})
    if left - set(others):
        found.append({"by": "unknown", "count": len(left - set(others)), "checked": None})
    return found


def _by_orders(session: Session, case: Case) -> dict[str, set[int]]:
    taken: dict[str, set[int]] = {}
    for event in session.scalars(select(CaseEvent).filter_by(case_id=case.id, kind=BY_ORDER)):
        taken.setdefault(event.facts["order"], set()).update(event.facts["images"])
    return taken


def _checked(session: Session, order_id: str) -> str | None:
    """When the order last looked whether its photographs are gone; None before it has looked for all of them."""
    order = session.get(Order, order_id)
    if order is None or order.state not in CHECKED:
        return None
    at = session.scalar(select(func.max(OrderChunk.checked_at)).filter_by(order_id=order_id))
    return instant(at) if at else None


def _for_others(session: Session, images: set[int]) -> dict[int, str]:
    """Of these the ones that another request erased, each with when it was seen to be gone."""
    rows = select(ErasureItem.image_id, ErasureItem.done_at).where(
        ErasureItem.kind == "image", ErasureItem.state == "verified", ErasureItem.image_id.in_(images)
    )
    return {image: instant(at) for image, at in session.execute(rows) if image is not None and at is not None}

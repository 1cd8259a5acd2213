"""The instant from which an item is erased: the holds are asked and the intent is written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit.log import instant
from portal.erasure import holds
from portal.errors import Conflict
from portal.stores import Asked, Locked, quarantine
from portal.tables import ErasureItem, Hold

TO_DO = ("planned", "quarantined", "intent")
ENDED = ("verified", "refused", "withheld", "residual")
WAITING = ("withheld", "residual")
WITHOUT_A_DAY = timedelta(days=7)
"""When a copy is tried again whose lock has no end, or one that has passed already."""
AT_A_HOLDER = timedelta(days=1)
"""When it is looked again whether somebody else erased what they hold."""


def intend(session: Session, items: Sequence[ErasureItem]) -> list[ErasureItem]:
    """The items that are erased from now on. The others a hold keeps; they are `withheld`, and say by what right.

    An item whose intent was written down by a run that was killed goes on: it may be gone already, and whoever placed
    a hold since then was told so.
    """
    wanted = [item for item in items if item.state in TO_DO]
    asked = {item.image_id for item in wanted if item.state != "intent" and item.image_id is not None}
    kept = holds.held(session, asked)
    going = []
    for item in wanted:
        ids = kept.get(item.image_id or 0, []) if item.state != "intent" else []
        if ids:
            _withhold(session, item, ids)
        else:
            item.state = "intent"
            going.append(item)
    session.flush()
    return going


def refuse(session: Session, item: ErasureItem, problem: Conflict) -> None:
    """What its store did not give up: the certificate says why, and where a lock keeps it until when.

    A locked copy stays out of use and is tried again. Other bytes than the approved ones are another photograph,
    which is used again.
    """
    item.result, item.note = problem.code, problem.sentence
    # Whom we asked is asked once, however often we look: nothing on the certificate has changed then.
    item.done_at = item.done_at if isinstance(problem, Asked) and item.done_at else clock.now()
    if isinstance(problem, Locked):
        item.state, item.evidence = "residual", {"until": instant(problem.until) if problem.until else None}
        later = clock.now() + (AT_A_HOLDER if isinstance(problem, Asked) else WITHOUT_A_DAY)
        item.again_at = problem.until if problem.until and problem.until > clock.now() else later
        return
    item.state = "refused"
    quarantine.release(session, [item.image_id])


def again(item: ErasureItem) -> None:
    """Have an item carried out from its beginning: what was said about it before does not count any more."""
    if item.result != Asked.code:
        item.done_at = None
    item.state, item.result, item.note = "planned", None, None
    item.evidence = item.again_at = None


def _withhold(session: Session, item: ErasureItem, hold_ids: list[str]) -> None:
    first = session.get_one(Hold, hold_ids[0])
    item.state, item.result, item.done_at = "withheld", f"held-{first.basis}", clock.now()
    item.evidence = {"holds": hold_ids}
    if item.kind in ("image", "redaction"):
        audit.append(session, "item-withheld", {"erasure": item.erasure_id, "item": item.position, "holds": hold_ids})

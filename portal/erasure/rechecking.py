"""Looking again at what was erased: after 1, 7 and 30 days, and whenever a database was put back.

It goes the same way as the check before the certificate: each place is looked at by another path than the one that
erased, and the gate is asked. What it needs for that (name, place and digest of each photograph) stays sealed until the
last of these looks, and not a day longer than `LONGEST` after the certificate. A hit is an alarm for the team. A
caseworker looks whether it is so; then a second person has it erased again, by the plan that was approved.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle, mails
from portal.db import config_of
from portal.erasure import effects, intending
from portal.errors import Conflict, NotAllowed, NotFound
from portal.jobs import make_due
from portal.suppression import YEAR, Gate
from portal.tables import Case, Erasure, ErasureItem, Order, Recheck
from portal.tables.erasure import FOR_PEOPLE

DAYS = {"day-1": 1, "day-7": 7, "day-30": 30}
LONGEST = timedelta(days=37)
"""When the sealed facts go at the latest, also where a store was away on all days."""
# For the other kinds the item's own row is enough.
SEALED_FOR = ("image", "copy", "redaction", "suppression", "record")


def lay_down(session: Session, about: Erasure | Order) -> None:
    """Set the days of what has just settled. Settled once more, it is looked at anew from then on."""
    session.execute(delete(Recheck).filter_by(**_key(about), state="due"))
    for occasion, days in DAYS.items():
        _add(session, about, occasion, timedelta(days=days))


def recheck_all(session: Session) -> int:
    """Look at every settled erasure now of which enough is known, as after a restore. Returns how many those are."""
    known = select(ErasureItem.erasure_id).where(ErasureItem.state == "verified", ErasureItem.sealed.is_not(None))
    found = list(session.scalars(select(Erasure).where(Erasure.state == "settled", Erasure.id.in_(known))))
    return sum(look_after_restore(session, erasure) for erasure in found)


def look_after_restore(session: Session, about: Erasure | Order) -> bool:
    """Have it looked at now. False where that waits already."""
    waiting = select(Recheck.id).filter_by(**_key(about), state="due", occasion="restore").limit(1)
    if session.scalar(waiting) is not None:
        return False
    _add(session, about, "restore", timedelta(0))
    return True


def look(session: Session, erasure: Erasure) -> tuple[int, list[dict[str, Any]]]:
    """How many items were looked at, and what was seen of those that are not gone. Changes nothing."""
    gate, hits, looked = Gate(session), [], 0
    for item in erasure.items:
        if item.state != "verified" or item.kind in FOR_PEOPLE or not _can_be_looked_at(session, item):
            continue
        seen = effects.look_again(session, erasure, item, gate)
        looked += 1
        if not seen["gone"]:
            hits.append({"item": item.id, "kind": item.kind, "by": seen["by"]})
    return looked, hits


def record(session: Session, recheck: Recheck, looked: int, hits: list[dict[str, Any]]) -> None:
    """Write down what was seen. After the last day what the looking needed is forgotten, unless something is back."""
    close(session, recheck, looked, hits, len(hits))
    if recheck.occasion == "day-30" and recheck.erasure_id is not None and not _open(session, recheck.erasure_id):
        forget(session, recheck.erasure_id)


def close(session: Session, recheck: Recheck, looked: int, hits: list[dict[str, Any]], back: int) -> None:
    """Write down what a look at an erasure or an order saw: how many things it looked at, and what is back of them."""
    recheck.looked, recheck.hits, recheck.looked_at = looked, hits, clock.now()
    recheck.state = "found" if hits else "clear"
    session.flush()
    about = {"erasure": recheck.erasure_id} if recheck.erasure_id else {"order": recheck.order_id}
    audit.append(session, "rechecked", {**about, "occasion": recheck.occasion, "looked": looked, "back": back})


def dismiss(session: Session, recheck: Recheck, account_id: str) -> None:
    """It is not so: what was seen is something else, or was put right by hand."""
    _decide(session, recheck, account_id, "dismissed")


def confirm(session: Session, recheck: Recheck, account_id: str) -> None:
    """It is so. The person of a request is told now, and a second person is asked to have it erased again."""
    _decide(session, recheck, account_id, "confirmed")
    if recheck.erasure is None:
        return
    case = session.get_one(Case, recheck.erasure.case_id)
    lifecycle.record(session, case, "copy-found-again", account_id, photographs=len(_images(session, recheck)))
    mails.queue_news(session, case)


def agree(session: Session, recheck: Recheck, account_id: str) -> None:
    """A second person agrees that what is back is erased again. Raises Conflict, and NotAllowed to the first."""
    about = recheck.erasure or recheck.order
    if recheck.state != "confirmed" or recheck.approved_by is not None or about is None or about.state != "settled":
        raise Conflict("This is not waiting for a second person.", "not-waiting")
    if account_id == recheck.decided_by and config_of(session).two_people:
        raise NotAllowed("You found that it is back. A second person must agree to erase it again.", "same-person")
    recheck.approved_by, recheck.one_person = account_id, not config_of(session).two_people


def erase_again(session: Session, recheck: Recheck, account_id: str) -> None:
    """A second person agrees: the items that are back are carried out once more, by the plan that was approved."""
    agree(session, recheck, account_id)
    erasure = session.get_one(Erasure, recheck.erasure_id)
    images = _images(session, recheck)
    for item in erasure.items:
        if item.state == "verified" and item.image_id in images and item.sealed is not None:
            intending.again(item)
    erasure.state = "running"
    audit.append(session, "erasure-reopened", {"erasure": erasure.id, "digest": erasure.plan_digest, "by": account_id})
    make_due(session, erasure)


def waiting(session: Session) -> list[Recheck]:
    """Looks that found something about which somebody has to decide, or to agree, the oldest first."""
    open_ones = (Recheck.state == "found") | ((Recheck.state == "confirmed") & Recheck.approved_by.is_(None))
    return list(session.scalars(select(Recheck).where(open_ones).order_by(Recheck.looked_at)))


def need_recheck(session: Session, recheck_id: str) -> Recheck:
    """The look with this id. Raises NotFound."""
    recheck = session.get(Recheck, recheck_id)
    if recheck is None:
        raise NotFound("There is no such check.")
    return recheck


def keep(session: Session) -> int:
    """What time alone does: facts that were kept for looking again go. Returns of how many erasures."""
    late = select(Erasure.id).where(Erasure.state == "settled", Erasure.settled_at <= clock.now() - LONGEST)
    held = select(ErasureItem.erasure_id).where(
        ErasureItem.erasure_id.in_(late), ErasureItem.state == "verified", ErasureItem.sealed.is_not(None)
    )
    ids = [one for one in session.scalars(held.distinct()) if not _open(session, one)]
    for erasure_id in ids:
        forget(session, erasure_id)
        missed = update(Recheck).where(Recheck.erasure_id == erasure_id, Recheck.state == "due")
        session.execute(missed.values(state="missed", work_state="done"))
    return len(ids)


def forget(session: Session, erasure_id: str) -> None:
    """Purge the sealed facts of an erasure, but for photographs that a hold or a lock keeps."""
    kept = select(ErasureItem.image_id).where(
        ErasureItem.erasure_id == erasure_id, ErasureItem.state.in_(intending.WAITING)
    )
    gone = update(ErasureItem).where(ErasureItem.erasure_id == erasure_id, ErasureItem.image_id.not_in(kept))
    session.execute(gone.values(sealed=None).execution_options(synchronize_session=False))
    session.expire_all()


def _key(about: Erasure | Order) -> dict[str, str]:
    return {"erasure_id" if isinstance(about, Erasure) else "order_id": about.id}


def _add(session: Session, about: Erasure | Order, occasion: str, delay: timedelta) -> None:
    recheck = Recheck(**_key(about), occasion=occasion, due_at=clock.now() + delay, hits=[])
    session.add(recheck)
    session.flush()
    make_due(session, recheck, delay)


def _decide(session: Session, recheck: Recheck, account_id: str, state: str) -> None:
    if recheck.state != "found":
        raise Conflict("Somebody else has just decided about this. Load the page again.", "moved-meanwhile")
    recheck.state, recheck.decided_by, recheck.decided_at = state, account_id, clock.now()
    session.flush()
    about = {"erasure": recheck.erasure_id} if recheck.erasure_id else {"order": recheck.order_id}
    audit.append(session, f"recheck-{state}", {**about, "by": account_id})


def _images(session: Session, recheck: Recheck) -> set[int | None]:
    ids = [hit["item"] for hit in recheck.hits]
    return set(session.scalars(select(ErasureItem.image_id).where(ErasureItem.id.in_(ids))))


def _open(session: Session, erasure_id: str) -> bool:
    """Whether something that was found is not dealt with yet: its facts are needed."""
    open_ones = select(func.count()).where(Recheck.erasure_id == erasure_id, Recheck.state.in_(("found", "confirmed")))
    return bool(session.scalar(open_ones.where(Recheck.approved_by.is_(None))))


def _can_be_looked_at(session: Session, item: ErasureItem) -> bool:
    if item.kind in SEALED_FOR and item.sealed is None:
        return False
    years = config_of(session).suppression_years
    over = item.kind == "suppression" and item.done_at is not None and item.done_at + years * YEAR <= clock.now()
    return not over

"""What is done and what is awaited, told to the person as soon as all is done that the portal does itself.

A certificate waits until every model has its remedy and every recipient an answer. The person does not wait that long.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import mails
from portal.erasure import wording
from portal.erasure.items import tally
from portal.erasure.plans import sealed_facts
from portal.languages import gettext as _
from portal.languages import isolated
from portal.tables import Case, Erasure
from portal.tables.erasure import FOR_PEOPLE


@dataclass(frozen=True)
class SoFar:
    """What is done, and what is awaited, each in sentences."""

    done: list[str]
    awaited: list[str]


def so_far(session: Session, case: Case) -> SoFar | None:
    """Of a case whose person was checked: what was done until now. None while nothing waits for other people."""
    if case.identity != "confirmed":
        return None
    waiting = select(Erasure).where(Erasure.case_id == case.id, Erasure.state == "notifying").order_by(Erasure.id)
    done: list[str] = []
    awaited: list[str] = []
    for erasure in session.scalars(waiting):
        own = [{"kind": item.kind, "result": item.result} for item in erasure.items if item.kind not in FOR_PEOPLE]
        done += wording.counted(tally(own))
        awaited += [
            _("%(name)s: no answer yet.", name=isolated(str(sealed_facts(session, item).get("name", ""))))
            for item in erasure.items
            if item.kind in FOR_PEOPLE and item.state != "verified"
        ]
    return SoFar(done, awaited) if awaited else None


def tell(session: Session, erasure: Erasure) -> bool:
    """Mail the person, once, that there is news: what is done and what is awaited. False where there is nothing."""
    case = session.get_one(Case, erasure.case_id)
    if erasure.told_at is not None or so_far(session, case) is None:
        return False
    erasure.told_at = clock.now()
    mails.queue_news(session, case)
    return True

"""What the person reads beside their certificate: what is kept for now and why, and what was found again.

Only somebody who was checked: each of it tells that there were photographs. Why something is kept is told in the words
of the certificate, the kind of its basis and no more; which order or file it rests on is for the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import config_of
from portal.erasure import taken, wording
from portal.erasure.intending import WAITING
from portal.erasure.items import tally
from portal.languages import day as long_day
from portal.languages import gettext as _
from portal.languages import isolated
from portal.tables import Case, CaseEvent, Erasure, ErasureItem
from portal.tables.erasure import ERASURE_KINDS

# What goes with them, such as crops and templates, is kept for the same reason: the certificate lists it all.
SHOWN = ("image", "dataset-place")


@dataclass(frozen=True)
class After:
    """`kept`: a line for each kind and reason; empty where nothing is. `again`: what was found again, if it was.

    `before`: what was deleted before there was a plan, a line for each of what did that.
    """

    kept: Sequence[str]
    again: str | None
    before: Sequence[str]


def of_case(session: Session, case: Case) -> After | None:
    """None where there is nothing to say, or nobody made sure who is asking."""
    if case.identity != "confirmed":
        return None
    after = After(_kept(session, case), _again(session, case), _before(session, case))
    return after if after.kept or after.again or after.before else None


def _kept(session: Session, case: Case) -> list[str]:
    """Once its erasure is settled; before that it stands with what is done so far."""
    waiting = (
        select(ErasureItem)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(Erasure.case_id == case.id, Erasure.state == "settled", ErasureItem.state.in_(WAITING))
        .where(ErasureItem.kind.in_(SHOWN))
    )
    items = [{"kind": item.kind, "result": item.result} for item in session.scalars(waiting)]
    return [line.strip() for line in wording.counted(tally(items))]


def _before(session: Session, case: Case) -> list[str]:
    """Of what was granted and decided: until then no page says what was found."""
    kinds = [right.right for right in case.rights if right.right in ERASURE_KINDS and right.decision == "grant"]
    found = [taken.before(session, case, kind) for kind in kinds if case.state in ("fulfilling", "closed")]
    return list(dict.fromkeys(line for one in found for line in wording.taken_before(one)))


def _again(session: Session, case: Case) -> str | None:
    """The newest time that something came back, and whether it was dealt with since."""
    kinds = ("copy-found-again", "certificate-superseded")
    mine = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind.in_(kinds)).order_by(CaseEvent.id)
    events = list(session.scalars(mine))
    found = next((event for event in reversed(events) if event.kind == "copy-found-again"), None)
    if found is None:
        return None
    on = isolated(long_day(clock.local_date(found.at, config_of(session).zone)))
    if events[-1] is found:
        return _(
            "On %(day)s we looked again and found something that we had deleted. We delete it again, and then you "
            "get a new certificate.",
            day=on,
        )
    return _(
        "On %(day)s we looked again and found something that we had deleted. We have dealt with it. Your newest "
        "certificate says how.",
        day=on,
    )

"""“Was this answer clear?”: counted by the day. Nothing is kept about who said so, nor about which request it was."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases.arrival import limits
from portal.db import config_of
from portal.errors import BadInput
from portal.languages import gettext as _
from portal.tables import Case, Feedback
from portal.tables.cases import CLEAR

DAY = timedelta(days=1)


def say(session: Session, case: Case, answer: str) -> bool:
    """Count `yes`, `partly` or `no`. False where something was said about this request today already.

    That it was said is kept as a keyed digest, under a key that is another one tomorrow.
    """
    if answer not in CLEAR:
        raise BadInput(_("Choose yes, partly or no."), "bad-feedback")
    if not limits.spend(session, "feedback", case.id, 1, DAY):
        return False
    today = clock.local_date(clock.now(), config_of(session).zone)
    counted = session.get(Feedback, (today, answer))
    if counted is None:
        session.add(Feedback(day=today, answer=answer, count=1))
    else:
        counted.count += 1
    session.flush()
    return True


def said(session: Session, since: date, until: date) -> dict[str, int]:
    """How many said so from `since` to `until`, both included, by answer."""
    rows = session.execute(
        select(Feedback.answer, func.sum(Feedback.count))
        .where(Feedback.day >= since, Feedback.day <= until)
        .group_by(Feedback.answer)
    )
    counts: dict[str, int] = {answer: count for answer, count in rows}
    return {answer: counts.get(answer, 0) for answer in CLEAR}

"""What time alone does: last days that move, reminders, ends in silence, alarms that hold what goes on, the daily
count of photographs whose time is over by law, and the morning's mail to the team.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from sqlalchemy.orm import Session

from portal.cases.acting import confirming
from portal.cases.answer import answering
from portal.cases.clocks import pausing, prompting
from portal.cases.housekeeping import destroying, digesting
from portal.cases.housekeeping.isolating import alone, by_itself
from portal.cases.requester import waiting


def keep(session: Session) -> dict[str, int]:
    """Do all of it that is due. Returns how many were reminded and ended.

    Each kind and each case is done by itself: what fails is undone and logged, and stops nothing else.
    """
    done: Counter[str] = Counter()
    for what, do in STEPS.items():
        done.update(alone(session, what, partial(do, session)) or {})
    return {each: done[each] for each in ("reminded", "ended")}


def _count_days(session: Session) -> dict[str, int]:
    for case_id in pausing.keep_up(session):
        by_itself(session, case_id, "count its days", lambda case: pausing.apply(session, case))
    return {}


def _count_what_is_over(session: Session) -> dict[str, int]:
    destroying.keep_up(session)
    return {}


STEPS: dict[str, Callable[[Session], dict[str, int]]] = {
    "counting days": _count_days,
    "reminding": waiting.remind_and_end,
    "asking for a person's word": confirming.remind_and_end,
    "reminding of questions": answering.remind_and_go_on,
    "reminding of signs": prompting.remind,
    "counting what is over": _count_what_is_over,
    "telling what cannot wait": digesting.digest,
}

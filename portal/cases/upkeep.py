"""What time alone does: last days that move, reminders, ends in silence, alarms that hold what goes on, and the daily
count of photographs whose time is over by law.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.cases import confirming, destroying, pausing, waiting
from portal.cases.isolating import by_itself


def keep(session: Session) -> dict[str, int]:
    """Do all of it that is due. Returns how many were reminded and ended; each case is done by itself."""
    for case_id in pausing.keep_up(session):
        by_itself(session, case_id, "count its days", lambda case: pausing.apply(session, case))
    destroying.keep_up(session)
    done = (waiting.remind_and_end(session), confirming.remind_and_end(session))
    return {each: sum(one[each] for one in done) for each in ("reminded", "ended")}

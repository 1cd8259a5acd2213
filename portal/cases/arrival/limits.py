"""How often something may be tried. No address is kept: only a keyed hash, under a key that changes every day."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from sqlalchemy.orm import Session

from portal import clock
from portal.cases.arrival.addresses import is_number
from portal.db import config_of
from portal.errors import TooMany
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.tables import Attempt


def spend(session: Session, purpose: str, what: str, most: int, window: timedelta) -> bool:
    """Count one try of `what` (an address, a reference ...). False when there were `most` in this window already.

    The window begins with the first try. It must be at most a day: with the day's key all counts begin anew.
    """
    now = clock.now()
    key = todays_digest(session, purpose, what)
    attempt = session.get(Attempt, key)
    if attempt is None or attempt.window_ends_at <= now:
        session.merge(Attempt(key=key, count=1, window_ends_at=now + window))
        session.flush()
        return True
    if attempt.count >= most:
        return False
    attempt.count += 1
    session.flush()
    return True


def spend_text(session: Session, contact: str) -> None:
    """Count a code that goes out by text: whoever types numbers in makes the organisation pay. Raises TooMany."""
    most = config_of(session).text_codes
    if is_number(contact) and not spend(session, "text-codes", "all", most, timedelta(days=1)):
        raise TooMany(
            _(
                "We can send no more text messages today. Nothing is lost. "
                "Give us an e-mail address, or try again tomorrow."
            )
        )


def minutes_left(session: Session, purpose: str, what: str) -> int:
    """Minutes until `what` may be tried again, rounded up; never less than 2, as people read them as minutes."""
    attempt = session.get(Attempt, todays_digest(session, purpose, what))
    left = (attempt.window_ends_at - clock.now()).total_seconds() if attempt is not None else 0
    return max(2, ceil(left / 60))


def todays_digest(session: Session, purpose: str, what: str) -> str:
    """Keyed digest of an address, the same for one day (UTC) only."""
    return keys_of(session).digest(f"attempts/{clock.now().date()}", f"{purpose}|{what}".encode())

"""A day that stands in an address."""

from __future__ import annotations

from datetime import date

from flask import request

from portal.errors import BadInput

# Beyond them no request can be, and counting on from the calendar's own ends would fail.
FIRST, LAST = date(1970, 1, 1), date(2999, 12, 31)


def day_in(name: str, default: date) -> date:
    """The day given by this name; `default` when there is none. Raises BadInput."""
    given = request.args.get(name, "")
    try:
        day = date.fromisoformat(given) if given else default
    except ValueError as problem:
        raise BadInput("A day is written as 2026-11-21: year, month, day.", "bad-day") from problem
    if not FIRST <= day <= LAST:
        raise BadInput(f"Choose a day from {FIRST} to {LAST}.", "bad-day")
    return day

"""A day that stands in an address."""

from __future__ import annotations

from datetime import date

from flask import request

from portal.errors import BadInput


def day_in(name: str, default: date) -> date:
    """The day given by this name; `default` when there is none. Raises BadInput."""
    given = request.args.get(name, "")
    try:
        return date.fromisoformat(given) if given else default
    except ValueError as problem:
        raise BadInput("A day is written as 2026-11-21: year, month, day.", "bad-day") from problem

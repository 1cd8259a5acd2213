"""The yearly figures that 11 CCR 7102 asks large businesses to publish, without a number that tells about few people.

Nobody must be able to read such a number, or to reckon it from the others. So where one of the numbers of a line is
from 1 to 4, the line says only how many requests there were; and where that is from 1 to 4, it says nothing. What was
taken back or is still open is the rest of a line: it is not published, but a subtraction gives it, so it counts, too.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from sqlalchemy.orm import Session

from portal.cases import lifecycle
from portal.cases.figures.reports import ANSWERED, Asked, asked_in, days_of

# Numbers that stand for fewer people than this are left out.
FEWEST = 5
RULES = "us-ca"
# The rights of 11 CCR 7102(a)(1), as far as the portal has them.
RIGHTS = {"delete": ("deletion",), "know": ("access", "copy"), "opt out": ("opt-out",)}
LEFT_OUT = "left out"


@dataclass(frozen=True)
class Published:
    """The requests of one kind in a year. None: left out; the days also where fewer than `FEWEST` were answered."""

    right: str
    received: int | None
    in_whole: int | None
    in_part: int | None
    denied: int | None
    median_days: float | None


def california(session: Session, year: int) -> list[Published]:
    """The figures of one calendar year, to be published by 1 July of the next."""
    asked = [one for one in asked_in(session, date(year, 1, 1), date(year, 12, 31)) if one.rule.startswith(RULES)]
    return [_published(name, _requests(asked, rights)) for name, rights in RIGHTS.items()]


def without_small(total: int, counts: Sequence[int]) -> tuple[int | None, list[int | None]]:
    """What may be published of a line: all of it, or only the total, or nothing."""
    nothing: list[int | None] = [None for _ in counts]
    if 0 < total < FEWEST:
        return None, nothing
    if any(0 < count < FEWEST for count in (*counts, total - sum(counts))):
        return total, nothing
    return total, list(counts)


def as_csv(year: int, lines: Sequence[Published]) -> str:
    """The figures as CSV with a header; a number that may not be published is the words `left out`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["year", "requests_to", "received", "in_whole", "in_part", "denied", "median_days"])
    for line in lines:
        numbers = (line.received, line.in_whole, line.in_part, line.denied, line.median_days)
        writer.writerow([year, line.right, *(LEFT_OUT if number is None else number for number in numbers)])
    return out.getvalue()


def _requests(asked: Sequence[Asked], rights: Sequence[str]) -> list[Asked]:
    """One for each request: to find out and to get a copy are one request to know."""
    by_case: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        if one.right in rights:
            by_case[one.case_id].append(one)
    return [_as_one(some) for some in by_case.values()]


def _as_one(asked: Sequence[Asked]) -> Asked:
    """Several rights of one request: open while one is, answered with the last."""
    outcomes = {one.outcome for one in asked}
    answered = [one.answered_on for one in asked]
    return replace(
        asked[0],
        outcome=None if None in outcomes else lifecycle.taken_together({one or "" for one in outcomes}),
        answered_on=None if None in answered else max(day for day in answered if day),
    )


def _published(name: str, asked: Sequence[Asked]) -> Published:
    counts = [
        sum(one.outcome in {"fulfilled", "nothing-found"} for one in asked),
        sum(one.outcome == "partly-fulfilled" for one in asked),
        sum(one.outcome in {"refused", "unverified"} for one in asked),
    ]
    received, (whole, part, denied) = without_small(len(asked), counts)
    days = days_of([one for one in asked if one.outcome in ANSWERED])
    # How many were answered must not show by whether there is a median.
    shown = whole is not None and len(days) >= FEWEST
    return Published(name, received, whole, part, denied, median(days) if shown else None)

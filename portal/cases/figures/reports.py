"""How the requests of a period went: how many, how they ended, in time or late, by right and by law.

A request belongs to the period in which it was received. No line names a person, but some stand for one alone: these
figures are for staff. Those for the public are in `published`.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law
from portal.db import config_of
from portal.errors import BadInput
from portal.tables import Case, CaseRight

ANSWERED = ("fulfilled", "partly-fulfilled", "nothing-found", "refused")
ENDINGS = (*ANSWERED, "withdrawn", "unverified", "open")


@dataclass(frozen=True)
class Line:
    """The requests for one thing. `endings` has a count for each of `ENDINGS`; days are from receipt to answer.

    `late` counts answers after the last day and open requests whose last day is over; `in_time` the other answers.
    """

    name: str
    received: int
    endings: dict[str, int]
    in_time: int
    late: int
    median_days: float | None
    mean_days: float | None


@dataclass(frozen=True)
class Report:
    """One period, both days included: all requests, and the same by right and by the law that applied."""

    since: date
    until: date
    whole: Line
    rights: list[Line]
    laws: list[Line]


@dataclass(frozen=True)
class Asked:
    """One right of one request, with its days as civil days of the installation."""

    case_id: str
    right: str
    rule: str
    law: str
    received_on: date
    due_on: date
    outcome: str | None
    answered_on: date | None


def report(session: Session, since: date, until: date) -> Report:
    """How the requests received from `since` to `until` went, as it stands today. Raises BadInput."""
    asked = asked_in(session, since, until)
    today = clock.local_date(clock.now(), config_of(session).zone)
    return Report(
        since=since,
        until=until,
        whole=_line("all", asked, today),
        rights=_lines(asked, lambda one: one.right, today),
        laws=_lines(asked, lambda one: one.law, today),
    )


def as_csv(whole: Report) -> str:
    """The report as CSV with a header: one line for all, one for each right, one for each law."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["part", "name", "received", *ENDINGS, "in_time", "late", "median_days", "mean_days"])
    for part, lines in (("all", [whole.whole]), ("right", whole.rights), ("law", whole.laws)):
        for line in lines:
            days = ["" if value is None else round(value, 1) for value in (line.median_days, line.mean_days)]
            writer.writerow([part, line.name, line.received, *line.endings.values(), line.in_time, line.late, *days])
    return out.getvalue()


def asked_in(session: Session, since: date, until: date) -> list[Asked]:
    """Every right that was asked for from `since` to `until`. Raises BadInput."""
    if until < since:
        raise BadInput("The last day is before the first. Turn them round.", "wrong-order")
    zone = config_of(session).zone
    rows = session.execute(
        select(CaseRight, Case.received_at).join(Case, Case.id == CaseRight.case_id).order_by(CaseRight.id)
    )
    asked = []
    for right, received_at in rows:
        received_on = clock.local_date(received_at, zone)
        if since <= received_on <= until:
            asked.append(_one(right, received_on, zone))
    return asked


def _one(right: CaseRight, received_on: date, zone: str) -> Asked:
    return Asked(
        case_id=right.case_id,
        right=right.right,
        rule=right.rule,
        law=law.rule_by(right.rule, right.rule_version).title,
        received_on=received_on,
        due_on=right.due_on,
        outcome=right.outcome,
        answered_on=clock.local_date(right.fulfilled_at, zone) if right.fulfilled_at else None,
    )


def _lines(asked: Sequence[Asked], name_of: Callable[[Asked], str], today: date) -> list[Line]:
    by_name: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_name[name_of(one)].append(one)
    return [_line(name, some, today) for name, some in sorted(by_name.items())]


def _line(name: str, asked: Sequence[Asked], today: date) -> Line:
    endings = {ending: sum((one.outcome or "open") == ending for one in asked) for ending in ENDINGS}
    answered = [one for one in asked if one.outcome in ANSWERED and one.answered_on is not None]
    in_time = sum(one.answered_on <= one.due_on for one in answered if one.answered_on)
    overdue = sum(one.outcome is None and one.due_on < today for one in asked)
    days = days_of(answered)
    return Line(
        name=name,
        received=len(asked),
        endings=endings,
        in_time=in_time,
        late=len(answered) - in_time + overdue,
        median_days=median(days) if days else None,
        mean_days=fmean(days) if days else None,
    )


def days_of(asked: Iterable[Asked]) -> list[int]:
    """Days from receipt to answer, of those that were answered."""
    return [(one.answered_on - one.received_on).days for one in asked if one.answered_on is not None]

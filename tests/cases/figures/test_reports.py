"""How requests went: counts that add up, days in the installation's zone, and nothing that tells about one person."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.cases.arrival import intake
from portal.cases.figures import reports
from portal.errors import BadInput
from portal.tables import Case
from tests.cases.making import fill_draft

YEAR = (date(2026, 1, 1), date(2026, 12, 31))
RECEIVED = datetime(2026, 3, 2, 12, tzinfo=UTC)


def asked(session: Session, right: str, residence: str, outcome: str | None, days: int | None, due: int = 30) -> Case:
    """A request received on 2 March, answered so many days later."""
    draft = fill_draft(session, right, contact=False)
    intake.save_answers(session, draft, residence=residence)
    case = intake.submit(session, draft).case
    case.received_at = RECEIVED
    (one,) = case.rights
    one.due_on = RECEIVED.date() + timedelta(days=due)
    one.outcome = outcome
    one.fulfilled_at = RECEIVED + timedelta(days=days) if days is not None else None
    session.flush()
    return case


def test_each_request_is_counted_once_and_the_parts_add_up(session: Session) -> None:
    asked(session, "deletion", "EU", "fulfilled", 10)
    asked(session, "deletion", "EU", "refused", 31)
    asked(session, "deletion", "US-CA", "unverified", None)
    asked(session, "access", "EU", "nothing-found", 30)
    asked(session, "access", "EU", None, None)
    found = reports.report(session, *YEAR)
    assert (found.whole.received, found.whole.in_time) == (5, 2)
    # One answer came a day late, one request has no answer and its day is over.
    assert found.whole.late == 2
    assert (found.whole.median_days, found.whole.mean_days) == (30, pytest.approx(71 / 3))
    for lines in (found.rights, found.laws):
        assert sum(line.received for line in lines) == 5
        assert all(sum(line.endings.values()) == line.received for line in lines)
    assert [line.name for line in found.rights] == ["access", "deletion"]
    assert len(found.laws) == 3


def test_a_day_is_the_day_of_the_installation(session: Session) -> None:
    asked(session, "deletion", "EU", None, None).received_at = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    session.flush()
    assert reports.report(session, *YEAR).whole.received == 0
    assert reports.report(session, date(2025, 12, 31), date(2025, 12, 31)).whole.received == 1


def test_an_empty_period_is_no_error_and_a_turned_one_is(session: Session) -> None:
    empty = reports.report(session, *YEAR)
    assert (empty.whole.received, empty.whole.median_days, empty.rights) == (0, None, [])
    with pytest.raises(BadInput, match="Turn them round"):
        reports.report(session, YEAR[1], YEAR[0])


def test_the_csv_has_a_line_for_each_right_and_law(session: Session) -> None:
    asked(session, "deletion", "EU", "fulfilled", 10)
    rows = list(csv.DictReader(io.StringIO(reports.as_csv(reports.report(session, *YEAR)))))
    assert [row["part"] for row in rows] == ["all", "right", "law"]
    assert {row["fulfilled"] for row in rows} == {"1"}
    assert rows[0]["median_days"] == "10"

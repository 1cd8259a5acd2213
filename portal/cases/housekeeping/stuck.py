"""Work of a case that did not succeed, and the way on: what waits for a person must be seen, and have a button."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal.cases import lifecycle
from portal.cases.housekeeping import isolating
from portal.errors import Conflict
from portal.jobs import make_due
from portal.tables import Case, Erasure, Mail, Package, Probe, Search

TABLES: tuple[type[Any], ...] = (Probe, Search, Erasure, Package, Mail)


def troubles(session: Session, case: Case) -> list[str]:
    """What stands in the way of the portal's own part, in words for staff. Empty: nothing does."""
    tried = {row.problem or "The portal tried several times." for row in _rows(session, case)}
    return sorted(tried) + isolating.failures(session, case)


def try_again(session: Session, case: Case, account_id: str) -> None:
    """Carry out now what did not succeed, however often it was tried. Raises Conflict when there is nothing."""
    rows = _rows(session, case)
    if not rows:
        raise Conflict("Nothing waits to be tried again in this request.", "nothing-stuck")
    for row in rows:
        make_due(session, row)
    lifecycle.record(session, case, "tried-again", account_id)


def cases_in_trouble(session: Session) -> set[str]:
    """Ids of the cases whose work the portal has given up on."""
    found: set[str | None] = set()
    for table in TABLES:
        found |= set(session.scalars(select(table.case_id).where(table.work_state == "failed")))
    return {case_id for case_id in found if case_id is not None}


def _rows(session: Session, case: Case) -> list[Any]:
    return [
        row
        for table in TABLES
        for row in session.scalars(select(table).where(table.case_id == case.id, _did_not_succeed(table)))
    ]


def _did_not_succeed(table: type[Any]) -> ColumnElement[bool]:
    """Given up, or put off after a failure. A stopped erasure has a problem, too, but is idle: it needs a new plan."""
    found: ColumnElement[bool] = (table.work_state == "failed") | (
        (table.work_state == "due") & table.problem.is_not(None)
    )
    return found

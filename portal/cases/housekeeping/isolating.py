"""Upkeep of many kinds and cases, each by itself: what fails is undone and written down, and the next one is done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle
from portal.tables import Case, CaseEvent

T = TypeVar("T")

log = logging.getLogger(__name__)

FAILED = "upkeep-failed"
# So often a failure that stays is written into the timeline again.
AGAIN = timedelta(days=1)


def by_itself(session: Session, case_id: str, what: str, do: Callable[[Case], T]) -> T | None:
    """Do one thing with one case. None where it failed: then nothing of it is left but a line in the timeline.

    `what` is a word for the line, such as `remind`. The message of an error may hold a name, so its class is kept.
    """
    try:
        with session.begin_nested():
            return do(session.get_one(Case, case_id))
    except Exception as problem:
        log.error("%s failed for case %s: %s", what, case_id, type(problem).__name__)
        _write_down(session, case_id, what, type(problem).__name__)
        return None


def alone(session: Session, what: str, do: Callable[[], T]) -> T | None:
    """Do one kind of upkeep. None where it failed: then nothing of it is left but a line of the program's own log."""
    try:
        with session.begin_nested():
            return do()
    except Exception as problem:
        log.error("%s failed: %s", what, type(problem).__name__)
        return None


def failures(session: Session, case: Case) -> list[str]:
    """What failed in the last two days, in words for staff."""
    return sorted({f"Upkeep did not succeed: {event.facts['what']}." for event in _lately(session, case.id, 2 * AGAIN)})


def _write_down(session: Session, case_id: str, what: str, problem: str) -> None:
    if any(event.facts.get("what") == what for event in _lately(session, case_id, AGAIN)):
        return
    lifecycle.record(session, session.get_one(Case, case_id), FAILED, "machine", what=what, problem=problem)


def _lately(session: Session, case_id: str, within: timedelta) -> list[CaseEvent]:
    mine = select(CaseEvent).where(
        CaseEvent.case_id == case_id, CaseEvent.kind == FAILED, CaseEvent.at > clock.now() - within
    )
    return list(session.scalars(mine))

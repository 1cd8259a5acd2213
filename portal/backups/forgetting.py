"""Forgetting again what a database that was put back has again: what was deleted of what people sent, or had its time.

Erasures and orders are carried out again before this. Here it is what ended or was taken back without one: requests
that are closed, what was sent for them, and by what a person did not want to be known again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from portal import forgotten
from portal.audit import ledger
from portal.audit.ledger import CASES, Record
from portal.cases import withdrawing
from portal.cases.housekeeping.purging import empty_probe, is_known, overdue, purge, purge_contact
from portal.cases.requester import challenge, profiles
from portal.db import config_of
from portal.erasure import rechecking
from portal.erasure.putting_back import known_columns, put
from portal.errors import Conflict
from portal.notices import chasing
from portal.notices.forgetting import forget_again
from portal.orders import rechecking as rechecking_orders
from portal.tables import (
    Account,
    Blob,
    Case,
    CaseEvent,
    CaseRight,
    Challenge,
    Code,
    Mail,
    Probe,
    ProfileCheck,
    WebSession,
)

BATCH = 500


def end_again(session: Session) -> int:
    """Let each request be ended that ended since, with what people chose to have kept. Returns how many were open."""
    records = [ledger.read(session, name, "done") for name in sorted(ledger.stages(config_of(session), CASES))]
    return sum(_end_again(session, record) for record in records if record is not None)


def delete_again(session: Session) -> int:
    """Delete again what was deleted of what people sent. Returns of how many things something was back.

    Nobody stays signed in, and no code works: who signed out, or used one, would not know.
    """
    gone = forgotten.read(config_of(session))
    back = 0
    for kind, (table, there, do) in AGAIN.items():
        for batch in _batches(sorted(gone[kind])):
            for row in session.scalars(select(table).where(table.id.in_(batch), *there)).all():
                do(session, row)
                back += 1
    session.execute(delete(WebSession))
    session.execute(delete(Code))
    session.flush()
    return back


def purge_all(session: Session) -> int:
    """Purge whatever has had its time, and not only as much as at once. Returns how many.

    Raises Conflict while something of it is left: it must be gone before anything is served.
    """
    purged = rechecking.keep(session)
    while done := sum(purge(session).values()) + chasing.purge(session) + rechecking_orders.keep(session):
        purged += done
    late = {name: count for name, count in overdue(session).items() if count}
    if late:
        raise Conflict(f"What has had its time could not be deleted: {late}. See the log of the portal.", "not-purged")
    return purged


def _end_again(session: Session, record: Record) -> bool:
    (values,), rights = record.of(Case), record.of(CaseRight)
    case = session.get(Case, values["id"])
    if case is None or case.version > values["version"]:
        return False
    # What happened to a closed request after its end, such as new secret words, stands in the copy alone.
    is_same = case.state == "closed" and case.version == values["version"]
    if values["state"] != "closed" or is_same:
        for one in rights:
            mine = update(CaseRight).where(CaseRight.case_id == case.id, CaseRight.right == one["right"])
            session.execute(mine.values(keeps=one["keeps"]))
        session.expire_all()
        return False
    was_open = case.state != "closed"
    for account in record.of(Account):
        put(session, Account, ("id",), known_columns(Account, account), replace=False)
    put(session, Case, ("id",), known_columns(Case, values), replace=True)
    for one in rights:
        own = known_columns(CaseRight, one, without_number=True)
        put(session, CaseRight, ("case_id", "right"), own, replace=True)
    session.expire_all()
    if was_open:
        _stop(session, case)
    return was_open


def _stop(session: Session, case: Case) -> None:
    """What was going on for it in the copy, and what else goes where the person took it back."""
    withdrawing.stop_all(session, case)
    session.execute(delete(Mail).where(Mail.case_id == case.id, Mail.sent_at.is_(None)))
    # Where a caseworker was not sure who asks, what was sent has its usual time.
    if case.outcome == "withdrawn" or (case.outcome == "unverified" and case.purged_at is not None):
        withdrawing.forget(session, case)


def _delete_blob(session: Session, blob: Blob) -> None:
    session.delete(blob)


def _empty_profile(session: Session, row: ProfileCheck) -> None:
    profiles.empty(session, [row.id])


def _never_ended() -> ColumnElement[bool]:
    """Requests end and are forgotten in one: what is written to one that ended is newer, and stays its time."""
    return Case.outcome.is_(None)


def _never_forgotten() -> ColumnElement[bool]:
    """Who asked for it before the copy was made may have wanted otherwise since, when the request was opened again."""
    asked = select(CaseEvent.case_id).where(CaseEvent.kind == "photographs-forgotten")
    none = select(CaseRight.case_id).where(CaseRight.right == "deletion", CaseRight.keeps == "none")
    return Case.id.not_in(asked) | Case.id.in_(none)


# By kind: the table, what is there only where it came back, and what is done.
AGAIN: dict[str, tuple[type[Any], tuple[Any, ...], Callable[[Session, Any], object]]] = {
    "probe": (Probe, (Probe.state != "purged",), empty_probe),
    "challenge": (Challenge, (Challenge.state != "purged",), challenge.empty),
    "profile": (ProfileCheck, (ProfileCheck.sealed.is_not(None) | ProfileCheck.token.is_not(None),), _empty_profile),
    "blob": (Blob, (), _delete_blob),
    "contact": (Case, (_never_ended(), is_known()), purge_contact),
    "photographs": (Case, (_never_forgotten(),), forget_again),
}


def _batches(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))

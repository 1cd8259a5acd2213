"""What caseworkers note for each other beside a case: sealed, in no log, and gone with the person's contact."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle
from portal.cases.messages import Written, readable
from portal.errors import NotAllowed
from portal.keys import keys_of
from portal.tables import Case, CaseNote, random_id


def note(session: Session, case: Case, account_id: str, text: str) -> CaseNote:
    """Keep a note. Raises BadInput (nothing in it, or too long), NotAllowed (no caseworker)."""
    clean = readable(text)
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker writes notes.", "not-your-step")
    note_id = random_id()
    sealed = keys_of(session).seal(clean.encode(), f"note/{note_id}")
    kept = CaseNote(id=note_id, case_id=case.id, account_id=account_id, sealed=sealed, at=clock.now())
    session.add(kept)
    session.flush()
    lifecycle.record(session, case, "noted", account_id)
    return kept


def of_case(session: Session, case: Case) -> list[Written]:
    """The notes of a case, oldest first."""
    found = session.scalars(select(CaseNote).where(CaseNote.case_id == case.id).order_by(CaseNote.at))
    return [
        Written(one.account_id, keys_of(session).unseal(one.sealed, f"note/{one.id}").decode(), one.at, False)
        for one in found
    ]

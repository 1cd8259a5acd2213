"""How requests ended, and what people chose to have kept, beside the database and outside of its backups.

A database that was put back would have such a request open again: with what the person had sent, whose clock only
begins at the end, with plans that were stopped, and without what they chose.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit import ledger
from portal.audit.ledger import CASES, values_of
from portal.db import after_commit, before_commit
from portal.tables import Account, Case, CaseRight


def remember(session: Session, case: Case) -> None:
    """Write the case and its rights down as they are at the end of this transaction, once that is committed."""
    before_commit(session, f"{CASES}{case.id}", lambda: _gather(session, case.id))


def _gather(session: Session, case_id: str) -> None:
    session.flush()
    case = session.get_one(Case, case_id, populate_existing=True)
    rights = list(session.scalars(select(CaseRight).filter_by(case_id=case_id).order_by(CaseRight.id)))
    deciders = [by for right in rights for by in (right.decided_by, right.approved_by)]
    staff = Account.id.in_({by for by in (case.caseworker_id, case.identity_by, *deciders) if by})
    accounts = list(session.scalars(select(Account).where(staff).order_by(Account.id)))
    rows = [values_of(row) for row in (*accounts, case, *rights)]
    after_commit(session, lambda: ledger.write(session, f"{CASES}{case_id}", "done", rows))

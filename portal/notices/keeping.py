"""Writing a notice down beside the database, each time it has changed: see `remembering`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.audit import ledger
from portal.audit.ledger import NOTICES, values_of
from portal.db import after_commit
from portal.tables import Account, Notice


def keep(session: Session, notice: Notice) -> None:
    """Write it down, as it is now, once it is committed: what was rolled back must not come back."""
    session.flush()
    account = session.get(Account, notice.account_id) if notice.account_id else None
    rows = [values_of(row) for row in (account, notice.recipient, notice) if row is not None]
    name = f"{NOTICES}{notice.id}"
    after_commit(session, lambda: ledger.write(session, name, "done", rows))

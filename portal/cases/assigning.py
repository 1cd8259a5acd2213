"""Who of the privacy team has a case in hand. Whoever has it does not compare its pictures (see matching.review)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal.cases import lifecycle
from portal.errors import BadInput, NotAllowed
from portal.tables import Account, Case


def caseworkers(session: Session) -> list[Account]:
    """Who can have a case: accounts of caseworkers that can sign in, by name."""
    accounts = session.scalars(select(Account).where(Account.disabled_at.is_(None)).order_by(Account.name))
    return [account for account in accounts if "caseworker" in account.roles]


def assign(session: Session, case: Case, account_id: str, to: str | None) -> None:
    """Give a case to a caseworker, or to nobody. `account_id` is who does it; nothing happens when it is so already.

    Raises NotAllowed (no caseworker does it), BadInput (no caseworker gets it).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker gives a request to somebody.", "not-your-step")
    if to is not None and "caseworker" not in lifecycle.roles_of(session, to):
        raise BadInput("Choose a caseworker from the list.", "no-caseworker")
    if case.caseworker_id == to:
        return
    case.caseworker_id = to
    session.flush()
    lifecycle.record(session, case, "assigned", account_id, account=to)
    audit.append(session, "case-assigned", {"case": case.id, "actor": account_id, "account": to})

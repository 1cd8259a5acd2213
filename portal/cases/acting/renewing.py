"""A new permission in place of one that has run out while the case was going on. It is looked at like the first."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from portal import audit
from portal.cases import lifecycle
from portal.cases.acting import authority, mandates
from portal.cases.acting.papers import Paper
from portal.errors import BadInput, Conflict
from portal.languages import gettext as _
from portal.tables import Case, Mandate


def may_renew(session: Session, case: Case, mandate: Mandate) -> bool:
    """True where a permission has run out before the request was carried out. One taken back stays so."""
    return case.state not in {"fulfilling", "closed"} and mandates.over(session, mandate) == "expired"


def renew(session: Session, case: Case, mandate: Mandate, paper: Paper, expires_on: date | None) -> None:
    """Keep the new paper and have the whole list gone through again. Raises Conflict, BadInput."""
    session.refresh(case)
    session.refresh(mandate)
    if not may_renew(session, case, mandate):
        raise Conflict(_("Nothing needs to be renewed here."), "nothing-to-renew")
    if expires_on is not None and expires_on < mandates.today(session):
        raise BadInput(_("This day is over. You need a permission that still holds."), "bad-expiry")
    rule = mandates.rule_of(mandate)
    point = next(each.name for each in rule.points_for(mandate.basis) if each.paper)
    mandates.add_paper(session, mandate, rule, point, paper)
    mandate.expires_on = expires_on
    authority.reopen(session, mandate)
    # Also where the one before was being turned down: the second person has nothing to agree to any more.
    lifecycle.wait_for(session, case, "caseworker")
    lifecycle.record(session, case, "permission-renewed", "subject")
    audit.append(session, "permission-renewed", {"case": case.id, "actor": "subject"})

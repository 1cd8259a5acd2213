"""Taking a request back, as long as nothing was deleted for it. What the person sent goes at once."""

from __future__ import annotations

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from portal.cases import lifecycle
from portal.cases.housekeeping import purging
from portal.cases.requester import challenge
from portal.errors import Conflict
from portal.languages import gettext as _
from portal.stores import quarantine
from portal.tables import Appeal, Candidate, Case, CaseRight, Erasure, ErasureItem, Mail, Package, Search
from portal.tables.erasure import ERASURE_KINDS

# From the first of these on, copies may be gone already.
BEGUN = ("running", "checking", "notifying", "settled")


def withdraw(session: Session, case: Case) -> None:
    """Close a case as withdrawn and delete everything the person sent, now.

    Raises Conflict once the request is finished or its erasure has begun. The words are the same for both: they must
    not tell whether there was something to delete.
    """
    session.refresh(case)
    if not may_withdraw(session, case):
        raise Conflict(_("This request can no longer be taken back: we have begun to carry it out."), "too-late")
    stop_erasures(session, case)
    _stop_work(session, case)
    _stop_appeals(session, case)
    lifecycle.move(session, case, "closed", "subject", outcome="withdrawn")
    forget(session, case)


def forget(session: Session, case: Case) -> None:
    """Delete everything that the person of a closed case sent, and everything that was looked up with it."""
    session.execute(delete(Mail).where(Mail.case_id == case.id, Mail.sent_at.is_(None)))
    purging.purge_candidate_crops(session, case)
    session.execute(delete(Candidate).where(Candidate.case_id == case.id))
    purging.purge_probes(session, case)
    challenge.purge(session, case)
    purging.purge_package(session, case)
    purging.purge_contact(session, case)


def stop_all(session: Session, case: Case) -> None:
    """Stop all that was going on for a case that is closed, but for erasures that have begun."""
    for erasure in session.scalars(select(Erasure).where(Erasure.case_id == case.id, Erasure.state.not_in(BEGUN))):
        _stop_erasure(session, erasure)
    _stop_work(session, case)


def may_withdraw(session: Session, case: Case) -> bool:
    """True while the case is open and no erasure of it has begun.

    Where nobody made sure who is asking, only until the decision: without photographs a case closes at once, with
    some it waits to be carried out, and a button that is there for one of them would tell which it is.
    """
    if case.state == "closed" or (case.state == "fulfilling" and case.identity != "confirmed"):
        return False
    return not has_begun(session, case)


def has_begun(session: Session, case: Case, *kinds: str) -> bool:
    """True when copies may be gone already: by an erasure of one of these kinds, or of any."""
    begun = select(Erasure.id).where(Erasure.case_id == case.id, Erasure.state.in_(BEGUN))
    return session.scalar(begun.where(Erasure.kind.in_(kinds or ERASURE_KINDS)).limit(1)) is not None


def stop_erasures(session: Session, case: Case, *kinds: str) -> None:
    """Stop the plans of these kinds, or all, so that nothing of them is carried out. Raises Conflict if one began."""
    mine = Erasure.case_id == case.id, Erasure.kind.in_(kinds or ERASURE_KINDS)
    for erasure in session.scalars(select(Erasure).where(*mine)):
        _stop_erasure(session, erasure)


def _stop_erasure(session: Session, erasure: Erasure) -> None:
    # The fence grows, so that a worker that holds this row just now cannot record anything any more.
    stopped = session.execute(
        update(Erasure)
        .where(Erasure.id == erasure.id, Erasure.state.not_in(BEGUN))
        .values(state="stopped", work_state="idle", fence=Erasure.fence + 1, lease_owner=None, lease_until=None)
    )
    assert isinstance(stopped, CursorResult)
    if stopped.rowcount != 1:
        raise Conflict(_("This request can no longer be taken back: we have begun to carry it out."), "too-late")
    quarantine.put_back(session, erasure.id)
    session.execute(update(ErasureItem).where(ErasureItem.erasure_id == erasure.id).values(sealed=None))
    session.expire(erasure)


def _stop_appeals(session: Session, case: Case) -> None:
    """A request taken back cannot be looked at again, so nobody could ever answer what was still asked."""
    mine = select(CaseRight.id).where(CaseRight.case_id == case.id)
    session.execute(delete(Appeal).where(Appeal.right_id.in_(mine), Appeal.decided_at.is_(None)))


def _stop_work(session: Session, case: Case) -> None:
    """Take the searches and the package from whoever works on them just now, and leave them lie."""
    for table in (Search, Package):
        session.execute(
            update(table)
            .where(table.case_id == case.id)
            .values(work_state="idle", fence=table.fence + 1, lease_owner=None, lease_until=None)
        )

"""Carries an approved erasure out, item by item, and looks again before it says that anything is gone."""

from __future__ import annotations

from portal.cases import lifecycle
from portal.erasure import carrying, interim
from portal.jobs import Lease
from portal.notices import making
from portal.tables import Case, Erasure


def work(lease: Lease) -> None:
    """Run to the point where only people's items are open, or to the certificate."""
    database = lease.database
    with database.reading() as session:
        settled = session.get_one(Erasure, lease.row_id).state == "settled"
    if not settled and not _run(lease):
        return
    # Only then it is done: who is killed here comes back, and no deleted byte stays in the write-ahead log.
    database.forget_deleted_bytes()
    with database.writing() as session:
        lease.done(session)


def _run(lease: Lease) -> bool:
    """False when it may not run now, and the lease was given back."""
    database = lease.database
    with database.writing() as session:
        if not carrying.begin(session, lease, session.get_one(Erasure, lease.row_id)):
            return False
    carrying.carry_out_items(database, lease)
    _enter(lease, "checking")
    carrying.check_items(database, lease, lease.row_id)
    with database.writing() as session:
        lease.hold(session)
        erasure = session.get_one(Erasure, lease.row_id)
        erasure.state = "notifying"
        session.flush()
        # The seals are still there: they go with the certificate.
        making.announce(session, erasure)
        carrying.settle_if_complete(session, erasure)
        if erasure.state != "settled":
            lifecycle.wait_for(session, session.get_one(Case, erasure.case_id), "caseworker")
            interim.tell(session, erasure)
    return True


def _enter(lease: Lease, state: str) -> None:
    with lease.database.writing() as session:
        lease.hold(session)
        session.get_one(Erasure, lease.row_id).state = state

"""Carries an approved erasure out, item by item, and looks again before it says that anything is gone."""

from __future__ import annotations

from portal.cases import lifecycle
from portal.erasure import carrying
from portal.jobs import Lease
from portal.notices import making
from portal.tables import Case, Erasure


def work(lease: Lease) -> None:
    """Run to the point where only people's items are open, or to the certificate."""
    database = lease.database
    with database.writing() as session:
        if not carrying.begin(session, lease, session.get_one(Erasure, lease.row_id)):
            return
    with database.reading() as session:
        others = carrying.machine_items(session, lease.row_id, photographs=False)
        photographs = carrying.machine_items(session, lease.row_id, photographs=True)
    # The photographs go last: by then the gate is shut, so that no scan brings back what is taken away.
    for item_id in others:
        carrying.carry_out_item(database, lease, item_id)
    carrying.erase_together(database, lease, photographs)
    for item_id in photographs:
        carrying.carry_out_item(database, lease, item_id)
    database.forget_deleted_bytes()
    _enter(lease, "checking")
    carrying.check_items(database, lease, lease.row_id)
    with database.writing() as session:
        lease.hold(session)
        erasure = session.get_one(Erasure, lease.row_id)
        erasure.state = "notifying"
        session.flush()
        # The seals are still there: they go with the certificate.
        making.announce(session, erasure)
        if not carrying.settle_if_complete(session, erasure):
            lifecycle.wait_for(session, session.get_one(Case, erasure.case_id), "caseworker")
        lease.done(session)
    database.forget_deleted_bytes()


def _enter(lease: Lease, state: str) -> None:
    with lease.database.writing() as session:
        lease.hold(session)
        session.get_one(Erasure, lease.row_id).state = state

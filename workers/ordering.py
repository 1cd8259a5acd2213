"""Freezes the plan of an order; once two people approved it, carries it out, looks again, and ends with a statement."""

from __future__ import annotations

from portal.jobs import Lease
from portal.orders import carrying, certificate, checking, grown, planning, recipients
from portal.tables import Order


def work(lease: Lease) -> None:
    """Run to the point where people are waited for, or to the certificate."""
    with lease.database.reading() as session:
        state = session.get_one(Order, lease.row_id).state
    if state == "planning":
        planning.freeze(lease)
        return
    if state == "settled":
        _tell_late(lease)
        return
    if not carrying.begin(lease) or not carrying.carry_out(lease) or not checking.check(lease):
        return
    reached = recipients.gather(lease)
    with lease.database.reading() as session:
        since = grown.newcomers(lease.database, session.get_one(Order, lease.row_id))
    with lease.database.writing() as session:
        lease.hold(session)
        order = session.get_one(Order, lease.row_id)
        order.state, order.plan = "notifying", {**(order.plan or {}), "since": since}
        recipients.tell(session, order, reached)
        certificate.settle_if_complete(session, order)
        lease.done(session)
    lease.database.forget_deleted_bytes()


def _tell_late(lease: Lease) -> None:
    """Somebody turned out to have got photographs of an order that is settled."""
    reached = recipients.gather(lease)
    with lease.database.writing() as session:
        lease.hold(session)
        recipients.tell(session, session.get_one(Order, lease.row_id), reached)
        lease.done(session)

"""Looks again at what an erasure or an order took away, on its days and after a restore."""

from __future__ import annotations

from portal.erasure import rechecking
from portal.jobs import Lease
from portal.orders import rechecking as of_orders
from portal.tables import Recheck


def work(lease: Lease) -> None:
    """One look. A store that is away is tried again later: nothing is said about what nobody could see."""
    with lease.database.reading() as session:
        recheck = session.get_one(Recheck, lease.row_id)
    if recheck.order_id is not None:
        of_orders.look(lease)
    else:
        _look_at_erasure(lease)
    lease.database.forget_deleted_bytes()


def _look_at_erasure(lease: Lease) -> None:
    with lease.database.reading() as session:
        recheck = session.get_one(Recheck, lease.row_id)
        erasure = recheck.erasure
        found = rechecking.look(session, erasure) if erasure is not None and erasure.state == "settled" else None
    with lease.database.writing() as session:
        lease.hold(session)
        recheck = session.get_one(Recheck, lease.row_id)
        if found is None or recheck.erasure is None or recheck.erasure.state != "settled":
            # It is being erased again just now, and is looked at anew from the day on which that is done.
            recheck.state = "missed"
        else:
            rechecking.record(session, recheck, *found)
        lease.done(session)

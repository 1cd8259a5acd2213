"""Calls a recipient's endpoint with a signed notice. A process apart does it; here only what came back is recorded."""

from __future__ import annotations

from portal import fetching
from portal.jobs import Lease
from portal.notices import sending
from portal.tables import Notice


def work(lease: Lease) -> None:
    """Call, then record. Killed between the two it is called again: the text and its id are the same."""
    with lease.database.reading() as session:
        notice = session.get(Notice, lease.row_id)
        call = sending.call_for(session, notice) if notice is not None else None
    came = sending.Came(*fetching.tell(call.endpoint, call.text, lease.row_id)) if call else None
    with lease.database.writing() as session:
        lease.hold(session)
        delay = sending.record(session, session.get_one(Notice, lease.row_id), call, came)
        if delay is None:
            lease.done(session)
        else:
            lease.again(session, delay)

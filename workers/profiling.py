"""Looks for a token in a profile. The page is fetched by a process apart; here only its one-word answer is recorded."""

from __future__ import annotations

from portal import fetching
from portal.cases.requester import profiles
from portal.jobs import Lease
from portal.tables import ProfileCheck


def work(lease: Lease) -> None:
    """Have one profile looked at. One that was taken back, decided or purged meanwhile is no error."""
    with lease.database.reading() as session:
        row = session.get(ProfileCheck, lease.row_id)
        asked = profiles.question(session, row) if row is not None else None
        hosts = profiles.hosts(session)
    seen = fetching.look(*asked, hosts) if asked else None
    with lease.database.writing() as session:
        lease.done(session)
        row = session.get(ProfileCheck, lease.row_id)
        if row is None:
            return
        if asked and seen:
            profiles.looked(session, row, asked[1], seen)
        else:
            profiles.given_up(row)

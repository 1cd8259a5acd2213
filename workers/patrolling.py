"""Goes through each store every hour, in portions, and writes down where it differs from what is known of it."""

from __future__ import annotations

from datetime import timedelta

from portal import clock, stores
from portal.jobs import Lease
from portal.stores import drift as rules
from portal.stores.connector import Connector
from portal.tables import Drift, Store

# After so many portions it rests: a large store must not be listed without a pause.
PORTIONS = 10
REST = timedelta(seconds=5)


def work(lease: Lease) -> None:
    """Some portions of a round. While a scan is going on nothing is compared."""
    with lease.database.reading() as session:
        store = session.get_one(Store, session.get_one(Drift, lease.row_id).store_id)
    connector = stores.connect(store)
    for _ in range(PORTIONS):
        if not _portion(lease, connector, store.id):
            return
    with lease.database.writing() as session:
        lease.again(session, REST)


def _portion(lease: Lease, connector: Connector, store_id: str) -> bool:
    """One portion. False when the row was given back: the round is over, or a scan is going on."""
    began = clock.now()
    with lease.database.reading() as session:
        cursor = session.get_one(Drift, lease.row_id).cursor
        free = rules.may_look(session, store_id)
    portion = rules.look(lease.database, connector, store_id, cursor) if free else None
    with lease.database.writing() as session:
        lease.hold(session)
        if portion is None or not rules.may_look(session, store_id, began):
            lease.again(session, REST)
            return False
        rules.record(session, session.get_one(Drift, lease.row_id), portion)
        if portion.last is None:
            lease.again(session, rules.EVERY)
        return portion.last is not None

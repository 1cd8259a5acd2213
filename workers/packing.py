"""Makes one access package: reads the originals from their stores, covers other faces, zips, seals."""

from __future__ import annotations

from portal.cases.answer import packages
from portal.jobs import Lease
from portal.tables import Case, Package


def work(lease: Lease) -> None:
    """Gather, build without a session, record in one commit."""
    with lease.database.reading() as session:
        package = session.get_one(Package, lease.row_id)
        contents = packages.gather(session, session.get_one(Case, package.case_id))
        read = packages.reader_of(session, contents)
    built = packages.build(contents, read)
    with lease.database.writing() as session:
        lease.hold(session)
        packages.record(session, session.get_one(Package, lease.row_id), built)
        lease.done(session)

"""Whether the database was put back and is not fit to serve yet.

Every process asks it at its start, so this loads little.
"""

from __future__ import annotations

from portal import audit
from portal.audit import heads, ledger
from portal.backups import copies
from portal.db import Database
from portal.erasure import remembering
from portal.orders import remembering as orders


def is_waiting(database: Database) -> bool:
    """Whether nothing may be served yet: a copy was put back, by `efface restore` or by any other means."""
    config = database.config
    if copies.is_marked(config):
        return True
    if heads.read(heads.folder_of(config)) is None and not ledger.folder_of(config).exists():
        return False
    with database.reading() as session:
        return audit.is_behind(session) or bool(remembering.missing(session) or orders.missing(session))

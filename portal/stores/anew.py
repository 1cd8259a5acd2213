"""The next version of a store of archives: what its archives are after photographs were taken out of them.

Such a store may stand outside of every dataset, and then no dataset has a next version. Whoever holds the archives can
say by these digests which version they have. That before is not recorded: an archive whose first writing was killed
is only ever seen again as it is after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from portal import audit
from portal.audit import merkle
from portal.audit.log import canonical
from portal.stores.connector import Connector, Packed

Archives = Mapping[str, str | None]
"""SHA-256 of archives by their names, in hexadecimal; None for one that is not there any more."""


def archives_of(
    connector: Connector | None, keys: Iterable[str], known: dict[str, str | None] | None = None
) -> dict[str, str | None]:
    """The archives in which objects lie or lay, as they are now. Those in `known` are not read, and new ones put there.

    Raises StoreUnavailable.
    """
    if not isinstance(connector, Packed):
        return {}
    known = {} if known is None else known
    found = {whole for key in keys if (whole := connector.whole_of(key)) != key}
    for whole in found - known.keys():
        known[whole] = connector.digest_of_whole(whole)
    return {whole: known[whole] for whole in sorted(found)}


def root_of(archives: Archives) -> str:
    """Merkle root over `{"archive": NAME, "sha256": DIGEST}` for each archive, by name, in hexadecimal."""
    lines = (canonical({"archive": name, "sha256": digest}) for name, digest in sorted(archives.items()))
    return merkle.root(map(merkle.leaf_hash, lines)).hex()


def settle(session: Session, because: str, by_store: Mapping[str, Archives]) -> None:
    """Write into the log which version each store of archives has come to. `because`: erasure/ID or order/ID."""
    versions = [
        {"store": store, "archives": len(archives), "digest": root_of(archives)}
        for store, archives in sorted(by_store.items())
        if archives
    ]
    if versions:
        audit.append(session, "store-versions", {"because": because, "versions": versions})

"""Image stores: connectors to where images live, one file each, and what is known about their objects."""

from __future__ import annotations

from portal.errors import BadInput
from portal.stores.connector import (
    LARGEST_OBJECT,
    Check,
    Connector,
    Deriving,
    Found,
    InBulk,
    Locked,
    Replacing,
    Together,
)
from portal.stores.parquet import Parquet
from portal.stores.rewriting import RewritableFolder
from portal.stores.s3 import S3
from portal.stores.sql import Sql
from portal.stores.sql_files import SqlFiles
from portal.stores.tar import Tar
from portal.tables import Store

__all__ = [
    "KINDS",
    "LARGEST_OBJECT",
    "Check",
    "Connector",
    "Deriving",
    "Found",
    "InBulk",
    "Locked",
    "Replacing",
    "Together",
    "connect",
    "connector_class",
]

KINDS: dict[str, type[Connector]] = {
    "folder": RewritableFolder,
    "tar": Tar,
    "parquet": Parquet,
    "sql": Sql,
    "sql-files": SqlFiles,
    "s3": S3,
}


def connector_class(kind: str) -> type[Connector]:
    """The connector of a kind of store. Raises BadInput listing the kinds there are."""
    if kind not in KINDS:
        raise BadInput(f"There is no kind of store called {kind!r}. There is: {', '.join(sorted(KINDS))}.")
    return KINDS[kind]


def connect(store: Store) -> Connector:
    """The way into `store`. Nothing is opened yet. What the last check saw tells it from another in its place."""
    mark = (store.capabilities or {}).get("mark")
    return connector_class(store.kind)(store.name, store.settings, store.may_erase, mark)

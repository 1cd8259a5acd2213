"""Image stores: connectors to where images live, one file each, and what is known about their objects."""

from __future__ import annotations

from importlib import import_module

from portal.errors import BadInput
from portal.stores.connector import (
    LARGEST_OBJECT,
    Asked,
    Check,
    Connector,
    Deriving,
    Found,
    InBulk,
    Locked,
    Packed,
    Replacing,
    Together,
    Versioned,
)
from portal.tables import Store

__all__ = [
    "KINDS",
    "LARGEST_OBJECT",
    "Asked",
    "Check",
    "Connector",
    "Deriving",
    "Found",
    "InBulk",
    "Locked",
    "Packed",
    "Replacing",
    "Together",
    "Versioned",
    "connect",
    "connector_class",
]

# Module and class of each kind. Only who has such a store loads what it needs: boto3 and pyarrow are large.
KINDS = {
    "folder": "rewriting.RewritableFolder",
    "tar": "tar.Tar",
    "parquet": "parquet.Parquet",
    "sql": "sql.Sql",
    "sql-files": "sql_files.SqlFiles",
    "s3": "s3_rewriting.RewritableS3",
    "http-manifest": "http_manifest.HttpManifest",
}


def connector_class(kind: str) -> type[Connector]:
    """The connector of a kind of store. Raises BadInput listing the kinds there are."""
    if kind not in KINDS:
        raise BadInput(f"There is no kind of store called {kind!r}. There is: {', '.join(sorted(KINDS))}.")
    module, name = KINDS[kind].split(".")
    found: type[Connector] = getattr(import_module(f"portal.stores.{module}"), name)
    return found


def connect(store: Store) -> Connector:
    """The way into `store`. Nothing is opened yet. What the last check saw tells it from another in its place."""
    mark = (store.capabilities or {}).get("mark")
    return connector_class(store.kind)(store.name, store.settings, store.may_erase, mark)

"""The tamper-evident log: an RFC 6962 tree over the exact bytes of its entries, with C2SP signed heads and proofs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal.audit.checking import fsck
    from portal.audit.log import (
        append,
        append_bytes,
        catch_up,
        is_behind,
        newest_checkpoint,
        prove,
        publish,
        verifier_key,
    )

__all__ = [
    "append",
    "append_bytes",
    "catch_up",
    "fsck",
    "is_behind",
    "newest_checkpoint",
    "prove",
    "publish",
    "verifier_key",
]


def __getattr__(name: str) -> Any:
    # Checking a certificate needs the tree and the notes only. It must run without a database, and start at once.
    if name not in __all__:
        raise AttributeError(f"portal.audit has no {name!r}")
    module = "checking" if name == "fsck" else "log"
    return getattr(importlib.import_module(f"portal.audit.{module}"), name)

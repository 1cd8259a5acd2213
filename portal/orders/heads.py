"""Where a certificate is in the log, of a person's erasure or of an order: so that two can be laid side by side."""

from __future__ import annotations

from portal.erasure import histories
from portal.orders import verifying


def head_of(file: bytes, key: str) -> histories.Sealed:
    """Of a file that was checked from end to end. Raises Changed, Unreadable."""
    if not verifying.is_of_order(file):
        return histories.head_of(file, key)
    verifying.verify(file, key)
    return histories.sealed(*verifying.proof_in(file), key)

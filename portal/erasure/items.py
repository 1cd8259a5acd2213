"""How an item of an erasure is hashed. The planner, the certificate and the verifier must agree to the byte.

A digest of a photograph is a handle to it, so none is ever shown: only SHA-256(salt || digest), with a salt of the
item's own. Who has the salt and the photograph can check; who has only the commitment learns nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from portal.audit import merkle
from portal.proofs import NOT_GONE, extent_of, leaf_of

__all__ = [
    "ANSWERED",
    "FACE",
    "NOTHING",
    "NOT_GONE",
    "commitment",
    "commitment_of",
    "extent_of",
    "leaf_of",
    "plan_digest",
    "tally",
]

# Before the target of a suppression by which nothing is kept: so the plan that is approved says it.
NOTHING = "none/"
# Before the target of one with which the face in the photograph is kept, too.
FACE = "face/"
# What an answer of a recipient means for the plan's item, in the words of the certificate.
ANSWERED = {
    "erased": "destroyed",
    "nothing-held": "not-affected",
    "partly": "kept",
    "refused": "kept",
    "told": "told",
}


def commitment(salt: bytes, digest: bytes) -> bytes:
    """SHA-256(salt || digest), 32 bytes. `digest` is the SHA-256 of the photograph's bytes, `salt` is random."""
    return hashlib.sha256(salt + digest).digest()


def plan_digest(leaves: Iterable[bytes]) -> str:
    """Merkle root of the leaves in order of position, hexadecimal: what the second person approves."""
    return merkle.root(leaves).hex()


def commitment_of(facts: dict[str, Any]) -> str:
    """The commitment (hexadecimal) of an item whose opened `sealed` JSON is `facts`; "" when it holds no salt."""
    if not facts.get("salt"):
        return ""
    return commitment(bytes.fromhex(facts["salt"]), bytes.fromhex(facts.get("digest") or "")).hex()


def tally(items: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How many items of each kind came to each result: `{"image": {"deleted": 3}}`."""
    counts: dict[str, dict[str, int]] = {}
    for item in items:
        results = counts.setdefault(item["kind"], {})
        results[item["result"]] = results.get(item["result"], 0) + 1
    return counts

"""How an item of an erasure is hashed. The planner, the certificate and the verifier must agree to the byte.

A digest of a photograph is a handle to it, so none is ever shown: only SHA-256(salt || digest), with a salt of the
item's own. Who has the salt and the photograph can check; who has only the commitment learns nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from portal.audit import merkle

# Answers of people after which something of the photographs is still somewhere.
UNDONE = {"kept", "not-reached", "not-yet-decided"}


def commitment(salt: bytes, digest: bytes) -> bytes:
    """SHA-256(salt || digest), 32 bytes. `digest` is the SHA-256 of the photograph's bytes, `salt` is random."""
    return hashlib.sha256(salt + digest).digest()


def leaf_of(kind: str, position: int, target: str, commitment_hex: str) -> bytes:
    """The item's leaf in the plan, 32 bytes: the Merkle leaf hash of its canonical JSON.

    The commitment already ties it to the photograph; items without one (models, recipients) have "" there.
    """
    item = {"commitment": commitment_hex, "kind": kind, "position": position, "target": target}
    return merkle.leaf_hash(json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


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


def extent_of(items: Iterable[dict[str, Any]], erasure_kind: str) -> str:
    """`full` when everything planned was done, else `partial`. Hiding a model's output is not an erasure, and
    dropping a template is none of the photograph.
    """
    undone = UNDONE | (set() if erasure_kind == "opt-out" else {"output-suppressed", "template-dropped"})
    return "partial" if any(item["state"] == "refused" or item["result"] in undone for item in items) else "full"

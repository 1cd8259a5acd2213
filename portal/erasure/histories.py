"""Two certificates of one log: was it the same log when the older and when the newer one was handed out?

An installation that shows two people two histories has to keep them apart for ever. Whoever lays two certificates side
by side finds that out: the older head must be the beginning of the newer one.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal import proofs
from portal.audit import consistency, merkle
from portal.erasure.verifying import Changed, Unreadable, refusing, verifier_of, verify


@dataclass(frozen=True)
class Sealed:
    """Where a certificate is in the log, its leaf, and the head that was handed out with it."""

    index: int
    leaf: bytes
    size: int
    root: bytes


def head_of(file: bytes, key: str) -> Sealed:
    """Of a file that was checked from end to end. Raises Changed, Unreadable."""
    verify(file, key)
    with refusing():
        parts = proofs.read_parts(file)
    return sealed(parts["statement"], parts["proof"], key)


def sealed(statement: str, proof: str, key: str) -> Sealed:
    """Where a statement is in the log, by its proof alone. Raises Changed, Unreadable."""
    with refusing():
        index, size, root = proofs.check_proof(statement, proof, verifier_of(key))
    return Sealed(index, proofs.leaf_hash(statement.encode()), size, root)


def check(one: Sealed, other: Sealed, proof: str | None) -> None:
    """That two heads are of one history. `proof` is the log's own, and is needed where their sizes differ.

    Raises Changed, code forked, when they are not; Unreadable, code proof-needed or malformed.
    """
    old, new = sorted((one, other), key=lambda sealed: sealed.size)
    if (one.index == other.index) != (one.leaf == other.leaf):
        raise Changed("The two certificates contradict each other about one entry of the log.", "forked")
    if old.size == new.size:
        if old.root != new.root:
            raise Changed("The log has two histories: with as many entries its head is another one.", "forked")
        return
    if proof is None:
        raise Unreadable(
            f"The log's proof from {old.size} to {new.size} entries is needed. Ask the issuer for: "
            "efface log consistency OLD NEW",
            "proof-needed",
        )
    try:
        path = consistency.read(proof, old.size, new.size)
    except proofs.Refused as problem:
        raise Unreadable(problem.sentence, problem.code) from problem
    if not merkle.verify_consistency(old.size, new.size, old.root, new.root, path):
        raise Changed("The log has two histories: the older head is not the beginning of the newer one.", "forked")

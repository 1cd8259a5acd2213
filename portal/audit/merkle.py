"""The Merkle tree of RFC 6962, as pure functions on bytes.

A leaf is hashed as SHA-256(0x00 || leaf), a node as SHA-256(0x01 || left || right). All functions below take leaf
hashes, 32 bytes each, in the order of the log. Section numbers are those of RFC 6962, and of RFC 9162 for checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from portal import proofs
from portal.proofs import LONGEST_PROOF, leaf_hash, node_hash, verify_inclusion

__all__ = [
    "consistency_proof",
    "fold",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "push",
    "root",
    "verify_consistency",
    "verify_inclusion",
]


def push(frontier: list[bytes], size: int, leaf: bytes) -> None:
    """Grow a tree of `size` leaves by one. The frontier holds the roots of its full subtrees, largest first."""
    frontier.append(leaf)
    while size & 1:
        right = frontier.pop()
        frontier.append(node_hash(frontier.pop(), right))
        size >>= 1


def fold(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree that has this frontier; of the empty tree, SHA-256 of nothing (2.1)."""
    if not frontier:
        return proofs.root([])
    folded = frontier[-1]
    for subtree in reversed(frontier[:-1]):
        folded = node_hash(subtree, folded)
    return folded


def root(leaves: Iterable[bytes]) -> bytes:
    """MTH, the hash of the whole tree (2.1)."""
    return proofs.root(list(leaves))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """PATH, from the leaf's sibling up to the root's child (2.1.1). Raises IndexError outside of the tree."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)}")
    path = []
    first, last = 0, len(leaves)
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(root(leaves[middle:last]))
            last = middle
        else:
            path.append(root(leaves[first:middle]))
            first = middle
    return path[::-1]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """PROOF that the tree of the first `old_size` leaves is the beginning of this one (2.1.2)."""
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} has no beginning of {old_size}")
    if old_size == 0:
        return []
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], old_size: int, whole: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if whole else [root(leaves)]
    middle = _split(len(leaves))
    if old_size <= middle:
        return [*_subproof(leaves[:middle], old_size, whole), root(leaves[middle:])]
    return [*_subproof(leaves[middle:], old_size - middle, False), root(leaves[:middle])]


def verify_consistency(old_size: int, size: int, old: bytes, new: bytes, path: Sequence[bytes]) -> bool:
    """Is the tree of `old_size` with root `old` the beginning of that of `size` with root `new`? (RFC 9162, 2.1.4.2)"""
    if not 0 <= old_size <= size or len(path) > LONGEST_PROOF + 1:
        return False
    if old_size == size:
        return not path and old == new
    if old_size == 0:
        return not path and old == fold([])
    # A full old tree is itself the first node, and is left out of the proof.
    nodes = [old, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not nodes:
        return False
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_folded = new_folded = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_folded, new_folded = node_hash(sibling, old_folded), node_hash(sibling, new_folded)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_folded = node_hash(new_folded, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old_folded == old and new_folded == new


def _split(size: int) -> int:
    """The largest power of two below `size`, for sizes above 1."""
    return 1 << ((size - 1).bit_length() - 1)

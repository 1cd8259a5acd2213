"""The signed head of the log (C2SP tlog-checkpoint) and the proof that an entry is in it (C2SP tlog-proof)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from portal import proofs

PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Head:
    """The tree at one moment: whose it is, how many entries it has, and its root (32 bytes)."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class Proof:
    """Where an entry is, the hashes from its sibling up to the root's child, and the checkpoint as signed."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str


def write_head(head: Head) -> str:
    """The three lines that are signed."""
    return f"{head.origin}\n{head.size}\n{_base64(head.root)}\n"


def read_head(text: str) -> Head:
    """The head in the text of a note. Raises NoteRefused; extension lines are refused, as nobody audits them."""
    return Head(*proofs.read_head(text))


def write_proof(proof: Proof) -> str:
    """The proof as text, to be kept beside what it proves."""
    hashes = "".join(f"{_base64(node)}\n" for node in proof.path)
    return f"{PROOF_HEADER}\nindex {proof.index}\n{hashes}\n{proof.checkpoint}"


def read_proof(text: str) -> Proof:
    """The proof in the text. Raises NoteRefused. We write no `extra` line and take none: nothing vouches for it."""
    return Proof(*proofs.read_proof(text))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

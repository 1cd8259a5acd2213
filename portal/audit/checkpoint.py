"""The signed head of the log (C2SP tlog-checkpoint) and the proof that an entry is in it (C2SP tlog-proof)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from portal.audit.merkle import LONGEST_PROOF
from portal.audit.notes import NoteRefused, read_base64, read_decimal

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
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise NoteRefused("The signed head of the log does not have its three lines.")
    return Head(lines[0], read_decimal(lines[1]), _read_hash(lines[2]))


def write_proof(proof: Proof) -> str:
    """The proof as text, to be kept beside what it proves."""
    hashes = "".join(f"{_base64(node)}\n" for node in proof.path)
    return f"{PROOF_HEADER}\nindex {proof.index}\n{hashes}\n{proof.checkpoint}"


def read_proof(text: str) -> Proof:
    """The proof in the text. Raises NoteRefused. We write no `extra` line and take none: nothing vouches for it."""
    top, blank, note = text.partition("\n\n")
    lines = top.split("\n")
    if not blank or len(lines) < 2 or lines[0] != PROOF_HEADER:
        raise NoteRefused(f"The proof does not begin with {PROOF_HEADER}.")
    word, space, index = lines[1].partition(" ")
    if word != "index" or not space:
        raise NoteRefused("The proof does not say where in the log the entry is.")
    if len(lines) - 2 > LONGEST_PROOF:
        raise NoteRefused("The proof is too long.")
    return Proof(read_decimal(index), tuple(_read_hash(line) for line in lines[2:]), note)


def _read_hash(line: str) -> bytes:
    node = read_base64(line)
    if len(node) != 32:
        raise NoteRefused("A hash does not have 32 bytes.")
    return node


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

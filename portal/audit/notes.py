"""Signed notes (C2SP signed-note): a text and, below it, one line for each key that signed it.

Only Ed25519 (type 0x01) is made and checked. How they are read stands in `portal.proofs`, which needs nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal import proofs
from portal.proofs import ED25519, Verifier, read_base64, read_decimal, read_key_line, verifier_of
from portal.proofs import Refused as NoteRefused

__all__ = [
    "NoteRefused",
    "Opened",
    "Verifier",
    "key_line",
    "open_note",
    "read_base64",
    "read_decimal",
    "read_key_line",
    "sign",
    "verifier_of",
]


class Opened(NamedTuple):
    """A note that counts: its text, and who of the known keys signed it."""

    text: str
    signed_by: frozenset[Verifier]


def key_line(verifier: Verifier) -> str:
    """The public key as one line, "name+hash+base64", as the other tools of this family write it."""
    return f"{verifier.name}+{verifier.key_id.hex()}+{base64.b64encode(ED25519 + verifier.public).decode()}"


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """`text`, which ends with a newline, signed: a blank line and one signature line follow. Raises NoteRefused."""
    verifier = verifier_of(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    if not text.endswith("\n"):
        raise NoteRefused("The text does not end with a new line.", "malformed")
    try:
        signature = base64.b64encode(verifier.key_id + key.sign(text.encode())).decode()
    except UnicodeEncodeError as problem:
        raise NoteRefused("The text is not Unicode.", "malformed") from problem
    note = f"{text}\n— {name} {signature}\n"
    # What cannot be read again is not given out.
    open_note(note, [verifier])
    return note


def open_note(note: str, known: Iterable[Verifier]) -> Opened:
    """The note's text, once a known key is seen to have signed it, and all of these signed well. Raises NoteRefused."""
    text, signed_by = proofs.open_note(note, known)
    return Opened(text, frozenset(signed_by))

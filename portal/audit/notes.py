"""Signed notes (C2SP signed-note): a text and, below it, one line for each key that signed it.

Only Ed25519 (type 0x01) is made and checked. Reading is strict: there is one way to write a note, so that no byte of
it can be changed without somebody noticing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.errors import EffaceError

ED25519 = b"\x01"
MOST_SIGNATURES = 100


class NoteRefused(EffaceError):
    """The note does not count. `code` is malformed, unknown-key or bad-signature."""

    code = "malformed"


@dataclass(frozen=True)
class Verifier:
    """A public key we know: its name, its 4-byte id and the 32 raw bytes of Ed25519."""

    name: str
    key_id: bytes
    public: bytes

    def accepts(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Opened:
    """A note that counts: its text, who of the known keys signed it, and how many signature lines it has."""

    text: str
    signed_by: frozenset[Verifier]
    lines: int


def verifier_of(name: str, public: bytes) -> Verifier:
    """The verifier for 32 raw bytes of an Ed25519 key. The id is SHA-256(name || newline || type || key)[:4]."""
    _check_name(name)
    return Verifier(name, hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4], public)


def key_line(verifier: Verifier) -> str:
    """The public key as one line, "name+hash+base64", as the other tools of this family write it."""
    return f"{verifier.name}+{verifier.key_id.hex()}+{base64.b64encode(ED25519 + verifier.public).decode()}"


def read_key_line(line: str) -> Verifier:
    """The key in "name+hash+base64". Raises NoteRefused when it is not one, or not Ed25519."""
    name, _, rest = line.partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = read_base64(encoded)
    if typed[:1] != ED25519 or len(typed) != 33:
        raise NoteRefused("This is not an Ed25519 public key.")
    verifier = verifier_of(name, typed[1:])
    if verifier.key_id.hex() != key_id:
        raise NoteRefused("The public key and its short hash do not belong together.")
    return verifier


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """`text`, which ends with a newline, signed: a blank line and one signature line follow."""
    _check_text(text)
    verifier = verifier_of(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    signature = base64.b64encode(verifier.key_id + key.sign(text.encode())).decode()
    return f"{text}\n— {name} {signature}\n"


def open_note(note: str, known: Iterable[Verifier]) -> Opened:
    """The note's text, once a known key is seen to have signed it.

    Signatures by unknown keys are ignored, as witnesses and later keys may sign too. A bad signature by a known
    key rejects the whole note. Raises NoteRefused.
    """
    _check_text(note)
    text, blank, lines = note[:-1].rpartition("\n\n")
    if not blank:
        raise NoteRefused("There is no signature below the text.")
    text += "\n"
    keys = {(verifier.name, verifier.key_id): verifier for verifier in known}
    signed_by = set()
    signatures = lines.split("\n")
    if len(signatures) > MOST_SIGNATURES:
        raise NoteRefused("There are too many signatures.")
    for line in signatures:
        name, key_id, signature = _read_signature(line)
        verifier = keys.get((name, key_id))
        if verifier is None:
            continue
        if not verifier.accepts(text, signature):
            raise NoteRefused("The signature does not fit the text.", "bad-signature")
        signed_by.add(verifier)
    if not signed_by:
        raise NoteRefused("The signature is not by this key.", "unknown-key")
    return Opened(text, frozenset(signed_by), len(signatures))


def read_base64(text: str) -> bytes:
    """Standard base64 in its one canonical form. Python's decoder alone lets stray trailing bits pass."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise NoteRefused("Something that should be base64 is not.") from problem
    if base64.b64encode(data).decode() != text:
        raise NoteRefused("Base64 is not written in its one right way.")
    return data


def read_decimal(text: str) -> int:
    """A whole number in ASCII digits without leading zeros. `int` would take +1, 1_0 and other scripts' digits."""
    if len(text) > 19 or not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise NoteRefused("Something that should be a plain number is not.")
    return int(text)


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise NoteRefused("A line below the text is not a signature.")
    _check_name(parts[1])
    data = read_base64(parts[2])
    if len(data) < 5:
        raise NoteRefused("A signature is too short.")
    return parts[1], data[:4], data[4:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteRefused("The name of a key is empty, or has a space or a plus sign in it.")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteRefused("The text does not end with a new line.")
    if any(character < " " and character != "\n" for character in text):
        raise NoteRefused("There is a control character in the text.")
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise NoteRefused("The text is not Unicode.") from problem

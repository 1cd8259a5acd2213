"""The door to `portal.proofs`, which checks certificates alone: its refusals become the portal's errors here.

The file is JSON in exactly one form, with four texts: `format`, `statement` (the bytes that are in the log), `items`
(one JSON line for each, not in the log because of the salts; the statement holds their digest) and `proof` (C2SP
tlog-proof). Each byte of the file is bound by the form, by a digest or by the signature, so none can be changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portal import proofs
from portal.errors import BadInput, EffaceError
from portal.proofs import LARGEST_FILE, PARTS, Verifier

__all__ = ["LARGEST_FILE", "Changed", "Unreadable", "check_proof", "items_of", "items_with", "verifier_of", "verify"]

STATEMENT = "efface-statement/2"


class Changed(EffaceError):
    """The file is a certificate, but not as it was issued, or not by this key. `code` says more."""

    code = "changed"


class Unreadable(BadInput):
    """The file is not a certificate at all, or the key is not a key."""

    code = "unreadable"


@contextmanager
def refusing() -> Iterator[None]:
    """Raises Changed or Unreadable in place of what `portal.proofs` refuses."""
    try:
        yield
    except proofs.Refused as problem:
        if problem.code == "unreadable":
            raise Unreadable(problem.sentence) from problem
        raise Changed(problem.sentence, problem.code) from problem


def write_file(statement: str, items: str, proof: str) -> bytes:
    """The certificate file, in the only form that is accepted."""
    parts = dict(zip(PARTS, (PARTS["format"], statement, items, proof), strict=True))
    return (json.dumps(parts, ensure_ascii=False, indent=1) + "\n").encode()


def verify(file: bytes, key: str) -> dict[str, Any]:
    """The statement, once everything about it has been checked against `key`, the log's public key in one line.

    Raises Unreadable when the file or the key cannot be read, Changed when anything is not as it was issued; the
    sentence names what.
    """
    verifier_of(key)
    with refusing():
        return proofs.verify(file, key)


def verifier_of(key: str) -> Verifier:
    """The key in one line. Raises Unreadable."""
    try:
        return proofs.read_key_line(key.strip())
    except proofs.Refused as problem:
        raise Unreadable(f"The public key cannot be read. {problem.sentence}") from problem


def check_proof(statement: str, proof: str, verifier: Verifier) -> None:
    """That the bytes of a statement are in the log of this key. Raises Changed."""
    with refusing():
        proofs.check_proof(statement, proof, verifier)


def items_of(file: bytes) -> list[dict[str, Any]]:
    """The items of a file that `verify` has accepted."""
    with refusing():
        return [json.loads(line) for line in proofs.read_parts(file)["items"].split("\n") if line]


def items_with(file: bytes, photo: bytes) -> list[dict[str, Any]]:
    """The items of an accepted file that are about exactly this photograph, byte for byte."""
    digest = hashlib.sha256(photo).digest()
    try:
        return [item for item in items_of(file) if item["salt"] and _opens(item, digest)]
    except ValueError as problem:
        raise Changed("The salt of an item cannot be read.") from problem


def _opens(item: dict[str, Any], digest: bytes) -> bool:
    opened = hashlib.sha256(bytes.fromhex(item["salt"]) + digest).hexdigest()
    return opened == str(item["commitment"])

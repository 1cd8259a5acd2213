"""Checking a certificate offline: nothing is needed but the file and the public key.

The file is JSON in exactly one form, with four texts: `format`, `statement` (the bytes that are in the log), `items`
(one JSON line for each, not in the log because of the salts; the statement holds their digest) and `proof` (C2SP
tlog-proof). Each byte of the file is bound by the form, by a digest or by the signature, so none can be changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from portal.audit import checkpoint, merkle, notes
from portal.erasure.items import commitment, extent_of, leaf_of, plan_digest, tally
from portal.errors import BadInput, EffaceError

FORMAT = "efface-certificate/1"
STATEMENT = "efface-statement/1"
PARTS = ("format", "statement", "items", "proof")
LARGEST_FILE = 256 * 1024 * 1024

TEXT, NUMBER = (str,), (int,)
# What a statement must say, and of what type. `None` is allowed where something may not have happened.
REQUIRED: dict[str, tuple[type, ...]] = {
    "format": TEXT,
    "kind": TEXT,
    "id": TEXT,
    "at": TEXT,
    "erasure": TEXT,
    "extent": TEXT,
    "issuer": (dict,),
    "case": (dict,),
    "dates": (dict,),
    "plan": (dict,),
    "search": (dict,),
    "counts": (dict,),
    "parts": (dict,),
    "datasets": (list,),
    "models": (list,),
    "products": (list,),
    "recipients": (list,),
    "kept": (list,),
    "exceptions": (list,),
    "backups": TEXT,
    "approval": TEXT,
    "checked": TEXT,
}
ITEM: dict[str, tuple[type, ...]] = {
    "position": NUMBER,
    "kind": TEXT,
    "target": TEXT,
    "image": (int, type(None)),
    "commitment": TEXT,
    "salt": TEXT,
    "state": TEXT,
    "result": TEXT,
    "at": (str, type(None)),
    "note": (str, type(None)),
}
PEOPLE = {"model": "models", "product": "products", "recipient": "recipients"}


class Changed(EffaceError):
    """The file is a certificate, but not as it was issued, or not by this key."""

    code = "changed"


class Unreadable(BadInput):
    """The file is not a certificate at all, or the key is not a key."""

    code = "unreadable"


def write_file(statement: str, items: str, proof: str) -> bytes:
    """The certificate file, in the only form that is accepted."""
    parts = dict(zip(PARTS, (FORMAT, statement, items, proof), strict=True))
    return (json.dumps(parts, ensure_ascii=False, indent=1) + "\n").encode()


def verify(file: bytes, key: str) -> dict[str, Any]:
    """The statement, once everything about it has been checked against `key`, the log's public key in one line.

    Raises Unreadable when the file or the key cannot be read, Changed when anything is not as it was issued; the
    sentence names what.
    """
    parts = _parts(file)
    verifier = _verifier(key)
    _check_proof(parts["statement"], parts["proof"], verifier)
    statement: dict[str, Any] = _object(parts["statement"], "statement")
    _check_fields(statement, REQUIRED, "the statement")
    if statement["format"] != STATEMENT or statement["kind"] != "certificate":
        raise Changed("The entry of the log is not a certificate's statement.")
    _check_items(statement, parts["items"])
    return statement


def items_of(file: bytes) -> list[dict[str, Any]]:
    """The items of a file that `verify` has accepted."""
    return _items(_parts(file)["items"])


def items_with(file: bytes, photo: bytes) -> list[dict[str, Any]]:
    """The items of an accepted file that are about exactly this photograph, byte for byte."""
    digest = hashlib.sha256(photo).digest()
    return [
        item
        for item in items_of(file)
        if item["salt"] and commitment(bytes.fromhex(item["salt"]), digest).hex() == item["commitment"]
    ]


def _parts(file: bytes) -> dict[str, str]:
    if len(file) > LARGEST_FILE:
        raise Unreadable("The file is too large to be a certificate.")
    try:
        parts = json.loads(file.decode())
    except UnicodeDecodeError as problem:
        raise Unreadable(f"The file is not text in UTF-8: see byte {problem.start}.") from problem
    except json.JSONDecodeError as problem:
        raise Unreadable(f"The file is not JSON: see line {problem.lineno}, column {problem.colno}.") from problem
    except (ValueError, RecursionError) as problem:
        raise Unreadable("The file is not JSON that can be read.") from problem
    if not isinstance(parts, dict) or parts.get("format") != FORMAT:
        raise Unreadable(f"The file is not a certificate: it does not say {FORMAT}.")
    if tuple(parts) != PARTS or not all(isinstance(part, str) for part in parts.values()):
        raise Unreadable(f"A certificate has four texts: {', '.join(PARTS)}. This file has something else.")
    if not _is_as_written(parts, file):
        raise Changed("The file was changed: it is not written the way certificates are.")
    return parts


def _is_as_written(parts: dict[str, str], file: bytes) -> bool:
    try:
        return write_file(parts["statement"], parts["items"], parts["proof"]) == file
    except UnicodeEncodeError:
        return False


def _verifier(key: str) -> notes.Verifier:
    try:
        return notes.read_key_line(key.strip())
    except notes.NoteRefused as problem:
        raise Unreadable(f"The public key cannot be read. {problem.sentence}") from problem


def _check_proof(statement: str, text: str, verifier: notes.Verifier) -> None:
    try:
        proof = checkpoint.read_proof(text)
        opened = notes.open_note(proof.checkpoint, [verifier])
        head = checkpoint.read_head(opened.text)
    except notes.NoteRefused as problem:
        if problem.code == "unknown-key":
            raise Changed("The signature is not by this key.") from problem
        if problem.code == "bad-signature":
            raise Changed("The signed head of the log was changed: the signature does not fit it.") from problem
        raise Changed(f"The proof was changed. {problem.sentence}") from problem
    # Lines by keys we do not know would be bytes that nobody vouches for.
    if opened.lines != 1:
        raise Changed("The proof was changed: it has more than the one signature of the log.")
    if head.origin != verifier.name:
        raise Changed("The proof is of another log than this key's.")
    leaf = merkle.leaf_hash(statement.encode())
    if not merkle.verify_inclusion(leaf, proof.index, head.size, proof.path, head.root):
        raise Changed("The statement was changed: its hash is not the one in the log.")


def _check_items(statement: dict[str, Any], text: str) -> None:
    plan = statement["plan"]
    if hashlib.sha256(text.encode()).hexdigest() != plan.get("items_digest"):
        raise Changed("The list of items was changed: its digest is not the one in the statement.")
    items = _items(text)
    for position, item in enumerate(items):
        _check_fields(item, ITEM, f"item {position}")
        if item["position"] != position:
            raise Changed(f"Item {position} is missing or in another place.")
        if not re.fullmatch(r"([0-9a-f]{2})*", item["salt"]):
            raise Changed(f"The salt of item {position} cannot be read.")
    if plan.get("items") != len(items):
        raise Changed(f"The plan had {plan.get('items')} items, but {len(items)} are listed.")
    leaves = (leaf_of(item["kind"], item["position"], item["target"], item["commitment"]) for item in items)
    if plan.get("digest") != plan_digest(leaves):
        raise Changed("The items listed are not the ones in the plan that was approved.")
    _check_sums(statement, items)


def _check_sums(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    counts = tally(items)
    if counts != statement["counts"]:
        raise Changed("The counts in the statement are not those of the items listed.")
    for kind, name in PEOPLE.items():
        results = sorted(item["result"] for item in items if item["kind"] == kind)
        if sorted(str(one.get("result")) for one in statement[name] if isinstance(one, dict)) != results:
            raise Changed(f"The {name} in the statement are not those of the items listed.")
    if statement["extent"] != extent_of(items, statement["erasure"]):
        raise Changed(f"The statement calls itself {statement['extent']}, but the items listed say otherwise.")


def _items(text: str) -> list[dict[str, Any]]:
    return [_object(line, "list of items") for line in text.split("\n") if line]


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Changed(f"The {name} is not JSON.") from problem
    if not isinstance(value, dict):
        raise Changed(f"The {name} is not a JSON object.")
    return value


def _check_fields(value: dict[str, Any], required: dict[str, tuple[type, ...]], name: str) -> None:
    for field, types in required.items():
        if field not in value:
            raise Changed(f"Something is missing in {name}: {field}.")
        if not isinstance(value[field], types):
            raise Changed(f"Something in {name} is not of its kind: {field}.")

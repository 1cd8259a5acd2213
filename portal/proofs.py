"""Is a certificate as it was issued? `python proofs.py 'PUBLIC KEY' < CERTIFICATE.json` says so: no network, no
database, no other file. Trees are of RFC 6962; notes, heads and proofs of C2SP. Each thing has one form only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, LONGEST_PROOF, MOST_SIGNATURES, LARGEST_FILE = b"\x01", 63, 100, 256 * 1024 * 1024
PARTS = {"format": "efface-certificate/1", "statement": "", "items": "", "proof": ""}
STATEMENTS = ("efface-statement/1", "efface-statement/2")
SAID = """format kind id at erasure extent issuer case dates plan search counts parts datasets models products
    recipients kept exceptions backups approval checked"""
PEOPLE = {"model": "models", "output": "outputs", "product": "products", "recipient": "recipients"}
NOT_GONE, UNDONE = {"refused", "withheld", "residual"}, {"kept", "not-reached", "not-yet-decided"}


class Refused(Exception):
    """It does not count. `sentence` says why; `code`: changed, unreadable, malformed, unknown-key, bad-signature."""

    def __init__(self, sentence: str, code: str = "changed") -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


class Verifier(NamedTuple):
    name: str
    key_id: bytes  # 4
    public: bytes  # 32 of Ed25519


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH, the hash of the whole tree (RFC 6962, 2.1), of leaf hashes in order."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(root(leaves[:middle]), root(leaves[middle:]))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], tree: bytes) -> bool:
    """Is `leaf` at `index` of the tree of `size` leaves whose root is `tree`? (RFC 6962, 2.1.1)"""
    at, left, rights = index, size, []
    while left > 1:
        middle = 1 << ((left - 1).bit_length() - 1)
        rights.append(at >= middle)
        at, left = (at - middle, left - middle) if at >= middle else (at, middle)
    if not 0 <= index < size or len(path) != len(rights):
        return False
    for node, right in zip(path, reversed(rights), strict=True):
        leaf = node_hash(node, leaf) if right else node_hash(leaf, node)
    return leaf == tree


def read_base64(text: str, length: int | None = None) -> bytes:
    """Standard base64 in its one canonical form. Python's decoder alone lets stray trailing bits pass."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as problem:
        raise Refused("Something that should be base64 is not.", "malformed") from problem
    if base64.b64encode(data).decode() != text or length not in (None, len(data)):
        raise Refused("Base64 is not written in its one right way, or is of another length.", "malformed")
    return data


def read_decimal(text: str) -> int:
    """A whole number in ASCII digits without leading zeros. `int` would take +1, 1_0 and other scripts' digits."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text):
        raise Refused("Something that should be a plain number is not.", "malformed")
    return int(text)


def verifier_of(name: str, public: bytes) -> Verifier:
    """The verifier of 32 raw bytes of a key. The id is SHA-256(name || newline || type || key)[:4]."""
    if not re.fullmatch(r"[^\s\x00-\x1f+]+", name):
        raise Refused("The name of a key is empty, or has a space or a plus sign in it.", "malformed")
    return Verifier(name, hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4], public)


def read_key_line(line: str) -> Verifier:
    """The key in "name+hash+base64". Raises Refused when it is not one, or not Ed25519."""
    name, key_id, encoded = (*line.split("+", 2), "", "")[:3]
    typed = read_base64(encoded, 33)
    verifier = verifier_of(name, typed[1:])
    if typed[:1] != ED25519 or verifier.key_id.hex() != key_id:
        raise Refused("This is no Ed25519 key, or it and its short hash do not belong together.", "malformed")
    return verifier


def open_note(note: str, known: Iterable[Verifier]) -> tuple[str, set[Verifier]]:
    """The text of a signed note and who of `known` signed it. A bad signature by one of these rejects it; others'
    lines are ignored, as witnesses and later keys may sign too.
    """
    text, blank, lines = note.rpartition("\n\n")
    strange = re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", note)
    if strange or not blank or note[-1] != "\n" or lines.count("\n") > MOST_SIGNATURES:
        raise Refused("The note is not a plain text with some signatures below it.", "malformed")
    keys, signed_by = {key[:2]: key for key in known}, set()
    for line in lines[:-1].split("\n"):
        signer = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        signed = read_base64(signer[2]) if signer else b""
        if signer is None or len(signed) < 5:
            raise Refused("A line below the text is not a signature.", "malformed")
        if key := keys.get((signer[1], signed[:4])):
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signed[4:], f"{text}\n".encode())
            except (InvalidSignature, ValueError) as problem:
                raise Refused("The signature does not fit the text.", "bad-signature") from problem
            signed_by.add(key)
    if not signed_by:
        raise Refused("The signature is not by this key.", "unknown-key")
    return f"{text}\n", signed_by


def read_head(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root in the text of a head. Extension lines are refused, as nobody audits them."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise Refused("The signed head of the log does not have its three lines.", "malformed")
    return lines[0], read_decimal(lines[1]), read_base64(lines[2], 32)


def read_proof(text: str) -> tuple[int, tuple[bytes, ...], str]:
    """The entry's index, its path and the signed head in a C2SP tlog-proof. We write no `extra` line and take none."""
    top, _blank, note = text.partition("\n\n")
    found = re.fullmatch(r"c2sp\.org/tlog-proof@v1\nindex (\S+)((?:\n\S+)*)", top)
    path = found[2].split("\n")[1:] if found else []
    if not found or not note or len(path) > LONGEST_PROOF:
        raise Refused("The proof does not have its header, its index or its head, or is too long.", "malformed")
    return read_decimal(found[1]), tuple(read_base64(node, 32) for node in path), note


def check_proof(statement: str, proof: str, key: Verifier) -> tuple[int, int, bytes]:
    """Where the statement is in the log, and the size and root of the head that vouches for it."""
    index, path, note = read_proof(proof)
    origin, size, tree = read_head(open_note(note, [key])[0])
    if origin != key.name:
        raise Refused("The proof is of another log than this key's.")
    if not verify_inclusion(leaf_hash(statement.encode()), index, size, path, tree):
        raise Refused("The statement was changed: its hash is not the one in the log.")
    return index, size, tree


def verify(file: bytes, key: str) -> dict[str, Any]:
    """The statement, once all of the file was checked with `key`, the log's public key. Raises Refused."""
    parts = read_parts(file)
    check_proof(parts["statement"], parts["proof"], read_key_line(key.strip()))
    try:
        statement: dict[str, Any] = json.loads(parts["statement"])
        if missing := [name for name in SAID.split() if name not in statement]:
            raise Refused(f"Something is missing in the statement: {missing[0]}.")
        if statement["format"] not in STATEMENTS or statement["kind"] != "certificate":
            raise Refused("The entry of the log is not a certificate's statement.")
        _check_items(statement, parts["items"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        raise Refused(f"Something in the file is missing or not of its kind: {problem}.") from problem
    return statement


def read_parts(file: bytes) -> dict[str, str]:
    """The four texts of a certificate file, which has exactly one form."""
    try:
        parts = json.loads(file.decode()) if len(file) <= LARGEST_FILE else {}
    except (ValueError, RecursionError) as problem:
        raise Refused(f"The file is not JSON that can be read: {problem}.", "unreadable") from problem
    if not isinstance(parts, dict) or list(parts) != list(PARTS) or parts["format"] != PARTS["format"]:
        raise Refused(f"The file is not a certificate: it does not say {PARTS['format']}.", "unreadable")
    written = (json.dumps(parts, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")
    if not all(isinstance(part, str) for part in parts.values()) or written != file:
        raise Refused("The file was changed: it is not written the way certificates are.")
    return parts


def leaf_of(kind: str, position: int, target: str, commitment: str) -> bytes:
    """An item's leaf in the plan. `commitment` ties it to a photograph."""
    item = {"commitment": commitment, "kind": kind, "position": position, "target": target}
    return leaf_hash(json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def extent_of(items: Iterable[dict[str, Any]], kind: str) -> str:
    """`full` when all that was planned was done. Hiding an output erases nothing, nor does dropping a template."""
    undone = UNDONE | (set() if kind == "opt-out" else {"output-suppressed", "template-dropped"})
    return "partial" if any(one["state"] in NOT_GONE or one["result"] in undone for one in items) else "full"


def _check_items(statement: dict[str, Any], text: str) -> None:
    items, plan = [json.loads(line) for line in text.split("\n") if line], statement["plan"]
    if hashlib.sha256(text.encode()).hexdigest() != plan["items_digest"]:
        raise Refused("The list of items was changed: its digest is not the one in the statement.")
    if [item["position"] for item in items] != list(range(plan["items"])):
        raise Refused(f"The plan had {plan['items']} items: one is missing or in another place.")
    leaves = [leaf_of(item["kind"], item["position"], item["target"], item["commitment"]) for item in items]
    if root(leaves).hex() != plan["digest"]:
        raise Refused("The items listed are not the ones in the plan that was approved.")
    _check_sums(statement, items)
    gone = [item["position"] for item in items if item["kind"] == "suppression"]
    for item in items if statement["format"] != STATEMENTS[0] else []:
        if item["result"] == "retrained-without":
            run = item["evidence"]["run"]
            if [one["item"] for one in run["absent"] if is_absent(run, one)] != gone:
                raise Refused("A model was trained again, but not each photograph is shown to be left out.")


def _check_sums(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    said = {(kind, result): n for kind, results in statement["counts"].items() for result, n in results.items()}
    if Counter((item["kind"], item["result"]) for item in items) != said:
        raise Refused("The counts in the statement are not those of the items listed.")
    for kind, name in PEOPLE.items():
        results = sorted(item["result"] for item in items if item["kind"] == kind)
        if sorted(one["result"] for one in statement.get(name, [])) != results:
            raise Refused(f"The {name} in the statement are not those of the items listed.")
    if statement["extent"] != extent_of(items, statement["erasure"]):
        raise Refused(f"The statement calls itself {statement['extent']}, but the items listed say otherwise.")


def is_absent(run: dict[str, Any], one: dict[str, Any]) -> bool:
    """Whether a photograph lies between two neighbours in the run's sorted tree. `at`: how many are before it."""
    size, tree, at, key = run["photographs"], bytes.fromhex(run["root"]), one["at"], bytes.fromhex(one["key"])
    for place, side in ((at - 1, one["below"]), (at, one["above"])):
        if 0 <= place < size:
            leaf, *path = map(bytes.fromhex, side or [""])
            between = len(leaf) == 32 and leaf != key and (leaf < key) == (place < at)
            if not between or not verify_inclusion(leaf_hash(leaf), place, size, path, tree):
                return False
    return 0 <= at <= size and (size > 0 or tree == root([]))


if __name__ == "__main__":
    try:
        genuine = verify(sys.stdin.buffer.read(), sys.argv[1])
        sys.stdout.write(f"Certificate {genuine['id']} is genuine: {genuine['extent']}.\n")
    except Refused as problem:
        sys.exit(problem.sentence)

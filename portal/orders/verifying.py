"""Checking the statement of an order offline: nothing is needed but the file and the public key.

There are two kinds of files. The certificate has the statement (the bytes that are in the log), its lines, one line
for each chunk, and the proof. A part has the statement and some photographs, with the path from their root to the
statement's: a whole chunk, or one photograph of somebody who holds it. Each kind can be checked alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from portal.audit import merkle
from portal.erasure import verifying as signed
from portal.erasure.items import leaf_of
from portal.erasure.verifying import Changed, Unreadable
from portal.proofs import UNDONE

ORDER, PART = "efface-order/1", "efface-order-part/1"
STATEMENT = "efface-order-statement/1"
SIZE = 1024
FIELDS = {
    ORDER: ("format", "statement", "lines", "chunks", "proof"),
    PART: ("format", "statement", "number", "of", "items", "path", "proof"),
}
KINDS = {"number": int, "of": int, "path": list}
FOR_PEOPLE = ("model", "output", "product", "recipient")
GONE = {"deleted", "already-absent"}


def write_order(statement: str, lines: str, chunks: str, proof: str) -> bytes:
    return _written(dict(zip(FIELDS[ORDER], (ORDER, statement, lines, chunks, proof), strict=True)))


def write_part(
    statement: str, number: int, of: int, items: Sequence[bytes], path: Sequence[bytes], proof: str
) -> bytes:
    text = "".join(item.decode() + "\n" for item in items)
    values = (PART, statement, number, of, text, [node.hex() for node in path], proof)
    return _written(dict(zip(FIELDS[PART], values, strict=True)))


def is_of_order(file: bytes) -> bool:
    """Whether a file says that it is one of these. Nothing is checked."""
    return any(f'"format": "{one}"'.encode() in file[:60] for one in FIELDS)


def verify(file: bytes, key: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The statement, its lines (of a certificate) and its photographs (of a part), once all was checked with `key`.

    Raises Unreadable when the file or the key cannot be read, Changed when anything is not as it was issued.
    """
    fields = _fields(file)
    signed.check_proof(fields["statement"], fields["proof"], signed.verifier_of(key))
    try:
        statement = _object(fields["statement"])
        if statement.get("format") != STATEMENT or statement.get("kind") != "order-certificate":
            raise Changed("The entry of the log is not the statement of an order.")
        if fields["format"] == PART:
            return statement, [], _check_part(statement, fields)
        return statement, _check_order(statement, fields), []
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as problem:
        raise Changed("Something is missing in the file, or is not of its kind.") from problem


def proof_in(file: bytes) -> tuple[str, str]:
    """The statement in a file, and the proof that it is in the log. Raises Changed, Unreadable."""
    fields = _fields(file)
    return fields["statement"], fields["proof"]


def items_with(items: Iterable[dict[str, Any]], photo: bytes) -> list[dict[str, Any]]:
    """Of the photographs of a part that `verify` accepted those that are exactly this one, byte for byte."""
    digest = hashlib.sha256(photo).digest()
    return [
        one for one in items if hashlib.sha256(bytes.fromhex(one["salt"]) + digest).hexdigest() == one["commitment"]
    ]


def tally_of(results: Iterable[dict[str, int]]) -> dict[str, int]:
    """The results of many chunks in one."""
    counts: dict[str, int] = {}
    for one in results:
        for result, count in one.items():
            counts[result] = counts.get(result, 0) + count
    return counts


def _check_order(statement: dict[str, Any], fields: dict[str, Any]) -> list[dict[str, Any]]:
    if hashlib.sha256(fields["lines"].encode()).hexdigest() != statement["lines_digest"]:
        raise Changed("The list of stores, models and recipients was changed.")
    if hashlib.sha256(fields["chunks"].encode()).hexdigest() != statement["chunks_digest"]:
        raise Changed("The list of chunks was changed.")
    lines, by_chunk = _jsonl(fields["lines"]), _jsonl(fields["chunks"])
    _check_chunks(statement, by_chunk)
    people = [line for line in lines if line["kind"] in FOR_PEOPLE]
    leaves = [leaf_of(line["kind"], line["position"], line["target"], "") for line in people]
    images_root = merkle.root(bytes.fromhex(line["root"]) for line in by_chunk)
    if merkle.node_hash(images_root, merkle.root(leaves)).hex() != statement["plan"]["digest"]:
        raise Changed("The chunks listed are not those of the plan that was approved.")
    counts = tally_of({line["result"]: 1} for line in people)
    parts = statement["parts"]
    if counts != tally_of([parts["models"]["results"], parts["recipients"]["results"]]):
        raise Changed("The models and recipients in the statement are not those of the lines.")
    if statement["extent"] != extent_of(statement, lines):
        raise Changed(f"The statement calls itself {statement['extent']}, but what it lists says otherwise.")
    return lines


def extent_of(statement: dict[str, Any], lines: Iterable[dict[str, Any]]) -> str:
    """`full` when all that was planned was done, and nothing was never read. Holding an output back erases nothing."""
    whole = set(statement["parts"]["images"]["results"]) <= GONE
    read = not any(one["why"] == "never-read" for one in statement["exceptions"])
    undone = UNDONE | {"output-suppressed"}
    return "full" if whole and read and not any(line.get("result") in undone for line in lines) else "partial"


def _check_chunks(statement: dict[str, Any], by_chunk: list[dict[str, Any]]) -> None:
    sizes = [line["images"] for line in by_chunk]
    if [line["number"] for line in by_chunk] != list(range(len(by_chunk))) or any(size != SIZE for size in sizes[:-1]):
        raise Changed("A chunk is missing, or in another place.")
    if any(sum(line["results"].values()) != line["images"] for line in by_chunk):
        raise Changed("The counts of a chunk do not add up.")
    images = statement["parts"]["images"]
    if sum(sizes) != images["planned"] or tally_of(line["results"] for line in by_chunk) != images["results"]:
        raise Changed("The counts in the statement are not those of the chunks.")
    if merkle.root(bytes.fromhex(line["results_root"]) for line in by_chunk).hex() != statement["results_root"]:
        raise Changed("What became of the photographs was changed.")


def _check_part(statement: dict[str, Any], fields: dict[str, Any]) -> list[dict[str, Any]]:
    *texts, end = fields["items"].split("\n")
    if end or not texts:
        raise Changed("A photograph is missing, or in another place.")
    items = [_object(line) for line in texts]
    number, plan = fields["number"], statement["plan"]
    alone = fields["of"] == plan["images"] and len(items) == 1
    first = number if alone else number * SIZE
    if [item["position"] for item in items] != list(range(first, first + len(items))):
        raise Changed("A photograph is missing, or in another place.")
    if not alone and fields["of"] != plan["chunks"]:
        raise Changed("The part is of another order.")
    root = merkle.root(merkle.leaf_hash(line.encode()) for line in texts)
    path = [bytes.fromhex(node) for node in fields["path"]]
    if not merkle.verify_inclusion(root, number, fields["of"], path, bytes.fromhex(statement["results_root"])):
        raise Changed("These photographs, or what is said of them, were changed.")
    return items


def _fields(file: bytes) -> dict[str, Any]:
    if len(file) > signed.LARGEST_FILE:
        raise Unreadable("The file is too large for a certificate.")
    try:
        fields = json.loads(file.decode())
    except (ValueError, RecursionError) as problem:
        raise Unreadable("The file is not a certificate: it is not JSON.") from problem
    if not isinstance(fields, dict) or FIELDS.get(str(fields.get("format"))) != tuple(fields):
        raise Unreadable("The file is not the certificate of an order.")
    of_their_kind = all(type(value) is KINDS.get(name, str) for name, value in fields.items())
    # Hexadecimal can be written in two ways, and with spaces: here it has one.
    if not of_their_kind or not _is_path(fields.get("path", [])) or _written(fields) != file:
        raise Changed("The file is not in the form in which it was issued.")
    checked: dict[str, Any] = fields
    return checked


def _is_path(nodes: list[Any]) -> bool:
    return all(isinstance(node, str) and re.fullmatch("[0-9a-f]{64}", node) for node in nodes)


def _written(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def _jsonl(text: str) -> list[dict[str, Any]]:
    return [_object(line) for line in text.split("\n") if line]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value

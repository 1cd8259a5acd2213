"""Statements of orders that the log's own key signed, whether they add up or not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from portal.audit import merkle, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof
from portal.audit.log import canonical
from portal.erasure.items import leaf_of
from portal.orders import verifying

# One more than a chunk holds, so that there are two.
IMAGES = verifying.SIZE + 1
RESULT = {"deleted": 1}


@dataclass
class Said:
    """A statement before it is signed: what is in the log, the lines beside it, the chunks, and all photographs."""

    statement: dict[str, Any]
    lines: list[dict[str, Any]]
    chunks: list[dict[str, Any]]
    items: list[bytes] = field(default_factory=list)


def said() -> Said:
    """All that was planned was deleted, and one recipient was told."""
    items = [canonical({"position": at, "result": "deleted", "salt": "00", "commitment": "11"}) for at in range(IMAGES)]
    parts = [items[: verifying.SIZE], items[verifying.SIZE :]]
    chunks = [
        {"number": at, "images": len(part), "root": f"{at:064x}", "results": {"deleted": len(part)},
         "results_root": merkle.root(map(merkle.leaf_hash, part)).hex()}
        for at, part in enumerate(parts)
    ]  # fmt: skip
    lines = [
        {"kind": "store", "name": "Archive", "photographs": IMAGES},
        {"kind": "recipient", "position": IMAGES, "target": "käufer", "name": "Buyer", "result": "told"},
    ]
    leaf = leaf_of("recipient", IMAGES, "käufer", "")
    planned = merkle.node_hash(merkle.root(bytes.fromhex(one["root"]) for one in chunks), merkle.root([leaf]))
    statement = {
        "format": verifying.STATEMENT, "kind": "order-certificate", "id": "c0ffee", "extent": "full", "exceptions": [],
        "plan": {"digest": planned.hex(), "images": IMAGES, "chunks": 2},
        "results_root": merkle.root(bytes.fromhex(one["results_root"]) for one in chunks).hex(),
        "parts": {"images": {"planned": IMAGES, "results": {"deleted": IMAGES}},
                  "models": {"results": {}}, "recipients": {"results": {"told": 1}}},
    }  # fmt: skip
    return Said(statement, lines, chunks, items)


def _drop_line(one: Said) -> None:
    one.lines.pop()


def _swap_chunks(one: Said) -> None:
    one.chunks.reverse()


def _miscount(one: Said) -> None:
    one.chunks[1]["results"] = {"deleted": 2}


def _recount(one: Said) -> None:
    one.statement["parts"]["images"]["results"] = {"deleted": IMAGES - 1, "legal-hold": 1}


def _replace(one: Said) -> None:
    one.chunks[1]["results_root"] = "ab" * 32


def _retell(one: Said) -> None:
    one.statement["parts"]["recipients"]["results"] = {"not-reached": 1}


def _boast(one: Said) -> None:
    one.statement["exceptions"] = [{"why": "never-read", "count": 3}]


def _pose(one: Said) -> None:
    one.statement["kind"] = "certificate"


def _forget(one: Said) -> None:
    del one.statement["parts"]


# Each is refused by one check only, in these words.
NOT_ADDING_UP: list[tuple[Callable[[Said], None], str]] = [
    (_drop_line, "not those of the plan that was approved"),
    (_swap_chunks, "A chunk is missing"),
    (_miscount, "The counts of a chunk do not add up"),
    (_recount, "The counts in the statement are not those of the chunks"),
    (_replace, "What became of the photographs was changed"),
    (_retell, "The models and recipients in the statement are not those of the lines"),
    (_boast, "calls itself full, but what it lists says otherwise"),
    (_pose, "The entry of the log is not the statement of an order"),
    (_forget, "Something is missing in the file"),
]


class Signer:
    """Signs what it gets, each as the only entry of a log."""

    def __init__(self, log: str, private: Any) -> None:
        self.log, self.private = log, private

    def whole(self, one: Said) -> bytes:
        texts = ["".join(canonical(line).decode() + "\n" for line in given) for given in (one.lines, one.chunks)]
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        one.statement |= {"lines_digest": digests[0], "chunks_digest": digests[1]}
        statement, proof = self._signed(one)
        return verifying.write_order(statement, *texts, proof)

    def part(self, one: Said, number: int) -> bytes:
        """A whole chunk."""
        statement, proof = self._signed(one)
        other = bytes.fromhex(one.chunks[1 - number]["results_root"])
        items = one.items[number * verifying.SIZE :][: verifying.SIZE]
        return verifying.write_part(statement, number, 2, items, [other], proof)

    def photograph(self, one: Said) -> bytes:
        """The last one alone: its leaf is the root of the second chunk."""
        statement, proof = self._signed(one)
        other = bytes.fromhex(one.chunks[0]["results_root"])
        return verifying.write_part(statement, IMAGES - 1, IMAGES, one.items[-1:], [other], proof)

    def refused(self) -> Iterator[tuple[bytes, str]]:
        """Files that count nothing, with words that say why. None is found by the signature alone."""
        for change, words in NOT_ADDING_UP:
            one = said()
            change(one)
            yield self.whole(one), words
        whole, part = self.whole(said()), self.part(said(), 1)
        for name, words in (("lines", "The list of stores"), ("chunks", "The list of chunks")):
            yield rewritten(whole, **{name: json.loads(whole)[name] + "\n"}), words
        item = json.loads(part)["items"]
        for changed, words in (
            ({"items": item.replace('"deleted"', '"legal-hold"')}, "These photographs, or what is said of them"),
            ({"items": item[:-1]}, "A photograph is missing"),
            ({"number": 0}, "A photograph is missing"),
            ({"of": 3}, "The part is of another order"),
            ({"path": [json.loads(part)["path"][0].upper()]}, "not in the form in which it was issued"),
            ({"of": 2.5}, "not in the form in which it was issued"),
            ({"statement": 1}, "not in the form in which it was issued"),
            ({"format": "efface-order-part/2"}, "The file is not a certificate"),
        ):
            yield rewritten(part, **changed), words
        yield part.replace(b'"of": ', b'"of":  ', 1), "not in the form in which it was issued"
        yield part[:-9], "it is not JSON"

    def _signed(self, one: Said) -> tuple[str, str]:
        body = canonical(one.statement)
        note = notes.sign(write_head(Head(self.log, 1, merkle.leaf_hash(body))), self.log, self.private)
        return body.decode(), write_proof(Proof(0, (), note))


def rewritten(file: bytes, **changed: Any) -> bytes:
    return (json.dumps({**json.loads(file), **changed}, ensure_ascii=False, indent=1) + "\n").encode()

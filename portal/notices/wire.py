"""What goes over the wire, to the byte: signed texts, answers of recipients, and the lines and head of a feed. Pure.

Whoever holds copies runs `efface purge`, which reads this without an installation, so nothing here knows a database.

A photograph's SHA-256 is a handle to it, so it is never sent. What is sent is SHA-256(salt || SHA-256(file)). The salt
stands beside it, another one in each notice and each feed: who has the file finds it with one more hash, two lists
cannot be laid side by side, and no list of known digests made before can be looked up. It hides nothing from
somebody who has the file already, and cannot: finding it there is what the notice is for.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from portal.audit import merkle, notes
from portal.audit.checkpoint import Head, read_head, write_head
from portal.audit.signers import SigningKey
from portal.errors import BadInput

# The first line of each signed text says what it is: no signature of ours or theirs passes for one of another kind.
NOTICE, ANSWER = "efface-notice/1", "efface-answer/1"
FEED = "efface/feed/"
# What a recipient can say themselves.
RESULTS = ("erased", "nothing-held", "partly", "refused")
LARGEST_ANSWER = 64 * 1024
# Entries in one page of a feed: 109 KB.
PAGE = 1000
LINE = re.compile(r"\d{4}-\d\d-\d\d [0-9a-f]{64}( [0-9a-f]{32})?")
TAKEN = re.compile(r"- [0-9a-f]{64}")


@dataclass(frozen=True)
class Answer:
    """What a recipient signed. `notice` or `feed` (with how many entries of it were gone through) says about what."""

    result: str
    reason: str
    notice: str
    feed: str
    size: int
    facts: dict[str, Any]


def sign(kind: str, facts: dict[str, Any], name: str, key: SigningKey) -> str:
    """A signed note of two lines: what it is, and the facts as JSON."""
    return notes.sign(f"{kind}\n{json.dumps(facts, sort_keys=True, separators=(',', ':'))}\n", name, key)


def open_signed(kind: str, note: str, known: list[notes.Verifier]) -> tuple[dict[str, Any], notes.Verifier]:
    """The facts of a signed text, and who signed it. Raises NoteRefused, BadInput (signed, but not of this kind)."""
    opened = notes.open_note(note, known)
    lines = opened.text.split("\n")
    if len(lines) != 3 or lines[0] != kind:
        raise BadInput(f"The signed text is not of the kind {kind}.", "other-kind")
    try:
        facts = json.loads(lines[1])
    except (ValueError, RecursionError) as problem:
        raise BadInput("The signed text holds no JSON that can be read.", "no-json") from problem
    if not isinstance(facts, dict):
        raise BadInput("The signed text holds no JSON object.", "no-json")
    return facts, next(iter(opened.signed_by))


def read_answer(facts: dict[str, Any]) -> Answer:
    """The answer in the facts of a signed text. Raises BadInput naming the field that is wrong."""
    texts = {name: facts.get(name, "") for name in ("result", "reason", "notice", "feed")}
    for name, value in texts.items():
        if not isinstance(value, str) or len(value) > 5000:
            raise BadInput(f"The field {name} of the answer is not a text, or too long.", "bad-answer")
    size = facts.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadInput("The field size of the answer is not a number.", "bad-answer")
    if texts["result"] not in RESULTS:
        raise BadInput(f"The result of an answer is one of: {', '.join(RESULTS)}.", "bad-answer")
    if texts["result"] in ("refused", "partly") and not texts["reason"].strip():
        raise BadInput("The answer says that not everything was erased, and not why.", "no-reason")
    return Answer(**texts, size=size, facts=facts)


def salted(salt: bytes, digest: bytes) -> bytes:
    """SHA-256(salt || digest), 32 bytes. `digest` is the SHA-256 of the file's bytes."""
    return hashlib.sha256(salt + digest).digest()


def feed_origin(installation: str, name: str, version: str) -> str:
    """The name of a feed: of which installation (the mark in its log's name), which dataset and which version."""
    return f"{FEED}{installation}/{quote(name, safe='')}@{quote(version, safe='')}"


def feed_salt(origin: str) -> bytes:
    """The salt of a feed, 16 bytes. It follows from the signed name, so nobody can change it on the way."""
    return hashlib.sha256(b"efface feed salt\n" + origin.encode()).digest()[:16]


def write_line(day: str, digest: bytes, nonce: bytes) -> str:
    """One entry: the day on which it was taken out, the salted digest, and a random number (older ones have none).

    By that number the hash of the line tells nothing to who has the file, and may stay when the line is taken away.
    """
    return f"{day} {digest.hex()}" + (f" {nonce.hex()}" if nonce else "")


def write_taken(leaf: bytes) -> str:
    """What is given out in the place of an entry that was taken away: its hash, 32 bytes."""
    return f"- {leaf.hex()}"


def leaf_of(line: str) -> bytes:
    """The hash of an entry in the tree of the feed, also of one that was taken away."""
    return bytes.fromhex(line[2:]) if TAKEN.fullmatch(line) else merkle.leaf_hash(line.encode())


def read_line(line: str) -> bytes | None:
    """The salted digest of an entry, 32 bytes; None for one that was taken away. Raises NoteRefused."""
    if TAKEN.fullmatch(line):
        return None
    if not LINE.fullmatch(line):
        raise notes.NoteRefused("A line of the feed is not an entry.")
    return bytes.fromhex(line[11:75])


def sign_head(head: Head, name: str, key: SigningKey) -> str:
    return notes.sign(write_head(head), name, key)


def open_head(note: str, verifier: notes.Verifier) -> Head:
    """The head of a feed in a signed note. Raises NoteRefused."""
    head = read_head(notes.open_note(note, [verifier]).text)
    if not head.origin.startswith(FEED):
        raise notes.NoteRefused("The signed head is not that of a feed.")
    return head

"""Is every rewrite of the log found by whoever kept a head of it, and is no changed proof accepted?"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal import proofs
from portal.audit import merkle, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof

Log = list[bytes]
LARGEST = 200


def _edit(log: Log, old: int, chance: random.Random) -> Log:
    at = chance.randrange(old)
    return [*log[:at], log[at] + b"!", *log[at + 1 :]]


def _drop(log: Log, old: int, chance: random.Random) -> Log:
    at = chance.randrange(old)
    return [*log[:at], *log[at + 1 :], b"one more"]


def _reorder(log: Log, old: int, chance: random.Random) -> Log:
    at = chance.randrange(old - 1)
    return [*log[:at], log[at + 1], log[at], *log[at + 2 :]]


def _truncate(log: Log, old: int, chance: random.Random) -> Log:
    return log[: chance.randrange(1, old)]


def _fork(log: Log, old: int, chance: random.Random) -> Log:
    at = chance.randrange(old)
    return [*log[:at], *(b"fork %d" % number for number in range(at, len(log)))]


REWRITES: dict[str, Callable[[Log, int, random.Random], Log]] = {
    "edit": _edit,
    "drop": _drop,
    "reorder": _reorder,
    "truncate": _truncate,
    "fork": _fork,
}


def measure(rewrites: int, mutations: int, seed: int = 1) -> dict[str, Any]:
    """Rewrites of the log behind a head that somebody kept, and mutations of proofs: how many were found."""
    chance, key = random.Random(seed), Ed25519PrivateKey.generate()
    done = dict.fromkeys(REWRITES, 0)
    found = dict.fromkeys(REWRITES, 0)
    for number in range(rewrites):
        kind = list(REWRITES)[number % len(REWRITES)]
        done[kind] += 1
        found[kind] += _is_found(REWRITES[kind], chance)
    accepted, seconds = _mutate(mutations, chance, key)
    return {
        "name": "log",
        "figure": f"{sum(found.values())}/{rewrites} rewrites found, {accepted}/{mutations} changed proofs accepted",
        "target": f"{rewrites}/{rewrites} found, 0 accepted",
        "ok": found == done and accepted == 0,
        "counts": {
            **{kind: {"done": done[kind], "found": found[kind]} for kind in REWRITES},
            "mutations": mutations,
            "accepted": accepted,
            "seconds_to_check_a_proof": round(seconds, 6),
        },
    }


def _is_found(rewrite: Callable[[Log, int, random.Random], Log], chance: random.Random) -> bool:
    """The head of the honest log was kept by somebody; the rewritten one is signed, with the best proof it can make."""
    size = chance.randrange(3, LARGEST)
    log = [b"entry %d" % number for number in range(size)]
    old = chance.randrange(2, size + 1)
    head = merkle.root(merkle.leaf_hash(entry) for entry in log[:old])
    leaves = [merkle.leaf_hash(entry) for entry in rewrite(log, old, chance)]
    if len(leaves) < old:
        # A shorter log cannot even name a proof from the head that was kept.
        return not merkle.verify_consistency(old, len(leaves), head, merkle.root(leaves), [])
    tries = [merkle.consistency_proof(leaves, old), []]
    honest = [merkle.leaf_hash(entry) for entry in log]
    if len(honest) >= len(leaves) >= old:
        tries.append(merkle.consistency_proof(honest[: len(leaves)], old))
    tree = merkle.root(leaves)
    return not any(merkle.verify_consistency(old, len(leaves), head, tree, path) for path in tries)


def _mutate(mutations: int, chance: random.Random, key: Ed25519PrivateKey) -> tuple[int, float]:
    """How many of the changed proofs were accepted, and how long an honest one takes."""
    log = [b'{"entry":%d}' % number for number in range(1000)]
    leaves = [merkle.leaf_hash(entry) for entry in log]
    verifier = notes.verifier_of("efface/log/0", key.public_key().public_bytes_raw())
    note = notes.sign(write_head(Head(verifier.name, len(leaves), merkle.root(leaves))), verifier.name, key)
    index = 618
    proof = write_proof(Proof(index, tuple(merkle.inclusion_proof(leaves, index)), note))
    began = time.perf_counter()
    proofs.check_proof(log[index].decode(), proof, verifier)
    seconds = time.perf_counter() - began
    changed = (_changed(proof, number, chance) for number in range(mutations))
    return sum(_is_accepted(one, log[index].decode(), verifier) for one in changed), seconds


def _changed(proof: str, number: int, chance: random.Random) -> bytes:
    """A flipped bit; and tricks of format, that Python's own readers would let pass."""
    data = bytearray(proof.encode())
    if number % 5:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)
    tricks = [
        proof.replace("index ", "index +"),
        proof.replace("index ", "index 0"),
        proof.replace("index 618", "index 6_18"),
        proof.replace("index 618", "index ६१८"),
        proof.replace("\n1000\n", "\n1_000\n"),
        proof.replace("\n\n", "\n\n\n", 1),
        proof + " ",
        proof.replace("\n", "\r\n"),
        proof.replace("=\n", "=\n=\n", 1),
        proof.replace("@v1\n", "@v1\n" + "A" * 43 + "=\n" * chance.randrange(1, 3), 1),
        proof.replace("\n\n", "\n" + base64.b64encode(chance.randbytes(32)).decode() + "\n\n", 1),
    ]
    return tricks[number // 5 % len(tricks)].encode()


def _is_accepted(proof: bytes, statement: str, verifier: notes.Verifier) -> bool:
    try:
        proofs.check_proof(statement, proof.decode(), verifier)
    except (proofs.Refused, UnicodeDecodeError):
        return False
    return True

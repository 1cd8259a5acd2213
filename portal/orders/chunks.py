"""A chunk of an order: up to 1,024 photographs, how they are packed, hashed and listed. Pure functions on bytes.

The leaf of a photograph is that of an erasure's item (`portal.erasure.items`). The images' root is the RFC 6962 root
over all leaves; since chunks are full but for the last, it is also the root over the chunks' roots. The digest that
people approve is one node above it: SHA-256(0x01 || images' root || root over the models, products and recipients).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from portal.audit import merkle
from portal.erasure.items import leaf_of

SIZE = 1024
SALT = 16
NO_NEAR = b"\0" * 32

PLANNED, INTENT = b"p", b"i"
# What became of a photograph, as one letter: its state and its result.
ENDS: dict[bytes, tuple[str, str]] = {
    b"d": ("verified", "deleted"),
    b"a": ("verified", "already-absent"),
    b"h": ("withheld", "legal-hold"),
    b"c": ("refused", "content-changed"),
    b"r": ("residual", "residual"),
    b"x": ("refused", "archive-damaged"),
}
GONE = (b"d", b"a")
LETTER = {result: letter for letter, (_, result) in ENDS.items()}


class Item(NamedTuple):
    """One photograph of a plan. `near` is the near-duplicate digest, or 32 zero bytes."""

    image: int
    store: str
    key: str
    digest: bytes
    near: bytes
    salt: bytes


class Kept(NamedTuple):
    """What stands of it on the certificate. Who has the photograph can check the commitment by the salt."""

    image: int
    commitment: bytes
    salt: bytes


def pack(items: Sequence[Item]) -> bytes:
    """The photographs as bytes: a compressed head, then digests, near digests and salts of equal length."""
    stores = sorted({item.store for item in items})
    places = {store: place for place, store in enumerate(stores)}
    head = {
        "stores": stores,
        "in": [places[item.store] for item in items],
        "images": [item.image for item in items],
        "keys": [item.key for item in items],
    }
    parts = [b"".join(column) for column in zip(*((one.digest, one.near, one.salt) for one in items), strict=True)]
    return _packed(head, parts)


def unpack(data: bytes) -> list[Item]:
    """The photographs that were packed, in their order."""
    head, rest = _head(data)
    count = len(head["images"])
    digests, nears, salts = _columns(rest, count, 32, 32, SALT)
    stores = (head["stores"][place] for place in head["in"])
    return list(map(Item, head["images"], stores, head["keys"], digests, nears, salts))


def forget_places(data: bytes) -> bytes:
    """The chunk once nobody looks for its photographs any more: their digests stay, to tell whoever got them."""
    if not has_places(data):
        return data
    items = unpack(data)
    return _kept([one.image for one in items], [one.digest for one in items], [one.salt for one in items], digests=True)


def forget_digests(data: bytes) -> bytes:
    """The chunk once all is over, in whatever form it was: what is left lets a holder check, and nobody else."""
    kept = unpack_kept(data)
    return _kept([one.image for one in kept], [one.commitment for one in kept], [one.salt for one in kept])


def unpack_kept(data: bytes) -> list[Kept]:
    """What a certificate needs of the photographs, of a chunk in any form."""
    head, rest = _head(data)
    if "keys" in head:
        return [kept_of(one) for one in unpack(data)]
    told, salts = _columns(rest, len(head["images"]), 32, SALT)
    committed = map(_commitment, salts, told) if head.get("digests") else told
    return list(map(Kept, head["images"], committed, salts))


def kept_of(item: Item) -> Kept:
    return Kept(item.image, _commitment(item.salt, item.digest), item.salt)


def digests_in(data: bytes) -> list[bytes]:
    """The photographs' digests, of a chunk in any form; empty once they were forgotten."""
    head, rest = _head(data)
    if "keys" not in head and not head.get("digests"):
        return []
    return _columns(rest, len(head["images"]), 32)[0]


def images_in(data: bytes) -> list[int]:
    """The images of a chunk in any form."""
    images: list[int] = _head(data)[0]["images"]
    return images


def has_places(data: bytes) -> bool:
    """Whether it is still known where the photographs were."""
    return "keys" in _head(data)[0]


def _kept(images: list[int], told: list[bytes], salts: list[bytes], *, digests: bool = False) -> bytes:
    return _packed({"images": images, "digests": digests}, [b"".join(told), b"".join(salts)])


def _commitment(salt: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(salt + digest).digest()


def salts(count: int) -> Iterator[bytes]:
    drawn = secrets.token_bytes(SALT * count)
    return (drawn[at : at + SALT] for at in range(0, len(drawn), SALT))


def root(number: int, items: Iterable[Item]) -> bytes:
    """The root over the leaves of chunk `number` as they are planned."""
    return merkle.root(
        leaf_of("image", position, str(item.image), _commitment(item.salt, item.digest).hex())
        for position, item in enumerate(items, number * SIZE)
    )


def plan_digest(images_root: bytes, people: Iterable[bytes]) -> str:
    """What two people approve, hexadecimal."""
    return merkle.node_hash(images_root, merkle.root(people)).hex()


def lines(number: int, kept: Iterable[Kept], marks: bytes) -> list[bytes]:
    """The photographs of a chunk as they are certified, canonical JSON each; their hashes are the leaves of results."""
    return [
        _line(position, one, *ENDS[marks[place : place + 1]])
        for place, (position, one) in enumerate(enumerate(kept, number * SIZE))
    ]


def _line(position: int, one: Kept, state: str, result: str) -> bytes:
    # The sorted JSON written by hand: it is the same and takes a third of the time, three million times.
    return (
        b'{"commitment":"%b","image":%d,"kind":"image","position":%d,"result":"%b","salt":"%b","state":"%b",'
        b'"target":"%d"}'
        % (
            one.commitment.hex().encode(),
            one.image,
            position,
            result.encode(),
            one.salt.hex().encode(),
            state.encode(),
            one.image,
        )
    )


def results_root(certified: Iterable[bytes]) -> bytes:
    return merkle.root(map(merkle.leaf_hash, certified))


def tally(marks: bytes) -> dict[str, int]:
    """How many photographs came to each result."""
    return {result: count for letter, (_, result) in ENDS.items() if (count := marks.count(letter))}


def _packed(head: dict[str, Any], columns: Iterable[bytes]) -> bytes:
    packed = zlib.compress(json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode(), 1)
    return len(packed).to_bytes(4, "big") + packed + b"".join(columns)


def _head(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:4], "big")
    head: dict[str, Any] = json.loads(zlib.decompress(data[4 : 4 + length]))
    return head, data[4 + length :]


def _columns(data: bytes, count: int, *widths: int) -> list[list[bytes]]:
    columns, start = [], 0
    for width in widths:
        columns.append([data[start + width * row : start + width * (row + 1)] for row in range(count)])
        start += width * count
    return columns


def chunk_place(order_id: str, number: int) -> str:
    """Where a chunk of an order is sealed: without the same place it cannot be opened."""
    return f"order/{order_id}/chunk/{number}"

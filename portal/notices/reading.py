"""For holders of copies: reading a removal feed, and remembering how far it was, without an installation.

A feed is read from an https address, from a folder that `efface feed write` made, or from one file. Its head must be
signed by the key, its lines must give the head's root, and the lines seen before must be its beginning still.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from portal.audit import merkle, notes
from portal.audit.checkpoint import Head
from portal.errors import BadInput, EffaceError, Unavailable
from portal.notices import wire

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SECONDS = 30
LARGEST_HEAD = 16 * 1024
LARGEST_PAGE = 128 * 1024


class FeedRefused(EffaceError):
    """Nothing is done by it. `code`: feed-shortened, feed-changed, feed-incomplete, feed-unreadable, wrong-key."""

    code = "feed-unreadable"


@dataclass(frozen=True)
class Feed:
    """A feed that counts: its head, and the salted digests of its entries."""

    head: Head
    digests: frozenset[bytes]

    def has(self, digest: bytes) -> bool:
        """Whether the file with this SHA-256 must go."""
        return wire.salted(wire.feed_salt(self.head.origin), digest) in self.digests


class Source(Protocol):
    def head(self) -> str: ...

    def lines(self, size: int) -> Iterator[str]: ...


def read(source: str, key: str | None, memory: Memory) -> Feed:
    """The feed at an https address, in a folder or in a file, checked and remembered.

    `key` is the public key line of who runs the portal; it is needed the first time, and then remembered. Raises
    FeedRefused, BadInput (no key), Unavailable.
    """
    place = _source(source)
    note = place.head()
    known = memory.of(note.partition("\n")[0])
    head = _open(note, _verifier(key, known))
    if known is not None and head.size < known["size"]:
        raise FeedRefused(
            f"The feed was shortened: it has {head.size} entries, and had {known['size']}. Nothing was erased.",
            "feed-shortened",
        )
    digests = _checked(place.lines(head.size), head, known)
    memory.keep(head, key or str((known or {})["key"]))
    return Feed(head, digests)


class Memory:
    """What was seen of each feed, in one small file: entries, root and key. It only ever grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "heads.json"

    def of(self, origin: str) -> dict[str, Any] | None:
        return self._load().get(origin)

    def keep(self, head: Head, key: str) -> None:
        """Remember a head that was checked. It is on the disk when this returns."""
        with self._alone():
            heads = self._load()
            if head.size >= heads.get(head.origin, {"size": 0})["size"]:
                heads[head.origin] = {"size": head.size, "root": head.root.hex(), "key": key}
            draft = self.path.with_suffix(".new")
            with draft.open("w") as file:
                json.dump(heads, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)

    def _load(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            heads: dict[str, dict[str, Any]] = json.loads(self.path.read_text())
            if all({"size", "root", "key"} <= set(one) for one in heads.values()):
                return heads
        except (ValueError, AttributeError, TypeError) as problem:
            raise BadInput(f"{self.path} cannot be read. It remembers the feeds that were seen.") from problem
        raise BadInput(f"{self.path} is not what this program wrote.")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _verifier(key: str | None, known: dict[str, Any] | None) -> notes.Verifier:
    if key is None and known is None:
        raise BadInput("Say with --key whose feed this is: the line or file of their public key.", "no-key")
    if key is not None and known is not None and key != known["key"]:
        raise FeedRefused("This feed was signed with another key before. Nothing was erased.", "wrong-key")
    try:
        return notes.read_key_line(key or str((known or {})["key"]))
    except notes.NoteRefused as problem:
        raise BadInput(f"The public key cannot be read. {problem.sentence}", "no-key") from problem


def _open(note: str, verifier: notes.Verifier) -> Head:
    try:
        return wire.open_head(note, verifier)
    except notes.NoteRefused as problem:
        code = {"unknown-key": "wrong-key", "bad-signature": "feed-changed"}.get(problem.code, "feed-unreadable")
        raise FeedRefused(f"The head of the feed does not count. {problem.sentence}", code) from problem


def _checked(lines: Iterator[str], head: Head, known: dict[str, Any] | None) -> frozenset[bytes]:
    """All entries, once the tree over them is the signed one, and its beginning the one that was seen before."""
    digests, frontier = set[bytes](), list[bytes]()
    seen_before = known["size"] if known is not None else 0
    size = 0
    for size, line in enumerate(lines, 1):
        try:
            digest = wire.read_line(line)
        except notes.NoteRefused as problem:
            raise FeedRefused(f"Entry {size} of the feed cannot be read. {problem.sentence}") from problem
        if digest is not None:
            digests.add(digest)
        merkle.push(frontier, size - 1, wire.leaf_of(line))
        if size == seen_before and known is not None and merkle.fold(frontier).hex() != known["root"]:
            raise FeedRefused(
                f"The first {size} entries of the feed are not those that were seen before.", "feed-changed"
            )
    if size < head.size:
        raise FeedRefused(f"The feed should have {head.size} entries, and only {size} came.", "feed-incomplete")
    if merkle.fold(frontier) != head.root:
        raise FeedRefused("The entries of the feed are not those that were signed.", "feed-changed")
    return frozenset(digests)


def _source(source: str) -> Source:
    if "://" in source:
        return _Web(source.rstrip("/"))
    path = Path(source)
    return _Folder(path) if path.is_dir() else _File(path)


class _Web:
    def __init__(self, address: str) -> None:
        self.address = address

    def head(self) -> str:
        return _get(self.address, LARGEST_HEAD)

    def lines(self, size: int) -> Iterator[str]:
        yield from _of_pages(size, lambda number: _get(f"{self.address}/{number}", LARGEST_PAGE))


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def head(self) -> str:
        return _text(self.folder / "head", LARGEST_HEAD)

    def lines(self, size: int) -> Iterator[str]:
        yield from _of_pages(size, lambda number: _text(self.folder / str(number), LARGEST_PAGE))


class _File:
    """Head, an empty line, and the entries."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def head(self) -> str:
        top = _text(self.path, LARGEST_HEAD, whole=False).split("\n\n")
        if len(top) < 2:
            raise FeedRefused(f"{self.path} does not begin with the signed head of a feed.")
        return f"{top[0]}\n\n{top[1]}\n"

    def lines(self, size: int) -> Iterator[str]:
        try:
            with self.path.open(encoding="utf-8") as file:
                blank = 0
                # No entry is as long as this; a line without an end must not fill the memory.
                for line in iter(lambda: file.readline(1000), ""):
                    if blank == 2 and size > 0:
                        size -= 1
                        yield line.rstrip("\n")
                    blank += not line.strip("\n")
        except (OSError, UnicodeDecodeError) as problem:
            raise FeedRefused(f"{self.path} cannot be read to its end.") from problem


def _of_pages(size: int, page: Any) -> Iterator[str]:
    """The first `size` lines. A feed that grows meanwhile has more: those are for the next time."""
    for number in range(-(-size // wire.PAGE)):
        lines = page(number).split("\n")[:-1]
        left = min(wire.PAGE, size - number * wire.PAGE)
        if len(lines) < left:
            raise FeedRefused(
                f"Page {number} of the feed has {len(lines)} entries instead of {left}.", "feed-incomplete"
            )
        yield from lines[:left]


def _text(path: Path, most: int, whole: bool = True) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + whole)
    except OSError as problem:
        raise FeedRefused(f"{path} cannot be read: {problem.strerror}.") from problem
    if len(data) > most:
        raise FeedRefused(f"{path} is larger than a part of a feed can be.")
    return data.decode(errors="replace")


def hand_in(address: str, receipt: str) -> None:
    """Send a signed receipt to the `answer_signed_at` of a notice. Raises Unavailable, BadInput (no https address)."""
    _call(address, 16 * LARGEST_PAGE, receipt.encode())


def _get(address: str, most: int) -> str:
    return _call(address, most, None)


def _call(address: str, most: int, body: bytes | None) -> str:
    """What an address says. No redirect is followed: a feed is where it is said to be."""
    try:
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise BadInput("The address begins with https://.", "not-https")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with closing(kind(parts.netloc, timeout=SECONDS)) as connection:
            headers = {"Accept-Encoding": "identity", "Content-Type": "text/plain; charset=utf-8"}
            connection.request("POST" if body else "GET", parts.path or "/", body=body, headers=headers)
            response = connection.getresponse()
            data = response.read(most + 1)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise Unavailable(f"{address} cannot be reached ({type(problem).__name__}).") from problem
    if response.status != 200:
        raise Unavailable(f"{address} answered with {response.status}.")
    if len(data) > most:
        raise FeedRefused(f"{address} is larger than a part of a feed can be.")
    return data.decode(errors="replace")

"""Reading a manifest of pictures that somebody else holds: where each is, and by which digest it is known.

CSV or JSON Lines as any manifest, with `url` and `sha256` on each line. `key` names a picture; without it the address
does. `size` is its bytes. `account`, `source_url`, `taken_at` and free columns are kept as those of other manifests.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portal import fetching
from portal.errors import BadInput, BadManifest
from portal.stores import links, tree
from portal.stores.manifest_files import Line, line_of, once_each, records_of, wrong

LARGEST_MANIFEST = 256 * 1024 * 1024
LARGEST_PICTURE = 32 * 1024 * 1024
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
WHY = {
    "not-https": "the address must begin with https://, without a name, a password or a port in it",
    "host-not-allowed": "its website is not one that may be asked. EFFACE_HOLDER_HOSTS lists those that may",
}


@dataclass(frozen=True, slots=True)
class Held:
    """One picture: where it is, the SHA-256 of its bytes, how many these are (0: not said), and its line."""

    url: str
    digest: bytes
    size: int
    line: Line


@dataclass(frozen=True)
class Manifest:
    """All pictures of a manifest in the order of their keys, and by key."""

    keys: Sequence[str]
    by_key: dict[str, Held]

    def after(self, key: str | None) -> Sequence[str]:
        return self.keys if key is None else self.keys[bisect_right(self.keys, key) :]


def read(path: Path, hosts: Sequence[str]) -> Manifest:
    """The manifest that lies at `path` now. Raises BadManifest naming the line; OSError when it cannot be read."""
    seen = os.stat(path)
    if seen.st_size > LARGEST_MANIFEST:
        raise BadManifest(f"The manifest is larger than {LARGEST_MANIFEST >> 20} megabytes. Split it into several.")
    return _read(str(path), (seen.st_ino, seen.st_size, seen.st_mtime_ns), tuple(hosts))


@lru_cache(maxsize=2)
def _read(path: str, _seen: tuple[int, int, int], hosts: tuple[str, ...]) -> Manifest:
    """Each picture asks for its line: the file is read once for as long as it stays as it is."""
    held: dict[str, Held] = {}

    def line(number: int, record: dict[str, Any]) -> Line:
        one = _held(number, dict(record), hosts)
        held.setdefault(one.line.key, one)
        return one.line

    records = records_of(path, Path(path).read_bytes(), "url")
    for _ in once_each(line(number, record) for number, record in records):
        pass
    return Manifest(sorted(held), held)


def _held(number: int, record: dict[str, Any], hosts: tuple[str, ...]) -> Held:
    url, digest = record.pop("url", None), record.pop("sha256", None)
    size = str(record.pop("size", None) or "0")
    if not isinstance(url, str) or not url.strip():
        wrong(number, "column url: it is empty. It must say where the picture is.")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest.strip()):
        wrong(number, "column sha256: it must be the SHA-256 of the picture's bytes, 64 signs from 0 to 9 and a to f.")
    if not size.isdecimal() or int(size) > LARGEST_PICTURE:
        wrong(number, f"column size: it must be a number of bytes, at most {LARGEST_PICTURE}.")
    _check_address(number, url.strip(), hosts)
    record["source_url"] = record.get("source_url") or url
    record["key"] = record.get("key") or url.strip().partition("://")[2]
    line = line_of(number, record)
    try:
        tree.names_of(line.key)
    except BadInput:
        wrong(number, "column key: no name may be empty, . or .. between its slashes. Give the picture another key.")
    return Held(url.strip(), bytes.fromhex(digest.strip()), int(size), line)


def _check_address(number: int, url: str, hosts: tuple[str, ...]) -> None:
    """The fetcher refuses the same when it is asked; here the operator hears of it, with the line."""
    try:
        links.canonical(url)
        fetching.place_of(url, list(hosts))
    except BadInput as problem:
        wrong(number, f"column url: {problem.sentence}")
    except fetching.Refused as problem:
        website = f" ({urlsplit(url).hostname})" if str(problem) == "host-not-allowed" else ""
        wrong(number, f"column url: {WHY[str(problem)]}{website}.")

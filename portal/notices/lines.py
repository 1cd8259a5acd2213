"""The lines of the removal feeds once more, in files beside the database and outside of its backups.

A feed only ever grows, for whoever read it, too. Lines are written here before they are committed: a restored database,
or one whose process was killed in between, gets them from here. What was rolled back stays in a feed: it was gone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from portal.audit import heads, mirror
from portal.config import Config
from portal.errors import Conflict

FOLDER, SAID = "feeds", "feed.json"


class Line(NamedTuple):
    """One photograph that was taken out: the number of its tombstone, the salted digest, the day, a random number.

    Of one that was `taken` away the hash of the line stands in the place of the digest.
    """

    image_id: int
    digest: bytes
    day: date
    nonce: bytes = b""
    taken: bool = False


def folder_of(config: Config, dataset_id: str) -> Path:
    return heads.folder_of(config) / FOLDER / dataset_id


def count(folder: Path) -> int:
    return mirror.count(folder)


def write(folder: Path, start: int, some: list[Line], said: dict[str, str]) -> None:
    """Write the lines from position `start` on, which has to be the next one. On the disk when this returns.

    `said` is what the dataset has to have again where a restored database does not know it.
    """
    if not (folder / SAID).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{SAID}.new"
        draft.write_text(json.dumps(said))
        draft.replace(folder / SAID)
    mirror.extend(folder, start, [_body(one) for one in some])
    heads.sync_folder(folder)


def take_away(folder: Path, leaves: dict[int, bytes]) -> None:
    """Write the file anew with these hashes, by position, in the place of their digests. On the disk when it returns.

    The caller sees to it that nobody else writes at the same time. What is taken already stays so.
    """
    draft = folder / f"{mirror.NAME}.new"
    with draft.open("wb") as file:
        for position, one in enumerate(read(folder)):
            if position in leaves:
                one = one._replace(digest=leaves[position], nonce=b"", taken=True)
            file.write(b"%d %b\n" % (position, _body(one)))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / mirror.NAME)
    heads.sync_folder(folder)


def _body(one: Line) -> bytes:
    return f"{one.image_id} {one.day} {one.digest.hex()} {'-' if one.taken else one.nonce.hex()}".rstrip().encode()


def read(folder: Path) -> Iterator[Line]:
    """All lines in order. Raises Conflict, code feed-broken, where the file was changed."""
    for body in mirror.read(folder):
        try:
            image_id, day, digest, *rest = body.decode().split(" ")
            (nonce,) = rest or [""]
            taken = nonce == "-"
            number = b"" if taken else bytes.fromhex(nonce)
            yield Line(int(image_id), bytes.fromhex(digest), date.fromisoformat(day), number, taken)
        except ValueError as problem:
            raise Conflict(f"A line in {folder / mirror.NAME} is not one of a feed.", "feed-broken") from problem


def kept(config: Config) -> Iterator[dict[str, str]]:
    """What was said of the dataset of each feed that has lines."""
    for path in sorted((heads.folder_of(config) / FOLDER).glob(f"*/{SAID}")):
        yield json.loads(path.read_text())

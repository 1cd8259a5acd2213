"""For holders of copies: going through folders, and erasing what a feed names. It never leaves the folders.

Links are not followed. A file is opened once; what was hashed and what is erased are made sure to be the same: it is
set aside under a name of its own first, and put back where it was changed or exchanged meanwhile. Killed at any
instant, a second run ends what the first began: a file that was set aside is found like any other.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ASIDE = ".efface-purge-"
OPENING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Tell = Callable[[str, str], None]
Inode = tuple[int, int]


class Changed(OSError):
    """The file is not the one any more that was looked at."""


@dataclass
class Counts:
    """What came of it. `left`: erased and there again, or still there under a name outside of the folders."""

    checked: int = 0
    found: int = 0
    removed: int = 0
    left: int = 0
    unreadable: int = 0
    skipped: int = 0
    gone: list[str] = field(default_factory=list)
    other_names: dict[Inode, int] = field(default_factory=dict)


def purge(
    paths: Iterable[Path], wanted: Callable[[bytes], bool], tell: Tell, journal: Callable[[bytes, Inode], None] | None
) -> Counts:
    """Erase each file below `paths` whose SHA-256 is `wanted`; without a `journal`, only count them.

    `tell(word, path)` is called for what was `found` and what could not be done; `journal` just before an erasure.
    """
    counts = Counts()
    for folder, descriptor, name in _files(paths, counts, tell):
        path = os.path.join(folder, name)
        try:
            _look(descriptor, name, path, wanted, counts, tell, journal)
        except OSError as problem:
            if problem.errno == errno.ELOOP:
                counts.skipped += 1
                continue
            counts.unreadable += 1
            tell(problem.strerror or "was changed while it was looked at, and stays", path)
    if journal is not None:
        _look_again(wanted, counts, tell)
    return counts


def digest_of(descriptor: int) -> bytes:
    """SHA-256 of an open file."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _look(
    folder: int,
    name: str,
    path: str,
    wanted: Callable[[bytes], bool],
    counts: Counts,
    tell: Tell,
    journal: Callable[[bytes, Inode], None] | None,
) -> None:
    descriptor = os.open(name, OPENING, dir_fd=folder)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            counts.skipped += 1
            return
        digest = digest_of(descriptor)
        counts.checked += 1
        if not wanted(digest):
            return
        counts.found += 1
        tell("found", path)
        if journal is not None:
            journal(digest, (before.st_dev, before.st_ino))
            _erase(folder, name, descriptor, before)
            counts.removed += 1
            counts.gone.append(path)
            counts.other_names[before.st_dev, before.st_ino] = before.st_nlink - 1
    finally:
        os.close(descriptor)


def _erase(folder: int, name: str, descriptor: int, before: os.stat_result) -> None:
    """Raises Changed, with the file back in its place, when it is not the one that was hashed."""
    aside = f"{ASIDE}{secrets.token_hex(8)}"
    os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
    there, now = os.stat(aside, dir_fd=folder, follow_symlinks=False), os.fstat(descriptor)
    same = (there.st_dev, there.st_ino) == (before.st_dev, before.st_ino)
    if not same or (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        _put_back(folder, aside, name)
        raise Changed
    os.unlink(aside, dir_fd=folder)


def _put_back(folder: int, aside: str, name: str) -> None:
    """By a link, not by a rename: whoever has put another file there meanwhile keeps it."""
    try:
        os.link(aside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as problem:
        raise OSError(problem.errno, f"was exchanged meanwhile, and is now called {aside}") from problem
    os.unlink(aside, dir_fd=folder)


def _look_again(wanted: Callable[[bytes], bool], counts: Counts, tell: Tell) -> None:
    """By the paths this time: what was erased must not be there, nor live on under another name."""
    for folder in {os.path.dirname(path) for path in counts.gone}:
        _settle(folder)
    for path in counts.gone:
        try:
            descriptor = os.open(path, OPENING)
        except FileNotFoundError:
            continue
        except OSError as problem:
            if problem.errno in (errno.ELOOP, errno.ENOTDIR):
                continue
            counts.left += 1
            tell(problem.strerror or "cannot be looked at again", path)
            continue
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and wanted(digest_of(descriptor)):
                counts.left += 1
                tell("is there again", path)
        finally:
            os.close(descriptor)
    outside = sum(names > 0 for names in counts.other_names.values())
    if outside:
        counts.left += outside
        tell(f"{outside} erased files have another name outside of what was looked through", "")


def _settle(folder: str) -> None:
    """A power cut after this brings no name back. A folder that is gone itself needs none of it."""
    try:
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(paths: Iterable[Path], counts: Counts, tell: Tell) -> Iterator[tuple[str, int, str]]:
    """Each file as its folder, the open folder and its name."""

    def unreadable(problem: OSError) -> None:
        counts.unreadable += 1
        tell(problem.strerror or "cannot be read", str(problem.filename))

    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except OSError as problem:
            unreadable(problem)
            continue
        if stat.S_ISLNK(mode):
            unreadable(OSError(errno.ELOOP, "is a link, and links are not followed: name the folder itself", str(path)))
        elif stat.S_ISDIR(mode):
            yield from _below(path, unreadable)
        else:
            yield from _alone(path, unreadable)


def _below(path: Path, unreadable: Callable[[OSError], None]) -> Iterator[tuple[str, int, str]]:
    try:
        for folder, _folders, names, descriptor in os.fwalk(path, onerror=unreadable, follow_symlinks=False):
            for name in names:
                yield folder, descriptor, name
    except OSError as problem:
        unreadable(problem)
    except RecursionError:
        unreadable(OSError(errno.ENAMETOOLONG, "has too many folders within folders", str(path)))


def _alone(path: Path, unreadable: Callable[[OSError], None]) -> Iterator[tuple[str, int, str]]:
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        unreadable(problem)
        return
    try:
        yield str(path.parent), descriptor, path.name
    finally:
        os.close(descriptor)

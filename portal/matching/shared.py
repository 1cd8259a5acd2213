"""Rows of templates in memory that all processes of the machine share: one file in a tmpfs, mapped by each of them.

No plaintext template may rest on a disk. So where there is no tmpfs, or it is full, the rows lie in the memory of one
process alone. The file belongs to the portal's own account (0600 in a folder 0700), is left out of core dumps, and
`efface up` takes it away when it starts and when it stops.

The layout: a header, then the template ids (int64, 0 where a row is empty), then from VECTORS_AT the rows (float32):
the template, half its squared length, zeros up to a multiple of four. The gaps of the file cost no memory.

Who writes holds the lock alone, who searches shares it; the kernel frees the lock of a process that is killed. A writer
says in the header that it has begun: who finds that without a writer throws everything away and starts afresh, so a
row half-written or half-overwritten is never left.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.config import Config
from portal.errors import Unavailable, UnsafeConfig

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

TMPFS = Path("/dev/shm")  # noqa: S108 - the folder made there is checked before it is used
HEADER = mmap.PAGESIZE
VECTORS_AT = HEADER + 8 * 2**28
MARK = 0x1_EFFACE_0001


class NoRoom(Unavailable):
    """The tmpfs, or the machine's memory, cannot hold the rows."""

    code = "gallery-full"


def folder_of(config: Config) -> Path | None:
    """Where the shared rows of this installation lie; None where the machine has no tmpfs."""
    if not TMPFS.is_dir() or sys.platform != "linux":
        return None
    place = f"{config.data.absolute()}|{config.database}"
    return TMPFS / f"efface-{os.getuid()}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def forget(config: Config) -> None:
    """Take all shared rows of this installation away. A process that still searches keeps its own until it is done."""
    folder = folder_of(config)
    if folder is not None and _is_ours(folder):
        shutil.rmtree(folder)


class Rows:
    """Template ids (n,) and rows (n, width) of one encoder, in `path`, or without one in this process alone."""

    def __init__(self, path: Path | None, dimensions: int) -> None:
        self.path = path
        self.dimensions = dimensions
        self.width = -(-(dimensions + 1) // 4) * 4
        self.ids: Ids = np.empty(0, np.int64)
        self.table: Vectors = np.empty((0, self.width), np.float32)
        self.newest = 0
        self._file: int | None = None
        self._inode = 0

    def __len__(self) -> int:
        return int(np.count_nonzero(self.ids))

    @property
    def vectors(self) -> Vectors:
        """The templates (n, dimensions), zeros where a row is empty."""
        return self.table[:, : self.dimensions]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the rows for writing. Rows that a killed writer left are thrown away first."""
        with self._locked(fcntl.LOCK_EX):
            if self._look() is None:
                self._start_afresh()
            yield

    @contextmanager
    def together(self) -> Iterator[bool]:
        """Hold the rows for reading. False when a writer was killed, or they were taken away: put them right first."""
        with self._locked(fcntl.LOCK_SH):
            yield self._look() is not None

    def put(self, ids: Ids, vectors: Vectors) -> None:
        """Write rows (k,), (k, dimensions) into empty places. Raises NoRoom, and then nothing has changed."""
        if not len(ids):
            return
        self.make_room(len(ids))
        places = np.flatnonzero(self.ids == 0)[: len(ids)]
        with self._begun():
            self.table[places, : self.dimensions] = vectors
            self.table[places, self.dimensions] = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64) / 2
            self.ids[places] = ids
            self.newest = max(self.newest, int(ids.max()))

    def drop(self, ids: Ids) -> None:
        """Overwrite these rows with zeros. Ids that are not there are passed by."""
        places = np.flatnonzero(np.isin(self.ids, ids))
        with self._begun():
            self.table[places] = 0
            self.ids[places] = 0

    def make_room(self, count: int) -> None:
        """Have at least `count` empty places. Raises NoRoom."""
        missing = count - (len(self.ids) - len(self))
        if missing > 0:
            self._grow(len(self.ids) + missing)

    def take_away(self) -> None:
        """Give the memory back. Only for who holds the rows alone."""
        self.ids, self.table, self.newest = self.ids[:0].copy(), self.table[:0].copy(), 0
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        self.ids, self.table = np.empty(0, np.int64), np.empty((0, self.width), np.float32)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        if self.path is None:
            yield
            return
        while True:
            file = self._open(self.path)
            fcntl.flock(file, kind)
            if _inode(self.path) == self._inode:
                break
            # Somebody took it away while we waited: what we hold is nobody's any more.
            self.close()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _open(self, path: Path) -> int:
        if self._file is None:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if not _is_ours(path.parent):
                raise UnsafeConfig(f"{path.parent} belongs to somebody else, or others can read it. Take it away.")
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                return self._open(path)  # The folder was taken away at this very moment.
            self._inode = os.fstat(self._file).st_ino
        return self._file

    def _look(self) -> int | None:
        """Map the rows as the header says. Their number; None where they cannot be trusted."""
        if self._file is None:
            return len(self.ids)
        header = np.frombuffer(os.pread(self._file, 40, 0), np.int64)
        if len(header) < 5 or list(header[:3]) != [MARK, self.dimensions, 0]:
            return None
        rows, self.newest = int(header[3]), int(header[4])
        if rows != len(self.ids):
            self._map(rows)
        return rows

    def _start_afresh(self) -> None:
        self.take_away()
        self._write_header(0)

    def _write_header(self, begun: int) -> None:
        if self._file is not None:
            fields = np.array([MARK, self.dimensions, begun, len(self.ids), self.newest], np.int64)
            os.pwrite(self._file, fields.tobytes(), 0)

    @contextmanager
    def _begun(self) -> Iterator[None]:
        """Between the two headers the rows must not be trusted. An error leaves the first: all is thrown away."""
        self._write_header(1)
        yield
        self._write_header(0)

    def _grow(self, rows: int) -> None:
        if self._file is None:
            self._grow_alone(rows)
            return
        try:
            # Writing to a mapped page that the tmpfs cannot back would kill this process, so each is asked for first.
            os.posix_fallocate(self._file, 0, HEADER + rows * 8)
            os.posix_fallocate(self._file, VECTORS_AT, rows * self.width * 4)
        except OSError as problem:
            raise NoRoom(f"{TMPFS} has no room for {rows} face templates: {problem.strerror}.") from problem
        self._map(rows)
        self._write_header(0)

    def _grow_alone(self, rows: int) -> None:
        """Room for some more than asked for: each growing copies all."""
        roomy = max(rows, len(self.ids) + len(self.ids) // 20)
        ids, table = np.zeros(roomy, np.int64), np.zeros((roomy, self.width), np.float32)
        ids[: len(self.ids)], table[: len(self.ids)] = self.ids, self.table
        self.ids, self.table = ids, table

    def _map(self, rows: int) -> None:
        self.ids = self._mapped(0, HEADER + rows * 8)[HEADER:].view(np.int64)
        self.table = self._mapped(VECTORS_AT, rows * self.width * 4).view(np.float32).reshape(rows, self.width)

    def _mapped(self, start: int, length: int) -> NDArray[Any]:
        if self._file is None or not length:
            return np.empty(0, np.uint8)
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        memory = mmap.mmap(self._file, length, flags=flags, offset=start)
        if hasattr(mmap, "MADV_DONTDUMP"):
            memory.madvise(mmap.MADV_DONTDUMP)
        return np.frombuffer(memory, np.uint8)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder that only this account can enter: anybody may make one in a tmpfs."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077

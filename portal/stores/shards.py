"""What lies in a tar file and where, read from its headers alone. Nothing is ever unpacked.

A shard is somebody else's file and may lie about sizes, names and its own end. What cannot be read to the end in
order is `damaged`: in such a shard nothing can be said to be gone, so nothing is erased in it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from portal.stores import tree

# A long name or a set of attributes is a few kilobytes; the header of one that says more is lying.
LARGEST_HEADER = 1 << 20
MOST_MEMBERS = 2_000_000
CHUNK = 1 << 20
PICTURES = {"jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "ppm", "pgm", "jp2"}
LONGEST_NAME = 1_000
BROKEN = (tarfile.TarError, RecursionError, OverflowError, ValueError, EOFError)


@dataclass(frozen=True)
class Member:
    """One file in a shard: where its headers begin, its data, their size, and where what follows it begins. Bytes."""

    start: int
    data: int
    size: int
    end: int


@dataclass
class Shard:
    """The files of one shard by their names; a name that was stored twice has its older versions first.

    `damaged` says why it could not be read to its end. `left_out` counts what lies in it and was not looked at.
    """

    members: dict[str, list[Member]] = field(default_factory=dict)
    damaged: str = ""
    left_out: int = 0

    def pictures(self) -> list[str]:
        """The names to look at, in order: all but the texts and labels in the samples of pictures."""
        with_picture = {_sample(name) for name in self.members if is_picture(name)}
        return sorted(name for name in self.members if is_picture(name) or _sample(name) not in with_picture)

    def holds(self, name: str) -> bool:
        return name in self.members

    def size(self, name: str) -> int:
        """Bytes of the newest of that name."""
        return self.members[name][-1].size

    def problem(self) -> str:
        """Why not all of it can be looked at, as the end of a sentence; empty when all can."""
        if self.damaged:
            return self.damaged
        return f"{self.left_out} files in it have a name or a form that is not opened" if self.left_out else ""

    def going_with(self, names: set[str]) -> set[str]:
        """`names` and what belongs to them: the texts and labels of a sample whose last picture goes.

        A sample is what has the same name up to the first dot (WebDataset).
        """
        samples: dict[str, set[str]] = {}
        touched = {_sample(name) for name in names}
        for name in self.members:
            if _sample(name) in touched:
                samples.setdefault(_sample(name), set()).add(name)
        gone = set(names)
        for sample in samples.values():
            if not any(is_picture(name) for name in sample - names):
                gone |= sample
        return gone


class _Careful:
    """A file that refuses to read more at once than a header may be long: the size is the archive's own word."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError("a header is too large")
        return self._file.read(size)


def is_picture(name: str) -> bool:
    """Whether the name says that this is a picture: the rest of a sample goes with its last one."""
    return name.rpartition(".")[2].lower() in PICTURES


def read_shard(file: BinaryIO, size: int) -> Shard:
    """The members of an open tar file of `size` bytes. What is wrong with it is in the answer. Raises OSError."""
    shard = Shard()
    try:
        with tarfile.open(fileobj=_Careful(file), mode="r:", encoding="utf-8") as archive:  # type: ignore[call-overload]
            end = _read_members(archive, shard, size)
        if not _ends_well(file, end, size):
            shard.damaged = "it does not end as an archive does"
    except BROKEN:
        shard.damaged = "it is cut off, or no tar file"
    return shard


def _read_members(archive: tarfile.TarFile, shard: Shard, size: int) -> int:
    end = number = 0
    while (info := archive.next()) is not None:
        start, end, number = end, archive.offset, number + 1
        if not start <= info.offset <= info.offset_data <= end <= size or info.size < 0 or number > MOST_MEMBERS:
            raise tarfile.ReadError("a size is wrong")
        # Links and folders hold no bytes; tarfile would otherwise keep every one of millions of them.
        archive.members.clear()  # type: ignore[attr-defined]
        if info.isreg():
            _add(shard, info, Member(info.offset, info.offset_data, info.size, end))
    return end


def _add(shard: Shard, info: tarfile.TarInfo, member: Member) -> None:
    name = plain_name(info.name)
    if name is None or info.issparse():
        shard.left_out += 1
    else:
        shard.members.setdefault(name, []).append(member)


def plain_name(stored: str) -> str | None:
    """The name by which a member is called here, or None for one that leads out: `./a//b` is `a/b`."""
    name = tree.key_of("/".join(part for part in stored.split("/") if part not in {"", "."}))
    leads_out = stored.startswith("/") or ".." in stored.split("/") or "\0" in stored
    if leads_out or not name or len(name) > LONGEST_NAME or (not name.isascii() and _has_halves(name)):
        return None
    return name


def _has_halves(name: str) -> bool:
    """Whether it has halves of letters, which cannot be written down."""
    return any(0xD800 <= ord(letter) < 0xE000 for letter in name)


def _ends_well(file: BinaryIO, end: int, size: int) -> bool:
    """Whether only zeros follow the last member, and enough of them. A second archive behind the first is not seen."""
    file.seek(end)
    if size - end < 2 * tarfile.BLOCKSIZE:
        return False
    while block := file.read(CHUNK):
        if block.count(0) != len(block):
            return False
    return True


def copy_without(source: BinaryIO, target: BinaryIO, size: int, gone: list[Member]) -> None:
    """Copy `size` bytes but those of the members that go: all else keeps its bytes and its order."""
    place = 0
    for member in sorted(gone, key=lambda member: member.start):
        _copy(source, target, place, member.start)
        place = member.end
    _copy(source, target, place, size)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    for chunk in chunks(source, end - start):
        target.write(chunk)


def chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """`size` bytes of a file from where it stands. Raises OSError when there are fewer."""
    while size:
        chunk = file.read(min(CHUNK, size))
        if not chunk:
            raise OSError("the file became shorter while it was read")
        size -= len(chunk)
        yield chunk


def names_in(file: BinaryIO) -> Iterator[str]:
    """All names in a tar file, read as a stream from end to end, past its end mark too. Raises what `BROKEN` lists."""
    with tarfile.open(fileobj=file, mode="r|", encoding="utf-8", ignore_zeros=True) as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]
            name = plain_name(info.name)
            if name is not None and info.isreg():
                yield name


def _sample(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]

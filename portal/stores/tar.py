"""A store that is a folder of tar files, plain ones or the shards of a WebDataset. A key is `shard.tar/name in it`.

Nothing is unpacked. A photograph is erased by writing its shard anew beside the old one, without it, and putting the
new one in the old one's place at once: a reader sees the old shard or the new one, and all that stays keeps its bytes
and its order. Compressed archives are left out; `check` names them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, BinaryIO, Literal

from portal.errors import NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.stores import tree
from portal.stores.connector import LARGEST_OBJECT, Check, Found, Texts
from portal.stores.folder import FILE, NEW_FILE, Folder
from portal.stores.shards import BROKEN, Member, Shard, chunks, copy_without, names_in, read_shard

COMPRESSED = (".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar.lz4")
# Reading a shard's headers is a seek for each member: the last few shards' are kept, for as long as they are the same.
SHARDS_KEPT = 8
NAMED = 3


# Inside a class with a method called `list`, the type needs another name.
Members = list[Member]
Result = Literal["deleted", "already-absent"]


class Tar(Folder):
    """Connector to a folder of tar files. Settings: `folder`, an absolute path. See `Connector` for the methods.

    A shard that is damaged, or holds what cannot be looked at, is itself listed, as an object that cannot be read.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        super().__init__(name, settings, may_erase, mark)
        self._known: dict[str, tuple[str, Shard]] = {}

    def check(self) -> Check:
        base = super().check()
        notes = [note for note in base.notes if note != "The folder is empty."]
        others = [key for key, _ in tree.walk(str(self.root), None) if _shard_of(key) != key]
        packed = [key for key in others if key.lower().endswith(COMPRESSED)]
        if not base.sample:
            notes.append("There is no photograph in a .tar file here.")
        if packed:
            notes.append(f"Compressed archives are left out. Unpack them to .tar first: {', '.join(packed[:NAMED])}.")
        if len(others) > len(packed):
            notes.append(f"Files that are no .tar files are left out ({len(others) - len(packed)} seen).")
        notes.append("With the last picture of a sample its texts and labels go: files of the same name up to the dot.")
        return replace(base, notes=notes)

    def count(self) -> int:
        return sum(1 for _ in self._listed(None))

    def list(self, after: str | None = None) -> Iterator[Found]:
        for key, file, status, members in self._listed(after):
            if members:
                version = _digest(file, members, "blake2b").hex()[:32]
                yield Found(key, members[-1].size, f"{members[-1].size}-{version}")
            else:
                yield Found(key, status.st_size, _version(status))

    def open(self, key: str) -> bytes:
        place, name = _split(key)
        with self._shard(place) as (file, _, shard):
            if not name and shard.problem():
                sentence = f"The archive {place} cannot be looked at as a whole: {shard.problem()}."
                raise ObjectUnreadable(sentence)
            if name not in shard.members:
                raise NotFound(f"This photograph is not in {self.name} any more.")
            member = shard.members[name][-1]
            if member.size > LARGEST_OBJECT:
                raise TooLarge(f"This file is larger than {LARGEST_OBJECT >> 20} megabytes, so it was not looked at.")
            file.seek(member.data)
            return b"".join(chunks(file, member.size))

    def erase_copy(self, ref: str, digest: bytes) -> Result:
        results = self.erase_together({ref: digest})
        if ref not in results:
            self._changed()
        return results[ref]

    def erase_together(self, wanted: Mapping[str, bytes]) -> dict[str, Result]:
        """Erase many copies, writing each shard anew once. Those whose bytes are others are kept, and not answered."""
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        by_shard: dict[str, dict[str, bytes]] = {}
        for ref, digest in wanted.items():
            place, name = _split(ref)
            by_shard.setdefault(place, {})[name] = digest
        results: dict[str, Result] = {}
        for place, digests in by_shard.items():
            for name, result in self._erase_in(place, digests).items():
                results[f"{place}/{name}" if name else place] = result
        return results

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Reads the shard as one stream to its last byte, where `erase_copy` went by the places of its members."""
        place, name = _split(ref)
        if super().probe_copy(place) == "absent":
            return "absent"
        try:
            with os.fdopen(os.open(self.root.joinpath(*tree.names_of(place)), FILE), "rb") as file:
                return "present" if not name or name in names_in(file) else "absent"
        except BROKEN as problem:
            raise self._damaged(place, "it cannot be read to its end") from problem
        except OSError as problem:
            self._away(problem)

    def _listed(self, after: str | None) -> Iterator[tuple[str, BinaryIO, os.stat_result, Members]]:
        """(key, shard's file, its status, members) of each object after `after`; no members for a broken shard."""
        for order, place in self._in_order():
            if after is not None and order <= after and not after.startswith(order):
                continue
            with suppress(NotFound), self._shard(place) as (file, status, shard):
                if order == place:
                    if shard.problem() and (after is None or place > after):
                        yield place, file, status, []
                    continue
                for name in shard.pictures():
                    if after is None or order + name > after:
                        yield order + name, file, status, shard.members[name]
        self._still_there()

    def _in_order(self) -> Iterator[tuple[str, str]]:
        """Each shard twice: in the order in which it would itself be listed, and in that of the keys in it."""
        places = [key for key, _ in self._walk(None) if _shard_of(key) == key]
        yield from sorted((order, place) for place in places for order in (place, place + "/"))

    @contextmanager
    def _shard(self, place: str) -> Iterator[tuple[BinaryIO, os.stat_result, Shard]]:
        """One shard, open, with its members as far as they are known. Raises NotFound, StoreUnavailable."""
        with self._parent(place) as (parent, last):
            if parent is None:
                raise NotFound(f"This archive is not in {self.name} any more.")
            try:
                with os.fdopen(os.open(last, FILE, dir_fd=parent), "rb") as file:
                    status = os.fstat(file.fileno())
                    if not stat.S_ISREG(status.st_mode):
                        raise NotFound(f"This name in {self.name} is not a file any more.")
                    yield file, status, self._members(place, file, status)
            except OSError as problem:
                self._unreadable(problem)

    def _members(self, place: str, file: BinaryIO, status: os.stat_result) -> Shard:
        version, shard = self._known.get(place, ("", Shard()))
        if version != _version(status):
            shard = read_shard(file, status.st_size)
            self._known[place] = (_version(status), shard)
            while len(self._known) > SHARDS_KEPT:
                self._known.pop(next(iter(list(self._known))), None)
        return shard

    def _erase_in(self, place: str, wanted: Mapping[str, bytes]) -> dict[str, Result]:
        with self._parent(place) as (parent, last):
            if parent is None:
                return dict.fromkeys(wanted, "already-absent")
            try:
                with os.fdopen(os.open(last, FILE, dir_fd=parent), "rb") as file:
                    self._lock(file, parent, last)
                    return self._erase_members(place, file, parent, last, wanted)
            except FileNotFoundError:
                # A run that was killed between putting the new one in place and this may not have reached the disk.
                os.fsync(parent)
                return dict.fromkeys(wanted, "already-absent")
            except OSError as problem:
                self._away(problem)

    def _lock(self, file: BinaryIO, parent: int, last: str) -> None:
        """Two that write one shard anew at once would each bring back what the other erased."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise self._busy() from problem
        if not os.path.samestat(os.stat(last, dir_fd=parent, follow_symlinks=False), os.fstat(file.fileno())):
            raise self._busy()

    def _erase_members(
        self, place: str, file: BinaryIO, parent: int, last: str, wanted: Mapping[str, bytes]
    ) -> dict[str, Result]:
        # What a killed run left holds photographs, too.
        with suppress(FileNotFoundError):
            os.unlink(_draft(last), dir_fd=parent)
        status = os.fstat(file.fileno())
        shard = read_shard(file, status.st_size)
        if shard.damaged:
            raise self._damaged(place, shard.damaged)
        results: dict[str, Result] = {}
        for name, digest in wanted.items():
            if name not in shard.members:
                results[name] = "already-absent"
            elif _digest(file, shard.members[name][-1:], "sha256") == digest:
                results[name] = "deleted"
        going = shard.going_with({name for name, result in results.items() if result == "deleted"})
        # Older versions under the same name go with the newest: whoever unpacks the archive may see them.
        gone = [member for name in going for member in shard.members[name]]
        if gone:
            self._write_anew(file, status, parent, last, gone)
        os.fsync(parent)
        return results

    def _write_anew(self, file: BinaryIO, status: os.stat_result, parent: int, last: str, gone: Members) -> None:
        draft = _draft(last)
        try:
            with os.fdopen(os.open(draft, NEW_FILE, 0o600, dir_fd=parent), "wb") as target:
                copy_without(file, target, status.st_size, gone)
                target.flush()
                with suppress(PermissionError):
                    os.fchown(target.fileno(), status.st_uid, status.st_gid)
                os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
                os.fsync(target.fileno())
            # While it was copied, somebody may have added to it or put another in its place.
            if _version(os.stat(last, dir_fd=parent, follow_symlinks=False)) != _version(status):
                raise self._busy()
            os.replace(draft, last, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=parent)
            raise

    def _try_erasing(self, sample: Texts, notes: Texts) -> tuple[bool, bool]:
        """What is tried is making and removing a file beside the shards."""
        return super()._try_erasing([_split(key)[0] for key in sample], notes)

    def _busy(self) -> StoreUnavailable:
        return StoreUnavailable(f"An archive in {self.name} is being written just now. It is tried again later.")

    def _damaged(self, place: str, why: str) -> StoreUnavailable:
        sentence = f"The archive {place} in {self.name} is damaged: {why}. Nothing is erased in it before it is mended."
        return StoreUnavailable(sentence, "archive-damaged")


def _shard_of(key: str) -> str:
    """The part of a key that names the shard: up to the first name that ends in `.tar`. Empty when there is none."""
    names = key.split("/")
    for place, name in enumerate(names, 1):
        if name.lower().endswith(".tar"):
            return "/".join(names[:place])
    return ""


def _split(key: str) -> tuple[str, str]:
    """The shard of a key and the name in it; a key outside all shards names no file in one. Raises BadInput."""
    tree.names_of(key)
    place = _shard_of(key)
    return (place, key[len(place) + 1 :]) if place else (key, "")


def _version(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _draft(last: str) -> str:
    """Always the same for one shard, so that what a killed run left is found again."""
    return f".efface-{hashlib.sha256(os.fsencode(last)).hexdigest()[:16]}"


def _digest(file: BinaryIO, members: Members, algorithm: str) -> bytes:
    state = hashlib.new(algorithm)
    for member in members:
        file.seek(member.data)
        for chunk in chunks(file, member.size):
            state.update(chunk)
    return state.digest()

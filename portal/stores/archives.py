"""A store that is a folder of archives: files that hold many objects each. A key is `place of the archive/name in it`.

Nothing is unpacked. An object is erased by writing its archive anew beside the old one, without it, and putting the
new one in the old one's place at once: a reader sees the old archive or the new one, and all that stays is the same.
What an archive is, its kind says: `tar`, `parquet`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, BinaryIO, ClassVar, Literal, Protocol

from portal.errors import NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.stores import tree
from portal.stores.connector import LARGEST_OBJECT, Check, Found, Texts
from portal.stores.folder import FILE, NEW_FILE, Folder

# Reading what lies where in an archive takes a while: the last few are kept, for as long as they are the same.
KEPT = 8

# What stands for the version of an archive that the disk does not give.
NOT_GIVEN = "not-given"

Result = Literal["deleted", "already-absent"]
# An archive, open, with its status and what lies in it.
Opened = tuple[BinaryIO, os.stat_result, Any]


class Contents(Protocol):
    """What lies in one archive. `damaged` says why it could not be read to its end; then nothing is erased in it."""

    damaged: str

    def problem(self) -> str:
        """Why not all of it can be looked at, as the end of a sentence; empty when all can."""

    def pictures(self) -> Texts:
        """The names to look at, in order."""

    def holds(self, name: str) -> bool: ...

    def size(self, name: str) -> int:
        """In bytes."""

    def going_with(self, names: set[str]) -> set[str]:
        """`names` and what belongs to them alone."""


class Archives(Folder, ABC):
    """Connector to a folder of archives. Settings: `folder`, an absolute path. See `Connector` for the methods.

    An archive that is damaged, or holds what cannot be looked at, is itself listed, as an object that cannot be read.
    """

    ENDING: ClassVar[str]
    BROKEN: ClassVar[tuple[type[BaseException], ...]]
    """What reading a broken archive as a stream raises."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        super().__init__(name, settings, may_erase, mark)
        self._known: dict[str, tuple[str, Any]] = {}

    @abstractmethod
    def _look_into(self, file: BinaryIO, size: int) -> Contents:
        """What lies in an open archive of `size` bytes. What is wrong with it is in the answer. Raises OSError."""

    @abstractmethod
    def _version(self, file: BinaryIO, contents: Any, name: str) -> str:
        """A text that changes when the object does, and stays when only others in the archive change."""

    @abstractmethod
    def _bytes(self, file: BinaryIO, contents: Any, name: str) -> bytes: ...

    @abstractmethod
    def _digest(self, file: BinaryIO, contents: Any, name: str) -> bytes:
        """SHA-256 of what `_bytes` gives."""

    @abstractmethod
    def _copy_without(self, file: BinaryIO, target: BinaryIO, contents: Any, size: int, names: set[str]) -> None:
        """Write the archive anew without what has these names. Raises OSError."""

    @abstractmethod
    def _seen(self, file: BinaryIO, names: set[str]) -> set[str]:
        """Which of the names are in it, by another way of reading than `_look_into` has. Raises what BROKEN lists."""

    def check(self) -> Check:
        base = super().check()
        notes = [note for note in base.notes if note != "The folder is empty."]
        others = [key for key, _ in tree.walk(str(self.root), None) if self._archive_of(key) != key]
        if not base.sample:
            notes.append(f"There is no photograph in a {self.ENDING} file here.")
        return replace(base, notes=[*notes, *self._notes(others)])

    def _notes(self, others: Texts) -> Texts:
        """Sentences about files that are no archives."""
        return [f"Files that are no {self.ENDING} files are left out ({len(others)} seen)."] if others else []

    def count(self) -> int:
        return sum(1 for _ in self._listed(None))

    def list(self, after: str | None = None) -> Iterator[Found]:
        for key, name, opened in self._listed(after):
            if opened is None:
                yield Found(key, 0, NOT_GIVEN)
                continue
            file, status, contents = opened
            if name:
                size = contents.size(name)
                yield Found(key, size, f"{size}-{self._version(file, contents, name)}")
            else:
                yield Found(key, status.st_size, version_of(status))

    def open(self, key: str) -> bytes:
        place, name = self._split(key)
        with self._archive(place) as (file, _, contents):
            if not name and contents.problem():
                sentence = f"The archive {place} cannot be looked at as a whole: {contents.problem()}."
                raise ObjectUnreadable(sentence)
            if not contents.holds(name):
                raise NotFound(f"This photograph is not in {self.name} any more.")
            if contents.size(name) > LARGEST_OBJECT:
                raise TooLarge(f"This file is larger than {LARGEST_OBJECT >> 20} megabytes, so it was not looked at.")
            return self._bytes(file, contents, name)

    def erase_copy(self, ref: str, digest: bytes) -> Result:
        results = self.erase_together({ref: digest})
        if ref not in results:
            self._changed()
        return results[ref]

    def erase_together(self, wanted: Mapping[str, bytes]) -> dict[str, Result]:
        """Erase many copies, writing each archive anew once. One whose bytes are others is kept, and not answered."""
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        by_archive: dict[str, dict[str, bytes]] = {}
        for ref, digest in wanted.items():
            place, name = self._split(ref)
            by_archive.setdefault(place, {})[name] = digest
        results: dict[str, Result] = {}
        for place, digests in by_archive.items():
            for name, result in self._erase_in(place, digests).items():
                results[f"{place}/{name}" if name else place] = result
        return results

    def whole_of(self, key: str) -> str:
        return self._split(key)[0]

    def digest_of_whole(self, whole: str) -> str | None:
        try:
            with os.fdopen(os.open(self.root.joinpath(*tree.names_of(whole)), FILE), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as problem:
            self._away(problem)

    def erase_many(self, wanted: Mapping[str, bytes]) -> dict[str, Result]:
        return self.erase_together(wanted)

    def probe_many(self, refs: Collection[str]) -> set[str]:
        """Reads each archive as one stream, once for all."""
        by_archive: dict[str, dict[str, str]] = {}
        for ref in refs:
            place, name = self._split(ref)
            by_archive.setdefault(place, {})[name] = ref
        seen: set[str] = set()
        for place, names in by_archive.items():
            if self.probe_copy(place) == "present":
                seen |= {names[name] for name in self._still_in(place, set(names))}
        return seen

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Reads the archive as one stream to its last byte, where `erase_copy` went by what lies where."""
        place, name = self._split(ref)
        if super().probe_copy(place) == "absent":
            return "absent"
        return "present" if not name or self._still_in(place, {name}) else "absent"

    def _still_in(self, place: str, names: set[str]) -> set[str]:
        """Which of the names are in an archive; the empty one, which is the archive itself, always is."""
        try:
            with os.fdopen(os.open(self.root.joinpath(*tree.names_of(place)), FILE), "rb") as file:
                return names & {""} | self._seen(file, names - {""})
        except self.BROKEN as problem:
            raise self._damaged(place, "it cannot be read to its end") from problem
        except OSError as problem:
            self._away(problem)

    def _listed(self, after: str | None) -> Iterator[tuple[str, str, Opened | None]]:
        """(key, name in it, its archive) of each object; no name for a broken archive, which may not open at all."""
        for order, place in self._in_order():
            if after is not None and order <= after and not after.startswith(order):
                continue
            try:
                with suppress(NotFound), self._archive(place) as opened:
                    yield from self._objects_in(order, place, after, opened)
            except ObjectUnreadable:
                if order == place and (after is None or place > after):
                    yield place, "", None
        self._still_there()

    def _objects_in(
        self, order: str, place: str, after: str | None, opened: Opened
    ) -> Iterator[tuple[str, str, Opened | None]]:
        contents = opened[2]
        if order == place:
            if contents.problem() and (after is None or place > after):
                yield place, "", opened
            return
        for name in contents.pictures():
            if after is None or order + name > after:
                yield order + name, name, opened

    def _in_order(self) -> Iterator[tuple[str, str]]:
        """Each archive twice: in the order in which it would itself be listed, and in that of the keys in it."""
        places = [key for key, _ in self._walk(None) if self._archive_of(key) == key]
        yield from sorted((order, place) for place in places for order in (place, place + "/"))

    @contextmanager
    def _archive(self, place: str) -> Iterator[Opened]:
        """One archive, open, with its contents as far as they are known. Raises NotFound, StoreUnavailable."""
        with self._parent(place) as (parent, last):
            if parent is None:
                raise NotFound(f"This archive is not in {self.name} any more.")
            try:
                with os.fdopen(os.open(last, FILE, dir_fd=parent), "rb") as file:
                    status = os.fstat(file.fileno())
                    if not stat.S_ISREG(status.st_mode):
                        raise NotFound(f"This name in {self.name} is not a file any more.")
                    yield file, status, self._contents(place, file, status)
            except OSError as problem:
                self._unreadable(problem)

    def _contents(self, place: str, file: BinaryIO, status: os.stat_result) -> Any:
        version, contents = self._known.get(place, ("", None))
        if version != version_of(status):
            contents = self._look_into(file, status.st_size)
            self._known[place] = (version_of(status), contents)
            while len(self._known) > KEPT:
                self._known.pop(next(iter(list(self._known))), None)
        return contents

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
        """Two that write one archive anew at once would each bring back what the other erased."""
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
        contents = self._look_into(file, status.st_size)
        if contents.damaged:
            raise self._damaged(place, contents.damaged)
        results: dict[str, Result] = {}
        for name, digest in wanted.items():
            if not contents.holds(name):
                results[name] = "already-absent"
            elif self._digest(file, contents, name) == digest:
                results[name] = "deleted"
        gone = contents.going_with({name for name, result in results.items() if result == "deleted"})
        if gone:
            self._write_anew(file, status, parent, last, contents, gone)
        os.fsync(parent)
        return results

    def _write_anew(
        self, file: BinaryIO, status: os.stat_result, parent: int, last: str, contents: Contents, gone: set[str]
    ) -> None:
        draft = _draft(last)
        try:
            with os.fdopen(os.open(draft, NEW_FILE, 0o600, dir_fd=parent), "wb") as target:
                self._copy_without(file, target, contents, status.st_size, gone)
                target.flush()
                with suppress(PermissionError):
                    os.fchown(target.fileno(), status.st_uid, status.st_gid)
                os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
                os.fsync(target.fileno())
            # While it was copied, somebody may have added to it or put another in its place.
            if version_of(os.stat(last, dir_fd=parent, follow_symlinks=False)) != version_of(status):
                raise self._busy()
            os.replace(draft, last, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=parent)
            raise

    def _try_erasing(self, sample: Texts, notes: Texts) -> tuple[bool, bool]:
        """What is tried is making and removing a file beside the archives."""
        return super()._try_erasing([self._split(key)[0] for key in sample], notes)

    def _busy(self) -> StoreUnavailable:
        return StoreUnavailable(f"An archive in {self.name} is being written just now. It is tried again later.")

    def _damaged(self, place: str, why: str) -> StoreUnavailable:
        sentence = f"The archive {place} in {self.name} is damaged: {why}. Nothing is erased in it before it is mended."
        return StoreUnavailable(sentence, "archive-damaged")

    def _archive_of(self, key: str) -> str:
        """The part of a key that names the archive: up to the first name with its ending. Empty when there is none."""
        names = key.split("/")
        for place, name in enumerate(names, 1):
            if name.lower().endswith(self.ENDING):
                return "/".join(names[:place])
        return ""

    def _split(self, key: str) -> tuple[str, str]:
        """The archive of a key and the name in it; a key outside all archives names none in one. Raises BadInput."""
        tree.names_of(key)
        place = self._archive_of(key)
        return (place, key[len(place) + 1 :]) if place else (key, "")


def version_of(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _draft(last: str) -> str:
    """Always the same for one archive, so that what a killed run left is found again."""
    return f".efface-{hashlib.sha256(os.fsencode(last)).hexdigest()[:16]}"

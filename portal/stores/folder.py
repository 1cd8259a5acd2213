"""A store that is a folder of files. Keys are paths relative to it, with `/` between names.

Every name on the way is opened by itself, without following links, so that no key and no link placed in the folder
leads out of it. Hidden names and links are left out of the listing; `check` says so.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NoReturn

from portal.errors import BadInput, Conflict, NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.stores import tree
from portal.stores.connector import LARGEST_OBJECT, Check, Found, Texts

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A named pipe with nobody at the other end would hold a scan up for ever: hence O_NONBLOCK.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
SAMPLE = 12
VANISHED = {errno.ENOENT, errno.ENOTDIR}


class Folder:
    """Connector to a folder. Settings: `folder`, an absolute path. The methods are described in `Connector`."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        self.name = name
        self.root = Path(settings["folder"])
        self.may_erase = may_erase
        self.mark = mark

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(settings) - {"folder"})
        if unknown:
            raise BadInput(f"A folder store has no setting called {unknown[0]!r}.")
        text = str(settings.get("folder") or "").strip()
        if not text or "\0" in text:
            raise BadInput("Say which folder the photographs are in.")
        try:
            root = Path(text).expanduser().resolve(strict=True)
        except (OSError, RuntimeError) as problem:
            raise BadInput(f"The folder {text} cannot be opened: {_reason(problem)}.") from problem
        if not root.is_dir():
            raise BadInput(f"{text} is not a folder.")
        if root == Path(root.anchor):
            raise BadInput("The whole disk cannot be a store. Choose the folder with the photographs.")
        return {"folder": str(root)}

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        here, there = Path(one["folder"]), Path(other["folder"])
        return here.is_relative_to(there) or there.is_relative_to(here)

    def check(self) -> Check:
        """Where erasing is allowed, a hidden file with a name of its own is made and removed beside the sample."""
        with self._opened() as root:
            mark = _mark_of(root)
        notes: Texts = []
        sample = [found.key for found in islice(self.list(), SAMPLE)]
        readable = all([self._can_open(key, notes) for key in sample[:3]])
        hidden, links = tree.left_out(str(self.root))
        if not sample:
            notes.append("The folder is empty.")
        if hidden:
            notes.append(f"Files and folders whose names begin with a dot are left out ({hidden} seen).")
        if links:
            notes.append(f"Links are not followed ({links} seen).")
        writable, erasable = self._try_erasing(sample, notes)
        return Check(readable, True, writable, erasable, mark, notes, sample)

    def count(self) -> int:
        return sum(1 for _ in self._walk(None))

    def list(self, after: str | None = None) -> Iterator[Found]:
        for key, path in self._walk(after):
            try:
                status = os.stat(path, follow_symlinks=False)
            except OSError as problem:
                if problem.errno not in VANISHED:
                    self._away(problem)
                continue  # Vanished since its folder was read; if the whole store did, the walk's end says so.
            yield Found(key, status.st_size, f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}")

    def open(self, key: str) -> bytes:
        with self._parent(key) as (parent, name):
            if parent is None:
                raise NotFound(f"This file is not in {self.name} any more.")
            try:
                descriptor = os.open(name, FILE, dir_fd=parent)
                with os.fdopen(descriptor, "rb") as file:
                    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                        raise NotFound(f"This name in {self.name} is not a file any more.")
                    data = file.read(LARGEST_OBJECT + 1)
            except OSError as problem:
                self._unreadable(problem)
        if len(data) > LARGEST_OBJECT:
            raise TooLarge(f"This file is larger than {LARGEST_OBJECT >> 20} megabytes, so it was not looked at.")
        return data

    def enumerate_copies(self, key: str) -> Texts:
        """A folder has one place for one key. Other files with the same bytes are found by their digests."""
        tree.names_of(key)
        return [key]

    def erase_copy(self, ref: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        with self._parent(ref) as (parent, name):
            if parent is None:
                return "already-absent"
            try:
                return self._erase(parent, name, digest)
            except FileNotFoundError:
                # A run that was killed between unlinking and this may not have reached the disk.
                os.fsync(parent)
                return "already-absent"
            except OSError as problem:
                if problem.errno == errno.ELOOP:
                    self._changed()
                self._away(problem)

    def whole_of(self, key: str) -> str:
        return key

    def erase_many(self, wanted: Mapping[str, bytes]) -> dict[str, Literal["deleted", "already-absent"]]:
        """Files of one folder wait for the disk once, together."""
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        by_folder: dict[str, list[str]] = {}
        for ref in wanted:
            by_folder.setdefault(ref.rpartition("/")[0], []).append(ref)
        results: dict[str, Literal["deleted", "already-absent"]] = {}
        for refs in by_folder.values():
            with self._parent(refs[0]) as (parent, _):
                if parent is None:
                    results |= dict.fromkeys(refs, "already-absent")
                    continue
                results |= self._erase_in_folder(parent, {ref: wanted[ref] for ref in refs})
        return results

    def probe_many(self, refs: Collection[str]) -> set[str]:
        """Reads each folder's listing once. A folder that is not there is looked for from the top, name by name."""
        by_folder: dict[str, set[str]] = {}
        for ref in refs:
            tree.names_of(ref)
            by_folder.setdefault(ref.rpartition("/")[0], set()).add(ref)
        seen: set[str] = set()
        for folder, some in by_folder.items():
            if folder and self.probe_copy(folder) == "absent":
                continue
            seen |= some & self._listed_in(folder)
        self._still_there()
        return seen

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Reads the listings of the folders from the top, where `erase_copy` opens the file by its name."""
        names = tree.names_of(ref)
        self._still_there()
        folder = self.root
        for name in names:
            try:
                with os.scandir(folder) as entries:
                    found = any(entry.name == name for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                found = False
            except OSError as problem:
                self._away(problem)
            if not found:
                self._still_there()
                return "absent"
            folder = folder / name
        return "present"

    def _erase_in_folder(
        self, parent: int, wanted: Mapping[str, bytes]
    ) -> dict[str, Literal["deleted", "already-absent"]]:
        results: dict[str, Literal["deleted", "already-absent"]] = {}
        try:
            for ref, digest in wanted.items():
                name = tree.names_of(ref)[-1]
                # What has other bytes, or is a link now, is left to be erased by itself, which says so.
                with suppress(Conflict):
                    results[ref] = self._unlink(parent, name, digest)
            os.fsync(parent)
        except OSError as problem:
            self._away(problem)
        return results

    def _unlink(self, parent: int, name: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        try:
            self._check(parent, name, digest)
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return "already-absent"
        except OSError as problem:
            if problem.errno == errno.ELOOP:
                self._changed()
            raise
        return "deleted"

    def _listed_in(self, folder: str) -> set[str]:
        """The keys of what lies in a folder."""
        place = self.root.joinpath(*tree.names_of(folder)) if folder else self.root
        try:
            with os.scandir(place) as entries:
                return {f"{folder}/{tree.key_of(entry.name)}".lstrip("/") for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return set()
        except OSError as problem:
            self._away(problem)

    def _erase(self, parent: int, name: str, digest: bytes) -> Literal["deleted"]:
        self._check(parent, name, digest)
        os.unlink(name, dir_fd=parent)
        os.fsync(parent)
        return "deleted"

    def _check(self, parent: int, name: str, digest: bytes) -> int:
        """The mode of the file, whose bytes are the approved ones. Raises Conflict when they are not."""
        descriptor = os.open(name, FILE, dir_fd=parent)
        with os.fdopen(descriptor, "rb") as file:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode) or hashlib.file_digest(file, "sha256").digest() != digest:
                self._changed()
            # While the bytes were read, another file may have been moved to this name.
            now = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if (now.st_dev, now.st_ino, now.st_mtime_ns) != (opened.st_dev, opened.st_ino, opened.st_mtime_ns):
                self._changed()
        return stat.S_IMODE(opened.st_mode)

    def _walk(self, after: str | None) -> Iterator[tuple[str, str]]:
        self._still_there()
        try:
            yield from tree.walk(str(self.root), after)
        except OSError as problem:
            self._away(problem)
        # A store that was taken away while it was read would look as if its photographs had gone.
        self._still_there()

    def _can_open(self, key: str, notes: Texts) -> bool:
        try:
            self.open(key)
        except StoreUnavailable as problem:
            notes.append(problem.sentence)
            return False
        except TooLarge as problem:
            notes.append(problem.sentence)
        return True

    def _try_erasing(self, sample: Texts, notes: Texts) -> tuple[bool, bool]:
        """(writable, erasable): whether a probe could be made, and removed, in every folder of the sample."""
        if not self.may_erase:
            notes.append("Erasing was not tried: the operator has not allowed it here.")
            return False, False
        places = {key.rpartition("/")[0] for key in sample} | {""}
        tried = [self._try_in(f"{place}/probe".lstrip("/"), notes) for place in sorted(places)]
        return all(made for made, _ in tried), all(removed for _, removed in tried)

    def _try_in(self, key: str, notes: Texts) -> tuple[bool, bool]:
        """Make and remove a probe in the folder in which `key` would be."""
        probe = f".efface-probe-{secrets.token_hex(8)}"
        made = False
        with self._parent(key) as (parent, _):
            if parent is None:
                return False, False
            try:
                os.close(os.open(probe, NEW_FILE, 0o600, dir_fd=parent))
                made = True
                os.unlink(probe, dir_fd=parent)
                os.fsync(parent)
            except OSError as problem:
                left = f" A test file was left behind: {probe}." if made else ""
                notes.append(f"Nothing can be erased here: {_reason(problem)}.{left}")
                return made, False
            if _only_own_files(parent):
                notes.append("In this folder each owner may remove only their own files, so erasing can fail.")
                return True, False
        return True, True

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The root, open. Raises StoreUnavailable when it is away or another folder stands in its place."""
        try:
            descriptor = os.open(self.root, FOLDER)
        except OSError as problem:
            raise StoreUnavailable(f"The store {self.name} is not there: {_reason(problem)}.") from problem
        try:
            if self.mark is not None and _mark_of(descriptor) != self.mark:
                raise StoreUnavailable(
                    f"The folder of {self.name} is not the one that was added. Perhaps a disk is not mounted. "
                    "If you moved the photographs yourself, test the store again.",
                    "store-replaced",
                )
            yield descriptor
        finally:
            os.close(descriptor)

    def _still_there(self) -> None:
        with self._opened():
            pass

    @contextmanager
    def _parent(self, key: str) -> Iterator[tuple[int | None, str]]:
        """The open folder that holds `key`, or None when there is none, and the last name."""
        *folders, name = tree.names_of(key)
        with self._opened() as root:
            parent = os.dup(root)
            try:
                for folder in folders:
                    below = self._below(parent, folder)
                    if below is None:
                        yield None, name
                        return
                    os.close(parent)
                    parent = below
                yield parent, name
            finally:
                os.close(parent)

    def _below(self, folder: int, name: str) -> int | None:
        try:
            return os.open(name, FOLDER, dir_fd=folder)
        except OSError as problem:
            if problem.errno in VANISHED | {errno.ELOOP}:
                return None
            self._away(problem)

    def _unreadable(self, problem: OSError) -> NoReturn:
        """One file could not be read. Whether it is the file or the whole store, the root tells."""
        self._still_there()
        if problem.errno in VANISHED | {errno.ELOOP}:
            raise NotFound(f"This file is not in {self.name} any more.") from problem
        raise ObjectUnreadable(f"This file cannot be read: {_reason(problem)}.") from problem

    def _away(self, problem: OSError) -> NoReturn:
        raise StoreUnavailable(f"The store {self.name} does not let us in: {_reason(problem)}.") from problem

    def _changed(self) -> NoReturn:
        sentence = f"A file in {self.name} has changed since its erasing was approved. It was not touched."
        raise Conflict(sentence, "content-changed")


def _mark_of(descriptor: int) -> str:
    """The inode of the root: the empty folder under a disk that is not mounted has another one.

    The device's number does not help: it may change with a restart.
    """
    return str(os.fstat(descriptor).st_ino)


def _only_own_files(folder: int) -> bool:
    status = os.fstat(folder)
    return bool(status.st_mode & stat.S_ISVTX) and os.geteuid() not in {0, status.st_uid}


def _reason(problem: BaseException) -> str:
    """The system's words without the path: names of files may be personal."""
    text = problem.strerror if isinstance(problem, OSError) and problem.strerror else "it cannot be opened"
    return text[:1].lower() + text[1:]

"""A folder of files that can put other bytes in the place of one: what is left of a photograph without one face.

It also knows, by the operator's patterns, which other files were made of a photograph.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from typing import Any, Literal

from portal.errors import NotAllowed, NotFound
from portal.stores import copies
from portal.stores.connector import Texts
from portal.stores.folder import FILE, Folder

DRAFT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class RewritableFolder(Folder):
    """Connector to a folder. Archives are read as folders are, but not written this way.

    Settings: `folder`, and if there are any `copies`, patterns of files that are made of a photograph.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        super().__init__(name, settings, may_erase, mark)
        self._patterns: Texts = settings.get("copies") or []

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        patterns, others = copies.taken_from(settings)
        kept = Folder.clean(others)
        return {**kept, "copies": patterns} if patterns else kept

    def enumerate_copies(self, key: str) -> Texts:
        """The file itself, and those made of it. Others with the same bytes are found by their digests."""
        return [*super().enumerate_copies(key), *self._derived(key)]

    def derived_copies(self, key: str) -> dict[str, bytes]:
        found = {}
        for ref in self._derived(key):
            digest = self._digest_of(ref)
            if digest is not None:
                found[ref] = digest
        return found

    def _derived(self, key: str) -> Texts:
        if not self._patterns:
            return []
        with self._opened() as root:
            try:
                return copies.made_of(root, key, self._patterns)
            except OSError as problem:
                self._away(problem)

    def _digest_of(self, ref: str) -> bytes | None:
        """None when it has vanished meanwhile."""
        with self._parent(ref) as (parent, name):
            if parent is None:
                return None
            try:
                with os.fdopen(os.open(name, FILE, dir_fd=parent), "rb") as file:
                    return hashlib.file_digest(file, "sha256").digest()
            except FileNotFoundError:
                return None
            except OSError as problem:
                self._away(problem)

    def replace_copy(self, ref: str, digest: bytes, data: bytes) -> Literal["replaced"]:
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        with self._parent(ref) as (parent, name):
            if parent is None:
                raise NotFound(f"This file is not in {self.name} any more.")
            # A run that was killed left its draft: the next one writes over it.
            draft = f".efface-new-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
            try:
                mode = self._check(parent, name, digest)
                _write_through(parent, draft, data, mode)
                self._check(parent, name, digest)
                os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
                os.fsync(parent)
            except FileNotFoundError as problem:
                raise NotFound(f"This file is not in {self.name} any more.") from problem
            except OSError as problem:
                if problem.errno == errno.ELOOP:
                    self._changed()
                self._away(problem)
        return "replaced"


def _write_through(parent: int, name: str, data: bytes, mode: int) -> None:
    """Write a file anew, and wait until it is on the disk."""
    descriptor = os.open(name, DRAFT, 0o600, dir_fd=parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)

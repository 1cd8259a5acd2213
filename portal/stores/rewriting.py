"""A folder of files that can put other bytes in the place of one: what is left of a photograph without one face."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import Literal

from portal.errors import NotAllowed, NotFound
from portal.stores.folder import Folder

DRAFT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class RewritableFolder(Folder):
    """Connector to a folder. Archives are read as folders are, but not written this way."""

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

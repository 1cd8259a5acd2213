"""Walking a tree of folders in the order of its keys, without following links.

A key is the path below the root with `/` between names. Sorting the names of each folder, with a `/` put behind those
of folders, gives the keys in the order of their code points: so a walk can go on after any key without remembering
what came before, and without reading folders that lie before it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from portal.errors import BadInput

# A name that is not UTF-8 cannot be stored. Its bytes go to a private range of Unicode, and back.
PRIVATE = 0xF700
_TO_KEY = {0xDC00 + byte: PRIVATE + byte for byte in range(0x80, 0x100)}
_TO_NAME = {private: surrogate for surrogate, private in _TO_KEY.items()}
LOOKED_THROUGH = 10_000
OUTSIDE = frozenset(("", ".", ".."))


def names_of(key: str) -> list[str]:
    """The names a key is made of. Raises BadInput when it could lead out of the tree."""
    # Most keys are plain letters: an order asks this several times for each of millions.
    names = (key if key.isascii() else key.translate(_TO_NAME)).split("/")
    if "\0" in key or not OUTSIDE.isdisjoint(names):
        raise BadInput("This name leads out of the store, so it was not opened.", "key-outside")
    return names


def key_of(name: str) -> str:
    """The key of a name as the system gave it: bytes that are not UTF-8 are kept in the private range."""
    return name.translate(_TO_KEY)


def walk(folder: str, after: str | None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(key, path) of each file below `folder`, from the first key after `after`. Raises OSError.

    A folder that vanishes on the way counts as empty. One that may not be read is an error: leaving it out would make
    its photographs look gone.
    """
    for name, is_folder in _entries(folder):
        key = prefix + key_of(name)
        if is_folder:
            if after is None or key > after or after.startswith(key):
                yield from walk(folder + "/" + name.rstrip("/"), after, key)
        elif after is None or key > after:
            yield key, folder + "/" + name


def _entries(folder: str) -> list[tuple[str, bool]]:
    """Names to go through, and whether they are folders. Folders end in `/`."""
    listed = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    listed.append((entry.name + "/", True))
                elif entry.is_file(follow_symlinks=False):
                    listed.append((entry.name, False))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(listed, key=lambda item: key_of(item[0]))


def left_out(root: str) -> tuple[int, int]:
    """How many hidden names and how many links a walk leaves out, among about the first 10,000 names."""
    hidden = links = seen = 0
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            seen += 1
            hidden += name.startswith(".")
            links += not name.startswith(".") and os.path.islink(os.path.join(folder, name))
        folders[:] = [name for name in folders if not name.startswith(".")]
        if seen > LOOKED_THROUGH:
            break
    return hidden, links

"""Files that some program made of a photograph and put elsewhere in its folder: thumbnails, crops, edits, caches.

The operator says by patterns where they lie, below the root of the store. `{folder}`, `{name}` and `{stem}` stand for
the parts of a photograph's key: for `2014/a.jpg` these are `2014`, `a.jpg` and `a`. `*`, `?` and `[...]` stand for
letters within one name. Hidden names are found like others.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from portal.errors import BadInput
from portal.stores import tree

MOST_PATTERNS = 50
LONGEST_PATTERN = 300
PLACE = re.compile(r"\{(folder|name|stem)\}")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SIGN = re.compile(r"[*?[]")
# The portal's own drafts and test files.
OWN = ".efface-"


def checked(given: Any) -> list[str]:
    """Patterns as they are kept: a list, or a text with one on each line. Raises BadInput naming the wrong one."""
    lines = given.splitlines() if isinstance(given, str) else given
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise BadInput("Patterns of copies are texts, one on each line, such as thumbs/{folder}/{stem}_*.jpg.")
    patterns = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(patterns) > MOST_PATTERNS:
        raise BadInput(f"A store has at most {MOST_PATTERNS} patterns of copies.")
    for pattern in patterns:
        _check(pattern)
    return patterns


def _check(pattern: str) -> None:
    names = PLACE.sub("x", pattern).split("/")
    if len(pattern) > LONGEST_PATTERN or "\0" in pattern or any(name in {"", ".", ".."} for name in names):
        raise BadInput(f"The pattern {pattern!r} must be a path below the store, without .. and without // in it.")
    if any(sign in PLACE.sub("", pattern) for sign in "{}"):
        raise BadInput(f"In the pattern {pattern!r} only {{folder}}, {{name}} and {{stem}} can be filled in.")
    if not {"name", "stem"} & set(PLACE.findall(pattern)):
        raise BadInput(f"The pattern {pattern!r} needs {{name}} or {{stem}}: else it is of every photograph.")


def made_of(root: int, key: str, patterns: Iterable[str]) -> list[str]:
    """Keys of the files that are copies of `key` by a pattern, sorted. `root` is the open folder. Raises OSError.

    Where one name begins as another does (`1.jpg` and `1_2.jpg`), a file belongs to the photograph with the longer
    one. Photographs that differ only in the ending share what is named after `{stem}`.
    """
    names = tree.names_of(key)
    found: set[tuple[str, str]] = set()
    for pattern in patterns:
        found |= {(path, pattern) for path in _matching(root, _filled(pattern, names), "")}
    found = {(path, pattern) for path, pattern in found if path != "/".join(names)}
    if not found:
        return []
    folder, longer = names[:-1], _longer(root, names)
    return sorted({tree.key_of(path) for path, pattern in found if not _is_of_another(path, pattern, folder, longer)})


def made_among(listed: Callable[[str], Iterable[str]], key: str, patterns: Iterable[str]) -> list[str]:
    """As `made_of`, where there are no folders: `listed` gives all keys of a store that begin with a text."""
    names = tree.names_of(key)
    found: set[tuple[str, str]] = set()
    for pattern in patterns:
        filled = _filled(pattern, names)
        found |= {(path, pattern) for path in listed(_fixed_part(filled)) if path != key and _is_like(path, filled)}
    if not found:
        return []
    folder, stem = names[:-1], os.path.splitext(names[-1])[0]
    beside = (path.split("/") for path in listed("/".join([*folder, stem])))
    longer = [path[-1] for path in beside if path[:-1] == folder and len(os.path.splitext(path[-1])[0]) > len(stem)]
    return sorted({path for path, pattern in found if not _is_of_another(path, pattern, folder, longer)})


def taken_from(settings: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The checked patterns in a store's settings, and its other settings. Raises BadInput."""
    return checked(settings.get("copies") or []), {name: each for name, each in settings.items() if name != "copies"}


def refuse_unfixed(patterns: Iterable[str]) -> None:
    """Refuse patterns that begin with `*`, `?` or `[`, where each look would list a whole bucket. Raises BadInput."""
    for pattern in patterns:
        if SIGN.match(pattern):
            raise BadInput(f"The pattern {pattern!r} must begin with a name in a bucket, not with * or ? or [.")


def _fixed_part(names: list[str]) -> str:
    """What every path begins with that fits; signs of a key that only stand for themselves end it, too."""
    return SIGN.split("/".join(names), maxsplit=1)[0]


def _filled(pattern: str, names: list[str]) -> list[str]:
    """The names of a pattern for one photograph. At the top there is no folder, and its name falls out."""
    name = names[-1]
    parts = {"folder": "/".join(names[:-1]), "name": name, "stem": os.path.splitext(name)[0]}
    text = PLACE.sub(lambda place: glob.escape(parts[place[1]]), pattern)
    return [each for each in text.split("/") if each]


def _matching(folder: int, names: list[str], before: str) -> Iterator[str]:
    """Paths of the regular files that fit; each folder on the way is opened by itself, and no link is followed."""
    first, rest = names[0], names[1:]
    with os.scandir(folder) as entries:
        fit = sorted(entry.name for entry in entries if _fits(entry, first, bool(rest)))
    for name in fit:
        if not rest:
            yield before + name
            continue
        try:
            below = os.open(name, FOLDER, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            yield from _matching(below, rest, f"{before}{name}/")
        finally:
            os.close(below)


def _fits(entry: os.DirEntry[str], pattern: str, folder: bool) -> bool:
    if entry.name.startswith(OWN) or not fnmatch.fnmatchcase(entry.name, pattern):
        return False
    return entry.is_dir(follow_symlinks=False) if folder else entry.is_file(follow_symlinks=False)


def _longer(root: int, names: list[str]) -> list[str]:
    """Other photographs of the same folder whose names begin as this one's does."""
    stem = os.path.splitext(names[-1])[0]
    beside = [*(glob.escape(name) for name in names[:-1]), glob.escape(stem) + "*"]
    found = (path.rpartition("/")[2] for path in _matching(root, beside, ""))
    return [name for name in found if len(os.path.splitext(name)[0]) > len(stem)]


def _is_of_another(path: str, pattern: str, folder: list[str], longer: list[str]) -> bool:
    for name in longer:
        own = [*folder, name]
        if path != "/".join(own) and _is_like(path, _filled(pattern, own)):
            return True
    return False


def _is_like(path: str, names: list[str]) -> bool:
    parts = path.split("/")
    return len(parts) == len(names) and all(map(fnmatch.fnmatchcase, parts, names))

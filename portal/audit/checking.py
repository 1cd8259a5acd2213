"""Going over the whole log and naming whatever is not as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit import heads, merkle, mirror, notes
from portal.audit.checkpoint import Head
from portal.db import config_of
from portal.tables import Checkpoint, Entry


def fsck(session: Session) -> list[str]:
    """What is wrong with the log, one sentence each; empty when it is whole. Hashes every entry once."""
    problems: list[str] = []
    roots = _roots(session, problems)
    for checkpoint in session.scalars(select(Checkpoint).order_by(Checkpoint.size)):
        name = f"The signed head over {checkpoint.size} entries"
        problems += _compare(session, name, checkpoint.note, roots, stored=checkpoint)
    kept = heads.read(heads.folder_of(config_of(session)))
    if kept is not None:
        problems += _compare(session, "The head kept outside of the database", kept, roots)
        if mirror.count(heads.folder_of(config_of(session))) < max(_size_of(kept), default=0):
            problems.append("The copy of the log beside the database is not whole: a backup could not be put back.")
    elif roots.signed:
        problems.append("The last signed head is not kept outside of the database: a restored backup would go unseen.")
    return problems


class _Roots:
    """The tree's root at each signed size, and how many entries there are."""

    def __init__(self, signed: set[int]) -> None:
        self.signed = signed
        self.at: dict[int, bytes] = {}
        self.size = 0


def _roots(session: Session, problems: list[str]) -> _Roots:
    """Hash all entries anew, noting those that are missing or not as they were added."""
    roots = _Roots(set(session.scalars(select(Checkpoint.size))))
    kept = heads.read(heads.folder_of(config_of(session)))
    wanted = roots.signed | _size_of(kept)
    frontier: list[bytes] = []
    expected = 0
    query = select(Entry.position, Entry.kind, Entry.body, Entry.leaf_hash).order_by(Entry.position)
    for position, kind, body, leaf in session.execute(query.execution_options(yield_per=1000)):
        if position != expected:
            problems.append(f"Entry {expected} is missing: after it comes {position}.")
            expected = position
        problems += _entry(position, kind, body, leaf)
        merkle.push(frontier, roots.size, merkle.leaf_hash(body))
        roots.size += 1
        expected += 1
        if roots.size in wanted:
            roots.at[roots.size] = merkle.fold(frontier)
    return roots


def _entry(position: int, kind: str, body: bytes, leaf: bytes) -> Iterator[str]:
    if merkle.leaf_hash(body) != leaf:
        yield f"Entry {position} was changed: its bytes do not have the hash it was added with."
    try:
        said = json.loads(body).get("kind")
    except (ValueError, AttributeError):
        yield f"Entry {position} is not a JSON object."
        return
    if said != kind:
        yield f"Entry {position} is filed as {kind!r}, but says it is {said!r}."


def _compare(session: Session, name: str, note: str, roots: _Roots, stored: Checkpoint | None = None) -> Iterator[str]:
    try:
        head = heads.open_head(session, note)
    except notes.NoteRefused as problem:
        yield f"{name} is not signed by our key. {problem.sentence}"
        return
    if stored is not None and (stored.size, stored.root) != (head.size, head.root):
        yield f"{name} is filed under another size or root than it says."
    yield from _against(name, head, roots)


def _against(name: str, head: Head, roots: _Roots) -> Iterator[str]:
    if head.size > roots.size:
        yield f"{name} counts {head.size} entries, but {roots.size} are there: entries were dropped."
    elif roots.at.get(head.size) != head.root:
        yield f"{name} does not fit the entries: some were changed, dropped or put in another order."


def _size_of(note: str | None) -> set[int]:
    try:
        return {int(note.split("\n")[1])} if note else set()
    except (IndexError, ValueError):
        # What is wrong with such a head is said when its signature is looked at.
        return set()

"""The tamper-evident log in the database: entries without gaps, and signed heads that never contradict each other.

The last signed head is kept twice, in the database and in a file beside it. A database that was put back from a
backup is then older than the file: signing it would make two histories under one name, so it is refused.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import heads, merkle, mirror, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof
from portal.db import after_commit, config_of
from portal.errors import BadInput, Conflict, NotFound, TooLarge
from portal.keys import keys_of
from portal.tables import Checkpoint, Entry

LARGEST_BODY = 64 * 1024


def verifier_of(session: Session) -> notes.Verifier:
    """The log's name and public key. The name follows from the key, so a log cannot take another's name."""
    public = keys_of(session).public_key
    return notes.verifier_of(heads.origin_of(public), public)


def verifier_key(session: Session) -> str:
    """The public key with which anybody checks this log, "origin+hash+base64"."""
    return notes.key_line(verifier_of(session))


def append(session: Session, kind: str, facts: dict[str, Any]) -> Entry:
    """Add a line; its body is the JSON of `v`, `kind`, `at` and `facts`. No personal data may be in the facts.

    Needs a writing session. Raises BadInput when the facts are not JSON, TooLarge above 64 KiB.
    """
    at = clock.now()
    try:
        body = canonical({"v": 1, "kind": kind, "at": instant(at), "facts": facts})
    except (TypeError, ValueError) as problem:
        raise BadInput(f"These facts cannot be written to the log: {problem}.") from problem
    return append_bytes(session, kind, body, at)


def append_bytes(session: Session, kind: str, body: bytes, at: datetime) -> Entry:
    """Add a line whose bytes are already made: one line of JSON with the same `kind`.

    Raises TooLarge above 64 KiB, BadInput when there is an end of a line in it.
    """
    if b"\n" in body:
        raise BadInput("An entry of the log is one line.")
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"An entry of the log may have {LARGEST_BODY} bytes. This one has {len(body)}.")
    # No gaps and no position twice: there is one writing session at a time (portal.db).
    entry = Entry(position=_count(session), kind=kind, body=body, leaf_hash=merkle.leaf_hash(body), at=at)
    session.add(entry)
    session.flush()
    return entry


def publish(session: Session) -> Checkpoint | None:
    """Sign a new head when there are new entries; None when there are none.

    Needs a writing session: the head counts once that has committed. Raises Conflict, code log-forked, when the
    entries do not continue what was signed before, and log-broken when an entry is not what was hashed.
    """
    newest = newest_checkpoint(session)
    signed_before = heads.known_before(session, newest)
    leaves = _leaves(session)
    _refuse_fork(leaves, signed_before)
    start = newest.size if newest is not None else 0
    if len(leaves) == start:
        return None
    _read_back(session, start)
    head = Head(verifier_of(session).name, len(leaves), merkle.root(leaves))
    note = notes.sign(write_head(head), head.origin, keys_of(session).signing_key)
    checkpoint = Checkpoint(size=head.size, root=head.root, note=note, at=clock.now())
    session.add(checkpoint)
    session.flush()
    folder = heads.folder_of(config_of(session))
    copied = mirror.count(folder)
    bodies = list(session.scalars(select(Entry.body).where(Entry.position >= copied).order_by(Entry.position)))
    # Before the commit the entries may still vanish; a head kept of them would then stop the log for good.
    after_commit(session, lambda: heads.keep(folder, head.size, note, copied, bodies))
    return checkpoint


def is_behind(session: Session) -> bool:
    """Whether the database lacks entries under a head that was signed: it was put back from a backup."""
    kept = heads.read(heads.folder_of(config_of(session)))
    return kept is not None and _count(session) < heads.size_in(kept)


def catch_up(session: Session) -> int:
    """Add the entries that were signed and that the database lacks, from their copy. Returns how many.

    Needs a writing session. Raises Conflict, code log-forked, when the copy does not continue the entries that are
    there, or does not reach up to the head that was signed last.
    """
    folder = heads.folder_of(config_of(session))
    leaves, had = _leaves(session), _count(session)
    for position, body in enumerate(mirror.read(folder)):
        leaf = merkle.leaf_hash(body)
        if position >= had:
            said = json.loads(body)
            at = datetime.fromisoformat(said["at"])
            session.add(Entry(position=position, kind=said["kind"], body=body, leaf_hash=leaf, at=at))
            leaves.append(leaf)
        elif leaves[position] != leaf:
            raise Conflict(f"Entry {position} of the log is not the one that was signed.", "log-forked")
    session.flush()
    newest = newest_checkpoint(session)
    signed_before = heads.known_before(session, newest)
    _refuse_fork(leaves, signed_before)
    for head in signed_before[:1]:
        if newest is None or newest.size < head.size:
            note = heads.read(folder) or ""
            session.add(Checkpoint(size=head.size, root=head.root, note=note, at=clock.now()))
    session.flush()
    return len(leaves) - had


def prove(session: Session, position: int) -> str:
    """The C2SP proof that the entry at `position` is under the newest checkpoint. Raises NotFound when it is not."""
    checkpoint = newest_checkpoint(session)
    if checkpoint is None or not 0 <= position < checkpoint.size:
        raise NotFound(f"There is no entry {position} under the newest signed head of the log.")
    leaves = _leaves(session, checkpoint.size)
    if merkle.root(leaves) != checkpoint.root:
        raise Conflict("The log is not what was signed. Run `efface log check`.", "log-broken")
    path = merkle.inclusion_proof(leaves, position)
    return write_proof(Proof(position, tuple(path), checkpoint.note))


def newest_checkpoint(session: Session) -> Checkpoint | None:
    """The signed head with the most entries."""
    return session.scalars(select(Checkpoint).order_by(Checkpoint.size.desc()).limit(1)).first()


def canonical(value: dict[str, Any]) -> bytes:
    """JSON in one form: keys sorted, no spaces, UTF-8. Raises TypeError or ValueError when it is not JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def instant(at: datetime) -> str:
    """An instant for a statement: UTC, whole seconds, such as 2026-11-20T12:00:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _count(session: Session) -> int:
    last = session.scalar(select(func.max(Entry.position)))
    return 0 if last is None else last + 1


def _leaves(session: Session, size: int | None = None) -> list[bytes]:
    """Leaf hashes in order, the first `size` of them. At a million entries this reads 32 MB and takes a second."""
    query = select(Entry.leaf_hash).order_by(Entry.position)
    return list(session.scalars(query if size is None else query.where(Entry.position < size)))


def _refuse_fork(leaves: list[bytes], signed_before: list[Head]) -> None:
    for head in signed_before:
        if len(leaves) < head.size:
            raise Conflict(
                f"The log has {len(leaves)} entries, but a head with {head.size} was signed. The database is older "
                "than the log: put the newer one back.",
                "log-forked",
            )
        if merkle.root(leaves[: head.size]) != head.root:
            raise Conflict(
                f"The first {head.size} entries of the log are not the ones that were signed. Nothing is signed "
                "until they are back.",
                "log-forked",
            )


def _read_back(session: Session, start: int) -> None:
    """Hash the new entries once more, as they are stored, before vouching for them."""
    query = select(Entry.position, Entry.body, Entry.leaf_hash).where(Entry.position >= start).order_by(Entry.position)
    for expected, (position, body, leaf) in enumerate(session.execute(query), start):
        if position != expected or merkle.leaf_hash(body) != leaf:
            raise Conflict(f"Entry {expected} of the log is not what was added. Run `efface log check`.", "log-broken")

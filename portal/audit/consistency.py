"""That an older head of the log is the beginning of a newer one: the proof as text, made here and read by anybody.

efface-consistency/1
from 12 to 40
base64 of a hash, one a line
"""

from __future__ import annotations

import base64

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import proofs
from portal.audit import merkle, notes
from portal.errors import NotFound
from portal.tables import Entry

HEADER = "efface-consistency/1"


def prove(session: Session, old_size: int, size: int) -> str:
    """The proof from the log as it is. Raises NotFound when it does not have so many entries."""
    query = select(Entry.leaf_hash).where(Entry.position < size).order_by(Entry.position)
    leaves = list(session.scalars(query))
    if not 0 < old_size <= size or len(leaves) < size:
        raise NotFound(f"The log has no heads over {old_size} and {size} entries.")
    nodes = "".join(base64.b64encode(node).decode() + "\n" for node in merkle.consistency_proof(leaves, old_size))
    return f"{HEADER}\nfrom {old_size} to {size}\n{nodes}"


def read(text: str, old_size: int, size: int) -> list[bytes]:
    """The hashes of a proof between these two sizes. Raises NoteRefused when it is another one, or unreadable."""
    header, sizes, *nodes = (*text.split("\n"), "", "")[: max(text.count("\n") + 1, 2)]
    if header != HEADER or sizes != f"from {old_size} to {size}" or not text.endswith("\n"):
        raise notes.NoteRefused(f"This is not a proof from {old_size} to {size} entries.", "malformed")
    if len(nodes) > proofs.LONGEST_PROOF + 2:
        raise notes.NoteRefused("The proof is too long.", "malformed")
    return [notes.read_base64(node, 32) for node in nodes if node]

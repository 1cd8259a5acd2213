"""Other photographs that are the same, byte for byte, or nearly the same picture as one that was confirmed.

They may lie in any store. Nothing is decided about them here: a caseworker reads that they are there, and a search
makes candidates of them, which two people look at like all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import images
from portal.stores.quarantine import in_use
from portal.tables import Candidate, Case, Image, Store

# So many photographs are compared by their look in about a second while somebody waits for a page.
MOST_FOR_A_PAGE = 200_000
# Rows that are compared in one go.
AT_ONCE = 20_000


@dataclass(frozen=True)
class Alike:
    """A photograph that is like a confirmed one: `kind` is `digest` or `near-digest`, `like` the confirmed one."""

    image_id: int
    kind: str
    like: Candidate


def alike(session: Session, case: Case, most: int | None = None) -> list[Alike]:
    """Photographs in use that are like a confirmed one of the case and are no candidates of it, in the order of ids.

    With more than `most` photographs in all stores only those with the same bytes: see `compares_looks`.
    """
    statement = select(Candidate).join(Image, Image.id == Candidate.image_id)
    confirmed = list(session.scalars(statement.where(Candidate.case_id == case.id, Candidate.state == "confirmed")))
    found = _same_bytes(session, confirmed)
    if most is None or compares_looks(session, most):
        found = _same_look(session, confirmed) | found
    known = set(session.scalars(select(Candidate.image_id).where(Candidate.case_id == case.id)))
    return [found[image_id] for image_id in sorted(found.keys() - known)]


def compares_looks(session: Session, most: int = MOST_FOR_A_PAGE) -> bool:
    """Whether there are so few photographs that all can be compared by their look at once."""
    return (session.scalar(select(func.max(Image.id))) or 0) <= most


def named(session: Session, found: list[Alike]) -> list[tuple[str, str, str]]:
    """Store, key and kind of each, for the caseworker."""
    ids = [one.image_id for one in found]
    rows = select(Image.id, Store.name, Image.key).join(Store, Store.id == Image.store_id).where(Image.id.in_(ids))
    places = {image_id: (store, key) for image_id, store, key in session.execute(rows)}
    return [(*places[one.image_id], one.kind) for one in found]


def _same_bytes(session: Session, confirmed: list[Candidate]) -> dict[int, Alike]:
    by_digest = {one.image.digest: one for one in confirmed if one.image.digest is not None}
    rows = select(Image.id, Image.digest).where(Image.digest.in_(by_digest), in_use())
    return {row[0]: Alike(row[0], "digest", by_digest[row[1] or b""]) for row in session.execute(rows)}


def _same_look(session: Session, confirmed: list[Candidate]) -> dict[int, Alike]:
    """One pass over all digests of looks. A picture without any texture is like every other one, and is left out."""
    asked = [one for one in confirmed if one.image.near_digest not in (None, images.FLAT)]
    found: dict[int, Alike] = {}
    if not asked:
        return found
    digests = _packed([one.image.near_digest or b"" for one in asked])
    rows = select(Image.id, Image.near_digest).where(Image.near_digest.is_not(None), in_use())
    for some in session.execute(rows.execution_options(yield_per=AT_ONCE)).partitions():
        held = _packed([row[1] or b"" for row in some])
        for candidate, digest in zip(asked, digests, strict=True):
            bits = np.bitwise_count(held ^ digest).sum(axis=1)
            near = (some[int(at)][0] for at in np.flatnonzero(bits <= images.NEAR_LIMIT))
            found |= {image_id: Alike(image_id, "near-digest", candidate) for image_id in near}
    return found


def _packed(digests: list[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(digests), np.uint64).reshape(len(digests), -1)

"""Which candidates of a case are looked at together: one look then decides many.

Photographs belong together that are nearly the same picture, or that the same account posted and that the search took
for one person. Reviewers see all of them, and take out whatever does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import images
from portal.tables import Candidate, Image, ManifestEntry, random_id

# What people can compare with one face in one look.
MOST_TOGETHER = 9
# By these an account speaks for its photographs; a face that is near by itself may be anybody's.
OF_AN_ACCOUNT = {"fused", "account"}


def group(session: Session, candidates: Sequence[Candidate]) -> None:
    """Give candidates of one case that belong together the same `group_id`; those that stand alone keep none."""
    pictures = {image.id: image for image in _images(session, candidates)}
    accounts = _accounts(session, pictures)
    chains = _Chains([candidate.id for candidate in candidates])
    first: dict[object, str] = {}
    for candidate in candidates:
        account = accounts.get(candidate.image_id)
        if account is not None and OF_AN_ACCOUNT & set(candidate.evidence):
            chains.join(candidate.id, first.setdefault(account, candidate.id))
    for at, candidate in enumerate(candidates):
        for other in candidates[:at]:
            if _nearly_the_same(pictures[candidate.image_id], pictures[other.image_id]):
                chains.join(candidate.id, other.id)
    by_id = {candidate.id: candidate for candidate in candidates}
    for chain in chains.all():
        for start in range(0, len(chain), MOST_TOGETHER):
            together = chain[start : start + MOST_TOGETHER]
            group_id = random_id() if len(together) > 1 else None
            for candidate_id in together:
                by_id[candidate_id].group_id = group_id
    session.flush()


def _images(session: Session, candidates: Sequence[Candidate]) -> Iterable[Image]:
    return [session.get_one(Image, candidate.image_id) for candidate in candidates]


def _accounts(session: Session, pictures: dict[int, Image]) -> dict[int, tuple[str, str]]:
    found = {}
    for image in pictures.values():
        named = select(ManifestEntry.account).filter_by(store_id=image.store_id, key=image.key)
        account = session.scalar(named)
        if account is not None:
            found[image.id] = (image.store_id, account)
    return found


def _nearly_the_same(one: Image, other: Image) -> bool:
    if one.near_digest is None or other.near_digest is None:
        return False
    return images.near_distance(one.near_digest, other.near_digest) <= images.NEAR_LIMIT


class _Chains:
    """Sets of names that are joined pair by pair; within each the first order stays."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._chain = {name: name for name in names}

    def join(self, one: str, other: str) -> None:
        new, old = self._chain[other], self._chain[one]
        for name, chain in self._chain.items():
            if chain == old:
                self._chain[name] = new

    def all(self) -> list[list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._names:
            found.setdefault(self._chain[name], []).append(name)
        return list(found.values())

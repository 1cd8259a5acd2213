"""Which candidates of a case are looked at together: one look then decides many.

Photographs belong together that are nearly the same picture, or that the same account posted and that the search took
for one person. Reviewers see all of them, and take out whatever does not fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import images
from portal.tables import Candidate, Image, ManifestEntry, random_id

# What people can compare with one face in one look.
MOST_TOGETHER = 9
# By these an account speaks for its photographs; a face that is near by itself may be anybody's.
OF_AN_ACCOUNT = {"fused", "account"}
# Two digests that differ in at most NEAR_LIMIT bits are the same in one of NEAR_LIMIT + 1 parts.
PARTS = images.NEAR_LIMIT + 1
BITS = 256
# Parameters of one statement, well under every database's limit.
AT_ONCE = 500


def chains(session: Session, evidence: Mapping[int, Set[str]]) -> dict[int, int]:
    """Image id -> the first image it belongs with, itself for most. `evidence` is of each image, in their order.

    It only reads, and its time grows with the number of images: so it is done before anything is written.
    """
    joined = _Chains(evidence)
    first: dict[object, int] = {}
    for image_id, account in _accounts(session, evidence).items():
        if OF_AN_ACCOUNT & evidence[image_id]:
            joined.join(first.setdefault(account, image_id), image_id)
    for one, other in _near(_digests(session, evidence)):
        joined.join(one, other)
    return {image_id: joined.head(image_id) for image_id in evidence}


def group(session: Session, candidates: Sequence[Candidate], together: Mapping[int, int]) -> None:
    """Give candidates of one case that belong together the same `group_id`; those that stand alone keep none."""
    found: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        found[together[candidate.image_id]].append(candidate)
    for chain in found.values():
        for start in range(0, len(chain), MOST_TOGETHER):
            some = chain[start : start + MOST_TOGETHER]
            group_id = random_id() if len(some) > 1 else None
            for candidate in some:
                candidate.group_id = group_id
    session.flush()


def _accounts(session: Session, image_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Of images whose manifest names an account: the store and the account."""
    found: dict[int, tuple[str, str]] = {}
    for some in _portions(image_ids):
        rows = (
            select(Image.id, Image.store_id, ManifestEntry.account)
            .join(ManifestEntry, (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key))
            .where(Image.id.in_(some), ManifestEntry.account.is_not(None))
        )
        found |= {image: (store, account or "") for image, store, account in session.execute(rows)}
    return {image: found[image] for image in image_ids if image in found}


def _digests(session: Session, image_ids: Iterable[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for some in _portions(image_ids):
        rows = select(Image.id, Image.near_digest).where(Image.id.in_(some), Image.near_digest.is_not(None))
        found |= {image: digest for image, digest in session.execute(rows) if digest is not None}
    return {image: found[image] for image in image_ids if image in found}


def _near(digests: Mapping[int, bytes]) -> Iterable[tuple[int, int]]:
    """Pairs of images whose digests are near, at least so many that all that are near hang together."""
    same: dict[bytes, int] = {}
    for image, digest in digests.items():
        if digest in same and digest != images.FLAT:
            yield same[digest], image
        same.setdefault(digest, image)
    buckets: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for digest, image in same.items():
        number = int.from_bytes(digest)
        for part in range(PARTS):
            low, high = part * BITS // PARTS, (part + 1) * BITS // PARTS
            bucket = buckets[part, number >> low & (1 << high - low) - 1]
            yield from ((same[other], image) for other in bucket if _is_near(other, digest))
            bucket.append(digest)


def _is_near(one: bytes, other: bytes) -> bool:
    return images.near_distance(one, other) <= images.NEAR_LIMIT


def _portions(ids: Iterable[int]) -> list[list[int]]:
    every = list(ids)
    return [every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE)]


class _Chains:
    """Numbers that are joined pair by pair; each chain is named after one of its own."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._above = {number: number for number in numbers}

    def head(self, number: int) -> int:
        while self._above[number] != number:
            # Each step halves the way of the next who comes along.
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, one: int, other: int) -> None:
        self._above[self.head(other)] = self.head(one)

"""The removal feed of a dataset version: a public, signed list that only grows, of what was taken out of it.

Whoever holds a copy of the dataset runs `efface purge` on it. Its form is that of `wire`: a head (C2SP checkpoint over
the Merkle tree of its lines) and pages of lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import heads, merkle
from portal.audit.checkpoint import Head
from portal.db import config_of
from portal.errors import NotFound
from portal.keys import keys_of
from portal.notices import wire
from portal.tables import Dataset, Feed, FeedEntry

BATCH = 500


def append(session: Session, dataset: Dataset, digests: dict[int, bytes]) -> set[int]:
    """Add photographs, SHA-256 by image id, to the feed of a dataset and sign its head. Returns those it had not."""
    feed = session.get(Feed, dataset.id)
    if feed is None:
        feed = _begin(session, dataset)
        session.add(feed)
        session.flush()
    new = sorted(set(digests) - _known(session, feed, digests))
    origin, day = origin_of(session, dataset), clock.local_date(clock.now(), config_of(session).zone)
    salt, frontier = wire.feed_salt(origin), _unpacked(feed.frontier)
    rows = []
    for image_id in new:
        digest = wire.salted(salt, digests[image_id])
        rows.append({"position": feed.size, "image_id": image_id, "digest": digest})
        merkle.push(frontier, feed.size, merkle.leaf_hash(wire.write_line(day.isoformat(), digest).encode()))
        feed.size += 1
    if rows:
        session.execute(insert(FeedEntry), [{"dataset_id": dataset.id, "removed_on": day, **row} for row in rows])
    feed.frontier = b"".join(frontier)
    _sign(session, feed, origin, frontier)
    session.flush()
    return set(new)


def find(session: Session, name: str, version: str) -> Feed:
    """The feed of a dataset version; a signed, empty one where nothing was taken out yet. Raises NotFound."""
    dataset = session.scalar(select(Dataset).filter_by(name=name, version=version))
    if dataset is None:
        raise NotFound("There is no such dataset.")
    return session.get(Feed, dataset.id) or _begin(session, dataset)


def page(session: Session, feed: Feed, number: int) -> str:
    """One page of at most `wire.PAGE` lines, from 0. Raises NotFound beyond the last."""
    if not 0 <= number <= max(feed.size - 1, 0) // wire.PAGE:
        raise NotFound("The feed has no such page.")
    rows = select(FeedEntry.removed_on, FeedEntry.digest).where(
        FeedEntry.dataset_id == feed.dataset_id,
        FeedEntry.position >= number * wire.PAGE,
        FeedEntry.position < (number + 1) * wire.PAGE,
    )
    found = session.execute(rows.order_by(FeedEntry.position))
    return "".join(f"{wire.write_line(day.isoformat(), digest)}\n" for day, digest in found)


def pages(session: Session, feed: Feed) -> Iterator[str]:
    """All pages in order; one empty page where the feed is."""
    for number in range(max(feed.size - 1, 0) // wire.PAGE + 1):
        yield page(session, feed, number)


def size_of(session: Session, dataset: Dataset) -> int:
    """How many lines the feed of a dataset has."""
    feed = session.get(Feed, dataset.id)
    return feed.size if feed is not None else 0


def origin_of(session: Session, dataset: Dataset) -> str:
    """The signed name of a dataset's feed."""
    mark = heads.origin_of(keys_of(session).public_key).rpartition("/")[2]
    return wire.feed_origin(mark, dataset.name, dataset.version)


def _begin(session: Session, dataset: Dataset) -> Feed:
    feed = Feed(dataset_id=dataset.id, dataset=dataset, size=0, frontier=b"", note="", signed_at=clock.now())
    _sign(session, feed, origin_of(session, dataset), [])
    return feed


def _sign(session: Session, feed: Feed, origin: str, frontier: list[bytes]) -> None:
    keys = keys_of(session)
    head = Head(origin, feed.size, merkle.fold(frontier))
    feed.note = wire.sign_head(head, heads.origin_of(keys.public_key), keys.signing_key)
    feed.signed_at = clock.now()


def _known(session: Session, feed: Feed, digests: Iterable[int]) -> set[int]:
    known: set[int] = set()
    ids = sorted(digests)
    for start in range(0, len(ids), BATCH):
        rows = select(FeedEntry.image_id).where(
            FeedEntry.dataset_id == feed.dataset_id, FeedEntry.image_id.in_(ids[start : start + BATCH])
        )
        known |= set(session.scalars(rows))
    return known


def _unpacked(frontier: bytes) -> list[bytes]:
    return [frontier[start : start + 32] for start in range(0, len(frontier), 32)]

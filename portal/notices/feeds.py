"""The removal feed of a dataset version: a public, signed list that only grows, of what was taken out of it.

Of a photograph whose person has us keep nothing the line goes once nobody is waited for; its hash stays in its place.

Whoever holds a copy of the dataset runs `efface purge` on it. Its form is that of `wire`: a head (C2SP checkpoint over
the Merkle tree of its lines) and pages of lines.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal import clock
from portal.audit import heads, merkle
from portal.audit.checkpoint import Head
from portal.db import config_of
from portal.errors import Conflict, NotFound
from portal.keys import keys_of
from portal.notices import lines, wire
from portal.notices.lines import Line
from portal.tables import Dataset, Feed, FeedEntry

BATCH = 500
# Bytes of the number in each line that nobody can guess.
NONCE = 16


def append(session: Session, dataset: Dataset, digests: dict[int, bytes]) -> set[int]:
    """Add photographs, SHA-256 by image id, to the feed of a dataset and sign its head. Returns those it had not."""
    feed = _whole(session, dataset)
    new = sorted(set(digests) - _known(session, feed, digests))
    origin, day = origin_of(session, dataset), clock.local_date(clock.now(), config_of(session).zone)
    salt, frontier = wire.feed_salt(origin), _unpacked(feed.frontier)
    added = [Line(image, wire.salted(salt, digests[image]), day, secrets.token_bytes(NONCE)) for image in new]
    if added:
        lines.write(_beside(session, dataset), feed.size, added, _said(dataset))
    _grow(session, feed, frontier, added)
    _sign(session, feed, origin, frontier)
    session.flush()
    return set(new)


def take_away(session: Session, image_ids: Iterable[int], until: date) -> int:
    """Take the lines of these photographs, up to those of a day, out of all feeds. Returns how many.

    Their hashes stay, so that each head that was ever signed still fits. Who has read the lines has read them.
    """
    ids, taken = sorted(image_ids), 0
    for feed in session.scalars(select(Feed).order_by(Feed.dataset_id)).all():
        mine = select(FeedEntry).filter_by(dataset_id=feed.dataset_id, taken_at=None)
        rows = [
            row
            for start in range(0, len(ids), BATCH)
            for row in session.scalars(
                mine.where(FeedEntry.image_id.in_(ids[start : start + BATCH]), FeedEntry.removed_on <= until)
            )
        ]
        if rows:
            folder = _beside(session, _whole(session, feed.dataset).dataset)
            leaves = {row.position: _leaf(_line(row)) for row in rows}
            # First in the file: what is rolled back after it is done again, and what it says a restore goes by.
            lines.take_away(folder, leaves)
            _take(session, rows, leaves)
            taken += len(rows)
    return taken


def catch_up(session: Session) -> int:
    """Bring the feeds of a restored database to where they were for those who read them. Returns how many lines came.

    Raises Conflict, code feed-forked, where a feed is not the beginning of what was given out.
    """
    came = 0
    for said in lines.kept(config_of(session)):
        dataset = session.get(Dataset, said["id"])
        if dataset is None:
            dataset = Dataset(**{**said, "created_on": date.fromisoformat(said["created_on"])})
            session.add(dataset)
            session.flush()
        before = size_of(session, dataset)
        came += _whole(session, dataset).size - before
        _take_again(session, dataset)
    return came


def _take_again(session: Session, dataset: Dataset) -> None:
    """What was taken away of the lines that the database has again."""
    taken = {at: one.digest for at, one in enumerate(lines.read(_beside(session, dataset))) if one.taken}
    rows = select(FeedEntry).filter_by(dataset_id=dataset.id, taken_at=None).order_by(FeedEntry.position)
    if taken:
        _take(session, [row for row in session.scalars(rows) if row.position in taken], taken)


def _take(session: Session, rows: list[FeedEntry], leaves: dict[int, bytes]) -> None:
    for row in rows:
        row.digest, row.nonce, row.taken_at = leaves[row.position], None, clock.now()
    session.flush()


def _line(row: FeedEntry) -> Line:
    return Line(row.image_id, row.digest, row.removed_on, row.nonce or b"", row.taken_at is not None)


def _given_out(one: Line) -> str:
    return wire.write_taken(one.digest) if one.taken else wire.write_line(one.day.isoformat(), one.digest, one.nonce)


def _whole(session: Session, dataset: Dataset) -> Feed:
    """The feed with all lines that lie beside the database; and there with all that the database has."""
    feed = session.get(Feed, dataset.id)
    if feed is None:
        feed = _begin(session, dataset)
        session.add(feed)
        session.flush()
    folder = _beside(session, dataset)
    there = lines.count(folder)
    if there < feed.size:
        rows = select(FeedEntry).filter_by(dataset_id=dataset.id).where(FeedEntry.position >= there)
        later = [_line(row) for row in session.scalars(rows.order_by(FeedEntry.position))]
        lines.write(folder, there, later, _said(dataset))
    elif there > feed.size:
        _take_from_beside(session, feed, folder)
    return feed


def _take_from_beside(session: Session, feed: Feed, folder: Path) -> None:
    """Add what the file has more. Raises Conflict where what it has before is not what the feed says."""
    kept, frontier = list(lines.read(folder)), list[bytes]()
    for position, one in enumerate(kept[: feed.size]):
        merkle.push(frontier, position, _leaf(one))
    if frontier != _unpacked(feed.frontier):
        raise _forked(feed.dataset)
    _grow(session, feed, frontier, kept[feed.size :])
    _sign(session, feed, origin_of(session, feed.dataset), frontier)
    session.flush()


def _grow(session: Session, feed: Feed, frontier: list[bytes], some: list[Line]) -> None:
    rows = []
    for one in some:
        merkle.push(frontier, feed.size, _leaf(one))
        rows.append({"dataset_id": feed.dataset_id, "position": feed.size, "image_id": one.image_id,
                     "digest": one.digest, "removed_on": one.day, "nonce": one.nonce or None,
                     "taken_at": clock.now() if one.taken else None})  # fmt: skip
        feed.size += 1
    if rows:
        session.execute(insert(FeedEntry), rows)
    feed.frontier = b"".join(frontier)


def _leaf(one: Line) -> bytes:
    return wire.leaf_of(_given_out(one))


def _beside(session: Session, dataset: Dataset) -> Path:
    return lines.folder_of(config_of(session), dataset.id)


def _said(dataset: Dataset) -> dict[str, str]:
    return {name: str(getattr(dataset, name)) for name in ("id", "name", "version", "created_on")}


def _forked(dataset: Dataset) -> Conflict:
    name = f"{dataset.name} {dataset.version}"
    return Conflict(f"The removal feed of {name} is not the beginning of the one that was given out.", "feed-forked")


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
    rows = select(FeedEntry).where(
        FeedEntry.dataset_id == feed.dataset_id,
        FeedEntry.position >= number * wire.PAGE,
        FeedEntry.position < (number + 1) * wire.PAGE,
    )
    found = session.scalars(rows.order_by(FeedEntry.position))
    return "".join(f"{_given_out(_line(row))}\n" for row in found)


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

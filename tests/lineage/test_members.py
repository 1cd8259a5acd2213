"""Membership as bitmaps: nothing lost, nothing doubled, small, and damage said by name."""

from __future__ import annotations

import random
import threading
import zlib
from datetime import UTC, date, datetime

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.db import Database
from portal.lineage import bitmaps, records, versions
from portal.tables import Dataset, DatasetChunk, Entry

DAY = date(2014, 5, 1)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
WIDE = [1, 2, 65_535, 65_536, 65_537, 200_000, 2**31, 2**33 + 7]


@pytest.fixture
def dataset(session: Session) -> Dataset:
    made = records.add_dataset(session, "faces", "1", DAY)
    lineage.write_places(session, made, WIDE)
    return made


@pytest.mark.parametrize("count", [1, 2, 300, 4096, 4097, 40_000, 65_535, 65_536])
@pytest.mark.parametrize("kind", ["drawn", "in a row"])
def test_what_is_packed_is_read_alike_by_both_readers(count: int, kind: str) -> None:
    ids = random.Random(count).sample(range(65_536), count) if kind == "drawn" else range(count)
    stored = bitmaps.pack(BitMap(ids))
    assert bitmaps.unpack(stored) == BitMap(ids)
    asked = range(0, 65_536, 7)
    assert bitmaps.count_held(stored, asked) == len(BitMap(ids) & BitMap(asked))
    assert len(stored) <= 8212


def test_the_same_members_are_the_same_bytes_however_they_came_in() -> None:
    drawn = random.Random(1)
    for _ in range(50):
        first, second = (BitMap(drawn.sample(range(9000), drawn.randrange(1, 9000))) for _ in range(2))
        built = BitMap(first)
        built.run_optimize()
        built = (built | second) - first
        assert bitmaps.plain(built) == bitmaps.plain(BitMap(list(second - first)))


def test_places_are_filled_emptied_and_stay_empty(session: Session, dataset: Dataset) -> None:
    assert lineage.places_of(session, [1, 3]) == {1: [dataset.id], 3: []}
    assert lineage.take_out(session, dataset.id, [2, 3, 65_536, 2**33 + 7], AT) == {2, 65_536, 2**33 + 7}
    assert lineage.take_out(session, dataset.id, [2], AT) == set()
    assert lineage.count_in(session, dataset.id, WIDE) == lineage.sizes(session)[dataset.id] == 5
    assert list(lineage.members_of(session, dataset.id)) == [1, 65_535, 65_537, 200_000, 2**31]
    assert lineage.ever_in(session, [2, 3, 1]) == {dataset.id: {1, 2}}
    taken = date(2026, 11, 20)
    assert [(stay.since, stay.until, stay.images) for stay in lineage.stays_of(session, WIDE)] == [
        (DAY, taken, 3),
        (DAY, date.max, 5),
    ]


def test_many_are_taken_out_at_once_and_counted_in_what_is_stored(session: Session, dataset: Dataset) -> None:
    many = range(300_000, 500_000)
    lineage.write_places(session, dataset, many)
    assert lineage.take_out(session, dataset.id, many[::2], AT) == set(many[::2])
    assert lineage.count_in(session, dataset.id, many) == 100_000
    assert session.scalar(select(func.count()).select_from(DatasetChunk)) < 20


def test_writers_in_one_chunk_lose_no_bit(database: Database) -> None:
    with database.writing() as session:
        made = records.add_dataset(session, "faces", "1", DAY)
        lineage.write_places(session, made, range(400))
    shares = [range(start, 400, 4) for start in range(4)]

    def take(share: range) -> None:
        for image_id in share[:50:5]:
            with database.writing() as session:
                lineage.take_out(session, made.id, [image_id], AT, "erasure/one")

    threads = [threading.Thread(target=take, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gone = {image_id for share in shares for image_id in share[:50:5]}
    with database.writing() as session:
        assert set(lineage.members_of(session, made.id)) == set(range(400)) - gone
        [version] = versions.settle_versions(session, "erasure/one", AT)
        assert set(versions.taken_for(session, version)) == gone


@pytest.mark.parametrize(
    "damage",
    [b"", b"\0" * 40, b"xx", "cut", "flip", "other"],
)
def test_damage_is_said_by_the_name_of_the_dataset(session: Session, dataset: Dataset, damage: bytes | str) -> None:
    stored = session.scalars(select(DatasetChunk.members).where(DatasetChunk.number == 0)).one()
    other = BitMap([5]).serialize()
    bad = {
        "cut": stored[:-1],
        "flip": stored[:-1] + bytes([stored[-1] ^ 1]),
        "other": zlib.crc32(other).to_bytes(4, "big") + other,
    }.get(damage, damage)  # type: ignore[call-overload]
    session.execute(update(DatasetChunk).where(DatasetChunk.number == 0).values(members=bad))
    for ask in (
        lambda: lineage.places_of(session, [1]),
        lambda: lineage.take_out(session, dataset.id, [1], AT),
        lambda: lineage.trace(session, [1]),
    ):
        with pytest.raises(lineage.BrokenMembers, match="faces 1 is damaged where the images 0 to 65,535 stand"):
            ask()
    if damage != "other":
        with pytest.raises(lineage.BrokenMembers, match="faces 1 is damaged"):
            lineage.count_in(session, dataset.id, [1])
    assert lineage.places_of(session, [200_000]) == {200_000: [dataset.id]}


def test_an_erasure_makes_one_next_version_and_the_old_one_stays(session: Session, dataset: Dataset) -> None:
    other = records.add_dataset(session, "more", "2", DAY)
    lineage.write_places(session, other, [1, 65_536])
    for image_id in (1, 65_536, 1):
        for one in (dataset, other):
            lineage.take_out(session, one.id, [image_id], AT, "erasure/first")
    assert lineage.versions_of(session, dataset.id) == []
    made = versions.settle_versions(session, "erasure/first", AT)
    assert [(one.dataset.name, one.label, one.number, one.taken, one.left) for one in made] == [
        ("faces", "1-e1", 1, 2, 6),
        ("more", "2-e1", 1, 2, 0),
    ]
    assert versions.settle_versions(session, "erasure/first", AT) == []
    assert records.find_dataset(session, "faces", "1-e1") == records.find_dataset(session, "faces", "1") == dataset
    assert versions.taken_for(session, made[0]) == [1, 65_536]
    logged = session.scalars(select(Entry).where(Entry.kind == "dataset-versions")).all()
    assert len(logged) == 1
    assert audit.fsck(session) == []


def test_a_version_keeps_its_digest_whatever_is_taken_out_later(session: Session, dataset: Dataset) -> None:
    lineage.take_out(session, dataset.id, [1], AT, "erasure/first")
    lineage.take_out(session, dataset.id, [2], AT, "erasure/second")
    lineage.take_out(session, dataset.id, [65_537], AT, "erasure/first")
    [first] = versions.settle_versions(session, "erasure/first", AT)
    assert (first.taken, first.left) == (2, 6)
    lineage.take_out(session, dataset.id, [200_000], AT, "erasure/second")
    [second] = versions.settle_versions(session, "erasure/second", AT)
    assert (second.number, second.taken, second.left, second.label) == (2, 2, 4, "1-e2")
    for version in (first, second):
        assert versions.digest_of(session, version) == (version.digest, version.left)
    still = (DatasetChunk.number == 0, DatasetChunk.until == date.max)
    session.execute(update(DatasetChunk).where(*still).values(members=bitmaps.pack(BitMap([9]))))
    assert versions.digest_of(session, second)[0] != second.digest


def test_a_version_keeps_its_digest_whatever_is_put_in_later(session: Session, dataset: Dataset) -> None:
    lineage.take_out(session, dataset.id, [1], AT, "erasure/first")
    [first] = versions.settle_versions(session, "erasure/first", AT)
    lineage.write_places(session, dataset, [2, 7, 8, 65_540, 400_000])
    assert versions.digest_of(session, first) == (first.digest, first.left)
    lineage.take_out(session, dataset.id, [7, 400_000], AT, "erasure/second")
    [second] = versions.settle_versions(session, "erasure/second", AT)
    lineage.write_places(session, dataset, [9, 400_001])
    lineage.write_places(session, dataset, [10])
    assert second.left == (first.left or 0) + 2
    for version in (first, second):
        assert versions.digest_of(session, version) == (version.digest, version.left)


def test_an_erasure_that_is_taken_up_again_makes_one_more_version(session: Session, dataset: Dataset) -> None:
    for image_id in (1, 2):
        lineage.take_out(session, dataset.id, [image_id], clock.now(), "erasure/one")
        versions.settle_versions(session, "erasure/one", clock.now())
    assert [one.taken for one in lineage.versions_of(session, dataset.id)] == [1, 1]

"""The next version of a dataset after an erasure: the version before it, less what was taken out.

A version is stored as what it has less than the one before it, so that it costs some bytes for each image taken out
and none for those that stay. One erasure makes one version of each dataset it took something out of, however many
images those were and however often its worker was killed. The version before it stays in the record, with its holes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import datetime

from pyroaring import BitMap
from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.orm import Session

from portal import audit
from portal.audit import merkle
from portal.lineage import bitmaps, chunks
from portal.tables import AddedChunk, Dataset, DatasetChunk, DatasetVersion, TakenChunk


def note_taken(session: Session, dataset_id: str, because: str, number: int, gone: BitMap) -> None:
    """Write down that these images of a range were taken out for this erasure, as part of the version to come."""
    version = _coming(session, dataset_id, because)
    version.taken += len(gone)
    session.flush()
    _note(session, TakenChunk, version, number, gone)


def note_added(session: Session, dataset_id: str, number: int, more: BitMap) -> None:
    """Write down that these images of a range come in now: the versions that there are do not have them.

    To be called before they are written down as members.
    """
    newest = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset_id, DatasetVersion.number.is_not(None))
    version = session.scalar(newest.order_by(DatasetVersion.number.desc()).limit(1))
    if version is None:
        return
    rows = chunks.still(chunks.in_range(number)).where(DatasetChunk.dataset_id == dataset_id)
    new = more.difference(*(chunk.members for chunk in chunks.read(session, rows)))
    if new:
        _note(session, AddedChunk, version, number, new)


def _note(
    session: Session, table: type[TakenChunk] | type[AddedChunk], version: DatasetVersion, number: int, more: BitMap
) -> None:
    where = (table.version_id == version.id, table.number == number)
    before = session.scalar(select(table.members).where(*where))
    if before is None:
        row = {"version_id": version.id, "number": number, "members": bitmaps.pack(more)}
        session.execute(insert(table).values(**row))
        return
    both = _read(session, version.dataset_id, number, before) | more
    changed = update(table).where(*where).values(members=bitmaps.pack(both))
    session.execute(changed, execution_options={"synchronize_session": False})


def settle_versions(session: Session, because: str, at: datetime) -> list[DatasetVersion]:
    """The erasure has ended: make the next version of each dataset it took something out of. Harmless when repeated."""
    open_ones = select(DatasetVersion).join(Dataset).filter(DatasetVersion.because == because)
    coming = session.scalars(open_ones.where(DatasetVersion.number.is_(None)).order_by(Dataset.name, Dataset.version))
    settled = [_settle(session, version, at) for version in coming.all()]
    if settled:
        audit.append(session, "dataset-versions", {"because": because, "versions": [_line(one) for one in settled]})
    return settled


def versions_of(session: Session, dataset_id: str) -> list[DatasetVersion]:
    """The versions after the first, oldest first."""
    rows = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset_id, DatasetVersion.number.is_not(None))
    return list(session.scalars(rows.order_by(DatasetVersion.number)))


def find_version(session: Session, name: str, label: str) -> DatasetVersion | None:
    """The later version of a dataset of this name that has this label."""
    rows = select(DatasetVersion).join(Dataset).where(Dataset.name == name, DatasetVersion.label == label)
    return session.scalar(rows)


def taken_for(session: Session, version: DatasetVersion) -> list[int]:
    """The ids of the images that this version has less than the one before it."""
    return [
        image_id
        for number, gone in _noted(session, TakenChunk, version.dataset_id, TakenChunk.version_id == version.id)
        for image_id in bitmaps.ids_of(number, gone)
    ]


def digest_of(session: Session, version: DatasetVersion) -> tuple[bytes, int]:
    """The Merkle root over the members of a version, and how many it has.

    A leaf is 16 bytes of salt, the number of a range of 65,536 ids (8 bytes, the highest first) and the bitmap of the
    members in it; ranges ascend, those without members are left out. It comes out the same at any later time: what
    was taken out for later versions is counted in again, and what was put in since is not.
    """
    members: dict[int, BitMap] = {}
    for chunk in chunks.read(session, chunks.still(chunks.of_dataset(version.dataset_id))):
        members[chunk.number] = members.get(chunk.number, BitMap()) | chunk.members
    later = (DatasetVersion.id != version.id, _later(version))
    for number, gone in _noted(session, TakenChunk, version.dataset_id, *later):
        members[number] = members.get(number, BitMap()) | gone
    for number, more in _put_in_since(session, version):
        members[number] = members.get(number, BitMap()) - more
    members = {number: inside for number, inside in members.items() if inside}
    leaves = (
        merkle.leaf_hash(version.salt + number.to_bytes(8, "big") + bitmaps.plain(inside))
        for number, inside in sorted(members.items())
    )
    return merkle.root(leaves), sum(map(len, members.values()))


def _settle(session: Session, version: DatasetVersion, at: datetime) -> DatasetVersion:
    last = select(func.max(DatasetVersion.number)).where(DatasetVersion.dataset_id == version.dataset_id)
    version.digest, version.left = digest_of(session, version)
    version.number = (session.scalar(last) or 0) + 1
    version.label = f"{version.dataset.version}-e{version.number}"
    version.created_at = at
    session.flush()
    return version


def _later(version: DatasetVersion) -> ColumnElement[bool]:
    """Versions that come after this one, those that have not come yet among them."""
    if version.number is None:
        return DatasetVersion.number.is_(None)
    return or_(DatasetVersion.number.is_(None), DatasetVersion.number > version.number)


def _put_in_since(session: Session, version: DatasetVersion) -> Iterator[tuple[int, BitMap]]:
    if version.number is not None:
        yield from _noted(session, AddedChunk, version.dataset_id, DatasetVersion.number >= version.number)


def _coming(session: Session, dataset_id: str, because: str) -> DatasetVersion:
    which = {"dataset_id": dataset_id, "because": because, "number": None}
    version = session.scalar(select(DatasetVersion).filter_by(**which))
    if version is None:
        version = DatasetVersion(**which, taken=0, salt=secrets.token_bytes(16))
        session.add(version)
    return version


def _noted(
    session: Session, table: type[TakenChunk] | type[AddedChunk], dataset_id: str, *which: ColumnElement[bool]
) -> Iterator[tuple[int, BitMap]]:
    rows = select(table.number, table.members).join(DatasetVersion)
    ordered = rows.where(DatasetVersion.dataset_id == dataset_id, *which).order_by(table.number)
    for number, stored in session.execute(ordered):
        yield number, _read(session, dataset_id, number, stored)


def _read(session: Session, dataset_id: str, number: int, stored: bytes) -> BitMap:
    try:
        return bitmaps.unpack(stored)
    except ValueError as problem:
        raise chunks.broken(session, dataset_id, number, str(problem)) from problem


def _line(version: DatasetVersion) -> dict[str, object]:
    assert version.digest is not None
    return {
        "dataset": version.dataset_id,
        "number": version.number,
        "taken": version.taken,
        "left": version.left,
        "digest": version.digest.hex(),
    }

"""Carrying out a scan: look at every object of a store once, and find the faces in what is new.

Looking is slow and happens outside any transaction. Each page ends with one that records what was seen, the counts and
the cursor together, if the lease is still ours.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import stores
from portal.db import Database
from portal.errors import BadPicture, LostLease, NotFound, StoreUnavailable, TooLarge
from portal.images import Box, Opener, near_digest
from portal.jobs import Lease
from portal.stores import OBJECT_UNREADABLE, Connector, Found, scans, seeing
from portal.stores.seeing import Coverage, Look, Seen
from portal.suppression import Gate
from portal.tables import Scan, Store, Suppression
from workers import encoder as encoders

# A page ends after so many pictures that had to be opened, after so many seconds, or with its chunk.
PAGE_PICTURES = 16
PAGE_SECONDS = 5.0
CHUNK = 200


def work(lease: Lease) -> None:
    """Go on with the scan after its cursor, page by page, until it is over or somebody asked otherwise.

    Raises StoreUnavailable when the store is away: what was recorded stays, and the scan is tried again later.
    """
    database = lease.database
    with database.reading() as session:
        scan = session.get_one(Scan, lease.row_id)
        store = session.get_one(Store, scan.store_id)
        cursor, expected = scan.cursor, scan.expected
    if _stop_if_asked(lease):
        return
    connector = stores.connect(store)
    if expected is None:
        _record_expected(lease, connector.count())
    with Looker(database, store.id, connector) as looker:
        started = time.monotonic()
        for chunk in _chunks(connector.list(cursor)):
            for page in looker.pages(chunk):
                if lease.lost.is_set():
                    raise LostLease("Another worker goes on with this scan.")
                if _record(lease, looker, page, time.monotonic() - started):
                    return
                started = time.monotonic()
    _finish(lease)


class Looker:
    """Looks at objects: unchanged ones are passed by, the others read, asked about at the gate, opened and encoded."""

    def __init__(self, database: Database, store_id: str, connector: Connector) -> None:
        self._database = database
        self._store_id = store_id
        self._connector = connector
        self._opener = Opener()
        self._encoder = encoders.load_encoder()
        with database.writing() as session:
            name, version = self._encoder.name, self._encoder.version
            self.encoder_id = seeing.encoder_id(session, name, version, self._encoder.dimensions)
        with database.reading() as session:
            self._ask_gate_anew(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opener.close()

    def pages(self, chunk: Sequence[Found]) -> Iterator[list[Seen]]:
        """What came of the objects, in pages that are short enough to be lost."""
        with self._database.reading() as session:
            unchanged = seeing.unchanged_keys(session, self._store_id, chunk, self.encoder_id)
        page: list[Seen] = []
        opened, started = 0, time.monotonic()
        for found in chunk:
            seen = Seen(found, "unchanged") if found.key in unchanged else self._see(found)
            if seen is None:
                continue
            page.append(seen)
            opened += seen.outcome != "unchanged"
            if opened >= PAGE_PICTURES or time.monotonic() - started > PAGE_SECONDS:
                yield page
                page, opened, started = [], 0, time.monotonic()
        if page:
            yield page

    def stops(self, session: Session, look: Look) -> bool:
        """Ask the gate in the transaction that records: an erasure may have shut it since the picture was read."""
        if self._newest_suppression(session) != self._newest:
            self._ask_gate_anew(session)
        return self._gate.stops(look.digest, look.near_digest)

    def _see(self, found: Found) -> Seen | None:
        """One new or changed object; None when it vanished after it was listed."""
        try:
            data = self._connector.open(found.key)
        except NotFound:
            return None
        except TooLarge as problem:
            return Seen(found, "unreadable", problem=(problem.code, problem.sentence))
        except StoreUnavailable as problem:
            if problem.code != OBJECT_UNREADABLE:
                raise
            return Seen(found, "unreadable", problem=(problem.code, problem.sentence))
        digest = hashlib.sha256(data).digest()
        if self._gate.stops(digest, None):
            return Seen(found, "stopped")
        try:
            look = self._earlier(digest) or self._look(data, digest)
        except BadPicture as problem:
            return Seen(found, "unreadable", digest=digest, problem=(problem.code, problem.sentence))
        return Seen(found, "looked-at", look)

    def _earlier(self, digest: bytes) -> Look | None:
        with self._database.reading() as session:
            return seeing.earlier_look(session, digest, self.encoder_id)

    def _look(self, data: bytes, digest: bytes) -> Look:
        pixels = self._opener.open(data).pixels
        height, width = pixels.shape[:2]
        boxes = self._encoder.find(pixels)
        templates = self._encoder.encode(self._encoder.cut(pixels, boxes))
        return Look(
            digest=digest,
            near_digest=near_digest(pixels),
            width=width,
            height=height,
            coverage=_coverage(boxes),
            boxes=boxes,
            templates=[template.astype("<f4").tobytes() for template in templates],
        )

    def _ask_gate_anew(self, session: Session) -> None:
        self._newest = self._newest_suppression(session)
        self._gate = Gate(session)

    def _newest_suppression(self, session: Session) -> int | None:
        return session.scalar(select(func.max(Suppression.id)))


def _coverage(boxes: Sequence[Box]) -> Coverage:
    """Small faces are compared, too, but a picture that has no other is not said to be searched."""
    if not boxes:
        return "faceless"
    large = [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= encoders.SMALLEST_FACE]
    return "searched" if large else "too-small"


def _chunks(found: Iterator[Found]) -> Iterator[list[Found]]:
    while chunk := list(islice(found, CHUNK)):
        yield chunk


def _record(lease: Lease, looker: Looker, page: list[Seen], seconds: float) -> bool:
    """Write one page down. True when somebody asked the scan to pause or stop, which it now has."""
    with lease.database.writing() as session:
        lease.hold(session)
        scan = session.get_one(Scan, lease.row_id)
        seeing.record_page(session, scan, page, looker.encoder_id, lambda look: looker.stops(session, look))
        scan.working_seconds += seconds
        # A scan of days may meet eight short troubles; only those without any progress between them count.
        scan.attempts = 1
        return _obey(lease, session, scan)


def _stop_if_asked(lease: Lease) -> bool:
    with lease.database.writing() as session:
        lease.hold(session)
        return _obey(lease, session, session.get_one(Scan, lease.row_id))


def _obey(lease: Lease, session: Session, scan: Scan) -> bool:
    if scan.state == "running" and scan.wish is None:
        return False
    if scan.wish == "cancel":
        scans.finish(session, scan, "cancelled")
    elif scan.wish == "pause":
        scan.state, scan.wish = "paused", None
    if scan.state == "paused":
        lease.idle(session)
    else:
        lease.done(session)
    return True


def _record_expected(lease: Lease, count: int) -> None:
    with lease.database.writing() as session:
        lease.hold(session)
        session.get_one(Scan, lease.row_id).expected = count


def _finish(lease: Lease) -> None:
    with lease.database.writing() as session:
        lease.hold(session)
        scan = session.get_one(Scan, lease.row_id)
        seeing.mark_gone(session, scan)
        scans.finish(session, scan, "done")
        lease.done(session)

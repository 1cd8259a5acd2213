"""Carrying out a scan: look at every object of a store once, and find the faces in what is new.

Objects are read ahead and handed to a crew in batches. Looking is slow and happens outside any transaction. Each page
ends with one that records what was seen and the counts together, if the lease is still ours. Pages are recorded as they
are ready; the cursor follows up to where nothing is missing.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from portal import stores
from portal.errors import EffaceError, LostLease, NotFound, ObjectUnreadable, TooLarge, Unavailable
from portal.jobs import Lease
from portal.matching import encoders as rules
from portal.matching.kept_out import KeptOut
from portal.stores import Connector, Found, scans, seeing
from portal.stores.seeing import Look, Seen, Stopped
from portal.suppression import Gate, newest
from portal.tables import Scan, Store
from workers import encoder as encoders
from workers.looking import Crew, Problem, ended
from workers.pacing import Pace

# What a process of the crew gets at once: so many pictures, or so many bytes of them.
PAGE_PICTURES = 16
PAGE_BYTES = 32 * 1024 * 1024
# What needs no looking at is recorded after so many objects, or so many seconds.
PAGE_OBJECTS = 500
PAGE_SECONDS = 5.0
# Objects that are listed and asked about at once.
CHUNK = 2000
# A store far away answers one reading slowly and several no slower.
READERS = 4
# What one of them reads before it hands it over: so many objects, or so many bytes as listed.
READ_OBJECTS = 16
READ_BYTES = 4 * 1024 * 1024
# What was found in so many different contents is kept at hand: about 1 KB each.
LOOKS_AT_HAND = 4096

Read = tuple[bytes, bytes] | EffaceError
"""SHA-256 and bytes of an object, or why it could not be read."""


def work(lease: Lease) -> None:
    """Go on with the scan after its cursor until it is over or somebody asked otherwise.

    Raises StoreUnavailable when the store is away: what was recorded stays, and the scan is tried again later.
    """
    with lease.database.reading() as session:
        scan = session.get_one(Scan, lease.row_id)
        store = session.get_one(Store, scan.store_id)
        wanted = scans.keys_to_retry(session, scan)
    if _stop_if_asked(lease):
        return
    connector = stores.connect(store)
    if scan.expected is None:
        _record_expected(lease, connector.count() if wanted is None else len(wanted))
    listed = (one for one in connector.list(scan.cursor) if wanted is None or one.key in wanted)
    with Scanner(lease, connector) as scanner:
        for chunk in _chunks(listed):
            if scanner.go_through(chunk):
                return
        if scanner.finish():
            return
    _finish(lease)


@dataclass
class _Batch:
    """Pictures that are looked at together. Objects with the same bytes share one look."""

    objects: dict[bytes, list[Found]]
    data: dict[bytes, bytes]


class Scanner:
    """One worker's turn at a scan: what is read, what is being looked at, what is ready to be recorded."""

    def __init__(self, lease: Lease, connector: Connector) -> None:
        self._lease = lease
        self._database = lease.database
        self._connector = connector
        used = encoders.load_encoders(self._database)
        self._crew = Crew(self._database.config, used)
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._pace = Pace(lease.lost)
        self._low = LowWater()
        self._batch = _Batch({}, {})
        self._flying: dict[Future[list[Look | Problem]], _Batch] = {}
        self._ready: list[Seen] = []
        self._looks: dict[bytes, Look] = {}
        self._started = time.monotonic()
        self._names = [(one.name, one.version) for one in used]
        with self._database.writing() as session:
            self._encoders = [seeing.encoder_id(session, one.name, one.version, one.dimensions) for one in used]
        with self._database.reading() as session:
            self._ask_gate_anew(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._readers.shutdown(cancel_futures=True)
        self._crew.__exit__(kind, problem, trace)

    def go_through(self, chunk: Sequence[Found]) -> bool:
        """Take up listed objects. True when somebody asked the scan to pause or stop, which it now has."""
        with self._database.reading() as session:
            scan = session.get_one(Scan, self._lease.row_id)
            self._pace.a_second = scan.store.reads_per_second
            known = seeing.known(session, scan, chunk, self._encoders)
        new = [one for one in chunk if one.key not in known.seen and one.key not in known.unchanged]
        self._low.begin(chunk[-1].key, {one.key for one in new} | known.unchanged.keys())
        if known.unchanged and self._record([], known.unchanged):
            return True
        return any(self._take(found, read) for found, read in self._read(new))

    def finish(self) -> bool:
        """Wait for what is being looked at, and record it. True when somebody asked the scan to pause or stop."""
        if self._batch.objects and self._send():
            return True
        while self._flying:
            if self._collect():
                return True
        return self._record_ready()

    def _read(self, new: Sequence[Found]) -> Iterator[tuple[Found, Read]]:
        """Each object with its digest and bytes, read ahead by a few, so that a slow store is never asked for more."""
        ahead: deque[tuple[list[Found], Future[list[Read]]]] = deque()
        for few in _read_together(new, self._pace.portion(READ_OBJECTS)):
            self._pace.take(len(few))
            ahead.append((few, self._readers.submit(_read, self._connector, few)))
            if len(ahead) > READERS:
                few, reads = ahead.popleft()
                yield from zip(few, reads.result(), strict=True)
        for few, reads in ahead:
            yield from zip(few, reads.result(), strict=True)

    def _take(self, found: Found, read: Read) -> bool:
        """One object that is new or changed. True when the scan has stopped."""
        if isinstance(read, NotFound):
            self._low.end([found.key])  # It vanished after it was listed.
            return False
        if isinstance(read, EffaceError):
            return self._add(Seen(found, "unreadable", problem=(read.code, read.sentence)))
        digest, data = read
        if self._gate.stops(digest, None):
            return self._add(Seen(found, "stopped"))
        twin = next((one for one in (self._batch, *self._flying.values()) if digest in one.objects), None)
        if twin is not None:
            twin.objects[digest].append(found)
            return False
        look = self._earlier_look(digest)
        if look is not None:
            return self._add(Seen(found, "looked-at", look))
        self._batch.objects[digest], self._batch.data[digest] = [found], data
        full = len(self._batch.data) >= PAGE_PICTURES or sum(map(len, self._batch.data.values())) >= PAGE_BYTES
        return full and self._send()

    def _earlier_look(self, digest: bytes) -> Look | None:
        look = self._looks.get(digest)
        if look is None:
            with self._database.reading() as session:
                look = seeing.earlier_look(session, digest, self._encoders)
        return self._remember(look) if look is not None else None

    def _remember(self, look: Look) -> Look:
        """Copies often lie near each other, so the newest looks are kept at hand."""
        if len(self._looks) >= LOOKS_AT_HAND:
            del self._looks[next(iter(self._looks))]
        self._looks[look.digest] = look
        return look

    def _add(self, seen: Seen) -> bool:
        self._ready.append(seen)
        late = time.monotonic() - self._started > PAGE_SECONDS
        return (late or len(self._ready) >= PAGE_OBJECTS) and self._record_ready()

    def _send(self) -> bool:
        """Hand the batch to the crew, and wait while each of its processes has one and the next."""
        batch, self._batch = self._batch, _Batch({}, {})
        self._flying[self._crew.look(list(batch.data.items()))] = batch
        batch.data.clear()
        limit = 2 * self._crew.size if self._crew.spread else 1
        while len(self._flying) >= limit:
            if self._collect():
                return True
        return False

    def _collect(self) -> bool:
        """Record the batches that are looked at by now, at least one."""
        done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                looked = future.result()
            except BrokenProcessPool as problem:
                raise ended() from problem
            batch = self._flying.pop(future)
            for (digest, objects), what in zip(batch.objects.items(), looked, strict=True):
                if isinstance(what, Look):
                    self._remember(what)
                self._ready += [_seen(found, digest, what, fresh=not at) for at, found in enumerate(objects)]
        return self._record_ready()

    def _record_ready(self) -> bool:
        ready, self._ready = self._ready, []
        return bool(ready) and self._record(ready, {})

    def _record(self, page: Sequence[Seen], unchanged: dict[str, int]) -> bool:
        """Write one page down. True when somebody asked the scan to pause or stop, which it now has."""
        if self._lease.lost.is_set():
            raise LostLease("Another worker goes on with this scan.")
        now = time.monotonic()
        cursor = self._low.end([*(seen.found.key for seen in page), *unchanged])
        with self._database.writing() as session:
            self._lease.hold(session)
            self._see_that_encoders_are_current(session)
            scan = session.get_one(Scan, self._lease.row_id)
            seeing.touch(session, scan, list(unchanged.values()))
            self._see_that_gate_is_current(session)
            seeing.record_page(session, scan, page, self._encoders, self._stops)
            scan.cursor = cursor or scan.cursor
            self._pace.a_second = scan.store.reads_per_second
            scan.working_seconds += now - self._started
            # A scan of days may meet eight short troubles; only those without any progress between them count.
            scan.attempts = 1
            stopped = _obey(self._lease, session, scan)
        self._started = now
        return stopped

    def _see_that_encoders_are_current(self, session: Session) -> None:
        """A face without a template of an encoder that was added meanwhile would not be found again by any search."""
        if not rules.are_current(session, self._encoders):
            raise Unavailable("The encoders have changed. The scan goes on with the new ones.", "encoders-changed")

    def _see_that_gate_is_current(self, session: Session) -> None:
        """In the transaction that records: an erasure may have shut the gate since the pictures were read."""
        if newest(session) != self._newest:
            self._ask_gate_anew(session)

    def _stops(self, look: Look) -> Stopped | None:
        if self._gate.stops(look.digest, look.near_digest):
            return "erased"
        return "face" if self._kept_out.holds_back(look.digest, look.templates) else None

    def _ask_gate_anew(self, session: Session) -> None:
        """Whatever shut the gate may have erased faces, too: none of them is kept at hand."""
        self._newest = newest(session)
        self._gate = Gate(session)
        self._kept_out = KeptOut(session, self._names)
        self._looks.clear()


class LowWater:
    """The key up to which nothing is missing, while later objects may be recorded before earlier ones."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[str, set[str]]] = deque()

    def begin(self, last: str, missing: set[str]) -> None:
        """A chunk of objects whose greatest key is `last`; those in `missing` are to be recorded."""
        self._chunks.append((last, missing))

    def end(self, keys: Sequence[str]) -> str | None:
        """These are recorded now. The new key, if it moved."""
        for _, missing in self._chunks:
            missing.difference_update(keys)
        reached = None
        while self._chunks and not self._chunks[0][1]:
            reached = self._chunks.popleft()[0]
        return reached


def _read_together(new: Sequence[Found], most: int) -> Iterator[list[Found]]:
    """The objects in small portions: handing each over by itself takes longer than reading it."""
    few: list[Found] = []
    size = 0
    for found in new:
        if few and (len(few) >= most or size + found.size > READ_BYTES):
            yield few
            few, size = [], 0
        few.append(found)
        size += found.size
    if few:
        yield few


def _read(connector: Connector, few: Sequence[Found]) -> list[Read]:
    """Digest and bytes of each, or why there are none. What is wrong with the whole store is raised."""
    reads: list[Read] = []
    for found in few:
        try:
            data = connector.open(found.key)
            reads.append((hashlib.sha256(data).digest(), data))
        except (NotFound, TooLarge, ObjectUnreadable) as problem:
            reads.append(problem)
    return reads


def _seen(found: Found, digest: bytes, looked: Look | Problem, fresh: bool) -> Seen:
    if isinstance(looked, Look):
        return Seen(found, "looked-at", looked, fresh=fresh)
    return Seen(found, "unreadable", digest=digest, problem=looked, fresh=fresh)


def _chunks(found: Iterator[Found]) -> Iterator[list[Found]]:
    while chunk := list(islice(found, CHUNK)):
        yield chunk


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
        if scan.retry_of_id is None:
            seeing.mark_gone(session, scan)
        scans.finish(session, scan, "done")
        lease.done(session)

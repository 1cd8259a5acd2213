"""Looking at pictures: bytes in, faces and their templates out. This knows neither the store nor the database.

A crew looks at batches. The first few are looked at in the worker's own process; a scan that goes on gets a process
for each core, each with one thread, so that they do not fight over cores.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from types import TracebackType
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from portal import processes
from portal.config import Config
from portal.db import Database
from portal.errors import BadPicture, Unavailable
from portal.images import Box, Opener, Pixels, near_digest
from portal.stores.seeing import Coverage, Look
from workers import encoder as encoders
from workers.encoder import Encoder

Problem = tuple[str, str]
"""Why a picture could not be opened: code and sentence."""
Batch = Sequence[tuple[bytes, bytes]]
"""SHA-256 and bytes of each picture."""

# Starting processes takes some seconds: so many pictures are looked at before they are started.
SPREAD_AFTER = 64


@dataclass(frozen=True)
class _Opened:
    """A picture whose faces have no templates yet: `chips` has one array for each encoder."""

    digest: bytes
    near_digest: bytes
    width: int
    height: int
    boxes: list[Box]
    fallback: bool
    chips: list[Pixels]


class Looker:
    """Opens pictures, finds their faces with the first encoder, and encodes them with all. For one thread."""

    def __init__(self, used: Sequence[Encoder]) -> None:
        self._encoders = used
        self._opener = Opener()

    def close(self) -> None:
        self._opener.close()

    def look(self, batch: Batch) -> list[Look | Problem]:
        """What came of each picture. The faces of all of them go through the networks together."""
        opened = [self._open(digest, data) for digest, data in batch]
        good = [one for one in opened if isinstance(one, _Opened)]
        templates = [self._encode(number, good) for number in range(len(self._encoders))]
        looks = iter([_look(one, [found[at] for found in templates]) for at, one in enumerate(good)])
        return [next(looks) if isinstance(one, _Opened) else one for one in opened]

    def _open(self, digest: bytes, data: bytes) -> _Opened | Problem:
        try:
            picture = self._opener.open(data, least=encoders.LONGEST_LOOKED_AT)
        except BadPicture as problem:
            return problem.code, problem.sentence
        pixels, times = picture.pixels, picture.times
        height, width = pixels.shape[:2]
        boxes = self._encoders[0].find(pixels)
        fallback = not boxes
        if fallback:
            boxes = self._encoders[0].find_harder(pixels)
        chips = [encoder.cut(pixels, boxes) for encoder in self._encoders]
        whole = [(left * times, top * times, right * times, bottom * times) for left, top, right, bottom in boxes]
        return _Opened(
            digest, near_digest(pixels), width * times, height * times, whole, fallback and bool(boxes), chips
        )

    def _encode(self, number: int, opened: Sequence[_Opened]) -> list[list[bytes]]:
        """The templates of each picture's faces by one encoder."""
        chips = [one.chips[number] for one in opened if one.boxes]
        if not chips:
            return [[] for _ in opened]
        templates = iter(self._encoders[number].encode(np.concatenate(chips)).astype("<f4"))
        return [[next(templates).tobytes() for _ in one.boxes] for one in opened]


def _look(opened: _Opened, templates: list[list[bytes]]) -> Look:
    return Look(
        digest=opened.digest,
        near_digest=opened.near_digest,
        width=opened.width,
        height=opened.height,
        coverage=_coverage(opened),
        boxes=opened.boxes,
        templates=templates,
        fallback=opened.fallback,
    )


def _coverage(opened: _Opened) -> Coverage:
    """Small faces are compared, too, but a picture that has no other is not said to be searched."""
    if not opened.boxes:
        return "faceless"
    if all(min(right - left, bottom - top) < encoders.SMALLEST_FACE for left, top, right, bottom in opened.boxes):
        return "too-small"
    return "fallback" if opened.fallback else "searched"


class Crew:
    """Looks at batches of pictures, `size` of them at a time. Use it as a context manager."""

    def __init__(self, config: Config, used: Sequence[Encoder]) -> None:
        self.size = config.scan_processes or os.cpu_count() or 1
        self._config = config
        self._known = [(encoder.name, encoder.version) for encoder in used]
        self._looker = Looker(used)
        self._pool: ProcessPoolExecutor | None = None
        self._looked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._looker.close()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def spread(self) -> bool:
        """Whether batches go to processes of their own by now."""
        return self.size > 1 and self._looked > SPREAD_AFTER

    def look(self, batch: Batch) -> Future[list[Look | Problem]]:
        """What `Looker.look` says of the batch, at some time. Raises Unavailable when a process was ended."""
        self._looked += len(batch)
        if self.spread:
            self._pool = self._pool or self._start()
            try:
                return self._pool.submit(_look_in_process, batch)
            except BrokenProcessPool as problem:
                raise ended() from problem
        answer: Future[list[Look | Problem]] = Future()
        answer.set_result(self._looker.look(batch))
        return answer

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.size, get_context("spawn"), initializer=_begin, initargs=(self._config, self._known)
        )


def ended() -> Unavailable:
    """One of the processes is gone: the system may have needed its memory."""
    return Unavailable("A process that looks at photographs was ended. What it had not finished is looked at again.")


_here: list[Looker] = []


def _begin(config: Config, known: list[tuple[str, str]]) -> None:
    """Load the encoders of this process. An error here ends the pool, and is told by it."""
    processes.die_with_parent()
    threadpool_limits(1)
    database = Database(config)
    try:
        used = encoders.load_encoders(database)
    finally:
        database.close()
    if [(encoder.name, encoder.version) for encoder in used] != known:
        raise LookupError("the encoders have changed since the scan was begun")
    _here.append(Looker(used))


def _look_in_process(batch: Batch) -> list[Look | Problem]:
    return _here[0].look(batch)

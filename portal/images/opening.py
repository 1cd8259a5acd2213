"""Opening pictures in a process apart, which may be killed without harm."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.errors import BadPicture
from portal.images.refusals import SENTENCES, refusal

Pixels = NDArray[np.uint8]

MAX_BYTES = 128 * 1024 * 1024
MAX_PIXELS = 64_000_000
SECONDS = 30.0
PICTURES_PER_CHILD = 500
PIPE = 1024 * 1024
CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Picture:
    """An opened picture: `pixels` (height, width, 3) uint8 RGB, upright and without metadata; the file's `format`.

    The whole picture has `times` as many pixels in each direction, up to those that its last row and column may lack.
    """

    pixels: Pixels
    format: str
    times: int = 1


class _Died(Exception):
    """The child is gone, or says that it was too much; the message is the code for the picture."""


class Opener:
    """A limited process that opens one picture after the other. Use it as a context manager.

    A picture that takes too long or too much memory costs the process, not the caller: it is killed and the next
    picture gets a new one. Threads may share an opener; they wait for each other.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._opened = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Opener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        return self._child.pid if self._child else None

    def open(self, data: bytes, least: int = 0) -> Picture:
        """The picture in `data`; of a JPEG a smaller copy, three times as fast, where its longer side keeps `least` px.

        Raises BadPicture with a code of `refusals.SENTENCES`.
        """
        if not data:
            raise refusal("empty")
        if len(data) > MAX_BYTES:
            raise refusal("too-many-bytes")
        with self._lock:
            used = self._opened > 0
            late = threading.Event()
            try:
                return self._ask(data, least, late)
            except _Died as death:
                # What earlier pictures left in its memory must not be held against this one.
                if not used or late.is_set():
                    raise refusal(str(death)) from None
            try:
                return self._ask(data, least, late)
            except _Died as death:
                raise refusal(str(death)) from None

    def close(self) -> None:
        with self._lock:
            self._end()

    def _ask(self, data: bytes, least: int, late: threading.Event) -> Picture:
        """One exchange with the child. Raises BadPicture, or _Died when the child is gone; `late` says by our watch."""
        if self._opened >= PICTURES_PER_CHILD or (self._child and self._child.poll() is not None):
            self._end()
        child = self._child or self._start()

        def give_up() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self._seconds, give_up)
        timer.start()
        try:
            self._opened += 1
            return _exchange(child, data, least)
        except BadPicture:
            raise
        except BaseException:
            # Half an exchange cannot be taken up again, whatever broke it off.
            self._end()
            raise
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_bare_environment(),
        )
        self._opened = 0
        _widen(self._child)
        return self._child

    def _end(self) -> None:
        child, self._child, self._opened = self._child, None, 0
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                _close(pipe)
            child.wait()


def open_picture(data: bytes, least: int = 0) -> Picture:
    """Open one picture in a process of its own, as `Opener.open`. Raises BadPicture."""
    with Opener() as opener:
        return opener.open(data, least)


def _widen(child: subprocess.Popen[bytes]) -> None:
    """Let a pipe hold a megabyte where the system can: pixels come in pieces as large as it, each with a switch."""
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(AttributeError, OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)  # type: ignore[arg-type]


def _bare_environment() -> dict[str, str]:
    """No secrets, one thread each, and no pools of memory per thread."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}


def _exchange(child: subprocess.Popen[bytes], data: bytes, least: int) -> Picture:
    assert child.stdin is not None
    try:
        child.stdin.write(struct.pack(">QI", len(data), least))
        child.stdin.write(data)
        child.stdin.flush()
    except OSError:
        raise _Died(_cause(child)) from None
    head = _read_head(child)
    if head["code"] == "too-costly":
        raise _Died("too-costly")
    if head["code"] is not None:
        raise refusal(head["code"])
    pixels = np.empty((head["height"], head["width"], 3), np.uint8)
    _read_into(child, pixels.data.cast("B"))
    return Picture(pixels, head["format"], head["times"])


def _read_head(child: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The child's head. A child that was taken over could say anything, so nothing in it is believed unchecked."""
    length = bytearray(4)
    _read_into(child, memoryview(length))
    size = struct.unpack(">I", length)[0]
    if size > 1000:
        raise _Died("damaged")
    body = bytearray(size)
    _read_into(child, memoryview(body))
    try:
        head = json.loads(body)
        if head["code"] is not None:
            return {"code": head["code"] if head["code"] in SENTENCES else "damaged"}
        width, height = int(head["width"]), int(head["height"])
        times = int(head["times"])
        checked = {"code": None, "width": width, "height": height, "format": str(head["format"])[:10], "times": times}
    except (ValueError, KeyError, TypeError):
        raise _Died("damaged") from None
    if width < 1 or height < 1 or width * height > MAX_PIXELS or times not in (1, 2, 4, 8):
        raise _Died("damaged")
    return checked


def _read_into(child: subprocess.Popen[bytes], room: memoryview) -> None:
    assert child.stdout is not None
    done = 0
    while done < len(room):
        try:
            count = child.stdout.readinto(room[done:])  # type: ignore[attr-defined]
        except OSError:
            count = 0
        if not count:
            raise _Died(_cause(child))
        done += count


def _cause(child: subprocess.Popen[bytes]) -> str:
    """What a child that went away died of: a broken decoder, or one of its limits."""
    try:
        status = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "too-costly"
    crashes = {-11, -7, -4, -8}  # SEGV, BUS, ILL, FPE
    return "damaged" if status in crashes else "too-costly"


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        return  # What was still in the buffer was for a process that is gone.

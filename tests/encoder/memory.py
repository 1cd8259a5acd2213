"""A picture behind which no memory is, and a process apart that may die of reading there."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
from collections.abc import Callable

import numpy as np

from workers.encoder.resizing import SPARE, Picture

PROT_NONE = 0


def at_the_end_of_the_memory(grey: np.ndarray) -> Picture:
    """Its spare bytes are the last ones of a page, and the next page may not be read."""
    length = grey.size + SPARE
    pages = -(-length // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    behind = ctypes.c_void_p(whole.ctypes.data + pages * mmap.PAGESIZE)
    assert libc.mprotect(behind, mmap.PAGESIZE, PROT_NONE) == 0
    numbers = whole[pages * mmap.PAGESIZE - length : pages * mmap.PAGESIZE]
    numbers[: grey.size] = grey.reshape(-1)
    return Picture(numbers, *grey.shape)


def in_a_process_apart(act: Callable[[], None]) -> int | None:
    """Its exit code: 0, or less than 0 for the signal that ended it."""
    child = multiprocessing.get_context("fork").Process(target=act)
    child.start()
    child.join(60)
    return child.exitcode

"""Telling the same photograph again after it was saved anew or resized."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from portal.images.drawing import grey
from portal.images.opening import Pixels

SIDE = 64
WAVES = 16
NEAR_LIMIT = 40
FLAT = bytes(32)
# Root mean square of the 256 waves, in grey levels, under which a picture is flat.
TEXTURE = 1.0


def _cosines() -> NDArray[np.float64]:
    """The rows 1 to 16 of the orthonormal DCT-II matrix of 64 points."""
    wave, place = np.arange(1, WAVES + 1)[:, None], np.arange(SIDE)[None, :]
    matrix: NDArray[np.float64] = np.sqrt(2 / SIDE) * np.cos(np.pi * wave * (2 * place + 1) / (2 * SIDE))
    return matrix


COSINES = _cosines()


def near_digest(pixels: Pixels) -> bytes:
    small = grey(pixels, (SIDE, SIDE))
    waves = COSINES @ small @ COSINES.T
    if np.sqrt(np.mean(waves**2)) < TEXTURE:
        return FLAT
    return np.packbits(waves > np.median(waves)).tobytes()


def near_distance(a: bytes, b: bytes) -> int:
    if FLAT in (a, b):
        return 8 * len(FLAT)
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()

"""What dlib's frontal face detector looks for: its five filters, and how well a face fits them place by place."""

from __future__ import annotations

import functools
import importlib
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from portal import images
from portal.images import Pixels
from workers.encoder import landmarks, weights
from workers.encoder.histograms import CELL, PLANES, STEPS, features
from workers.encoder.weights import Filters, Floats

WINDOW = 10  # cells
# Windows reach over the edge by so many cells: before the first cell, and behind the last one.
BEFORE, BEHIND = 4, 5
MOST = 127  # of a byte with a sign
# Where the eyes lie in the detector's window with one cell around it: medians of 445 photographs.
EYES = np.array([(32.6, 33.7), (62.6, 33.7)])
# The window is tried so much larger or smaller, and higher or lower in pixels, and the best fit counts.
SIZES, LIFTS = (0.94, 1.0, 1.06), (-3, 0, 3)
# The cells of each part: first and last row, first and last column, the last ones not counted.
PARTS = {
    "left_eye": (2, 4, 2, 5),
    "right_eye": (2, 4, 5, 8),
    "bridge": (3, 6, 4, 6),
    "mouth": (6, 8, 3, 7),
    "lower_face": (4, 8, 3, 7),
}


def read_filters() -> Filters:
    """The filters that dlib carries within itself: it is asked to save them. Raises weights.BadWeights."""
    dlib = importlib.import_module("dlib")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontal.svm"
        dlib.get_frontal_face_detector().save(str(path))
        data = path.read_bytes()
    return weights.parse_filters(data, "dlib.get_frontal_face_detector")


def for_bytes(filters: Filters) -> tuple[NDArray[np.int8], Floats]:
    """The filters for features in steps of a byte, in whole numbers (5, PLANES, 10, 10), and what one is worth (5,).

    Of a byte's range only half is used, so that no processor's sums overflow.
    """
    count, planes = filters.weights.shape[:2]
    scaled = np.zeros((count, PLANES, WINDOW, WINDOW), np.float32)
    scaled[:, :planes] = filters.weights / np.float32(STEPS)
    scaled[:, 27:] *= 2
    steps: Floats = np.abs(scaled).max(axis=(1, 2, 3)) / np.float32(MOST // 2)
    return np.rint(scaled / steps[:, None, None, None]).astype(np.int8), steps


def see_parts(pixels: Pixels, places: dict[str, landmarks.Points]) -> dict[str, float]:
    """What each of PARTS gives to the detector's score, for the face whose eyes are at `places`.

    A bare face gives about 1 in each eye, the bridge and the mouth, and 2 in its lower part; what is covered gives
    little or less than nothing, also where the cover has edges of its own. Light and contrast do not count.
    """
    filters = _filters()
    eyes = np.array([places["left_eye"], places["right_eye"]])
    best, fits = -np.inf, np.zeros((WINDOW, WINDOW))
    for size in SIZES:
        for lift in LIFTS:
            seen = _seen(pixels, (EYES - EYES.mean(axis=0)) * size + EYES.mean(axis=0) + [0, lift], eyes)
            each = (filters.weights * seen).sum(axis=1)
            scores = each.sum(axis=(1, 2)) - filters.thresholds
            if scores.max() > best:
                best, fits = scores.max(), each[scores.argmax()]
    return {name: float(fits[top:end, left:right].sum()) for name, (top, end, left, right) in PARTS.items()}


def _seen(pixels: Pixels, wanted: landmarks.Points, eyes: landmarks.Points) -> NDArray[np.float64]:
    """Features (31, 10, 10) of the window in which the eyes lie where they are wanted."""
    cells = WINDOW + 2
    grey = images.grey(images.warp(pixels, landmarks.fit(wanted, eyes), (cells * CELL, cells * CELL)))
    found = features(grey.astype(np.uint8), cells, cells).astype(np.float64) / STEPS
    found[:, :, 27:] *= 2  # Features keeps the sums halved.
    return found.transpose(2, 0, 1)[:31]


@functools.cache
def _filters() -> Filters:
    return read_filters()

"""Taking one face out of a photograph that other people keep: covered with flat grey, or cut away."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from portal.images.drawing import COVER_COLOUR, Box, covered, mask
from portal.images.opening import Pixels

# What is written keeps its form, so that its name stays true. A second compression may move flat grey by so much.
FORMATS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True}}
STRAY = 6


def redacted(pixels: Pixels, file_format: str, face: Box, window: Box | None) -> bytes:
    """The picture without this face, in the same `file_format` (a key of FORMATS), without any metadata.

    With a `window` it is cut to that; without one the face is covered. Raises KeyError for another format.
    """
    if window is not None:
        left, top, right, bottom = window
        rest = pixels[top:bottom, left:right]
    else:
        rest = mask(pixels, [face])
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(rest)).save(out, file_format, **FORMATS[file_format])
    return out.getvalue()


def window_without(width: int, height: int, face: Box, others: Iterable[Box]) -> Box | None:
    """The part of the picture beside, above or below a face that keeps most of the other faces whole, then is largest.

    None when none of them keeps a face: then nothing of the photograph would be worth keeping.
    """
    left, top, right, bottom = covered(face)
    parts = ((0, 0, left, height), (right, 0, width, height), (0, 0, width, top), (0, bottom, width, height))
    kept = {part: sum(holds(part, other) for other in others) for part in parts}
    best = max(parts, key=lambda part: (kept[part], (part[2] - part[0]) * (part[3] - part[1])))
    return best if kept[best] else None


def holds(window: Box, box: Box) -> bool:
    """Whether a box lies wholly in a window."""
    return window[0] <= box[0] and window[1] <= box[1] and box[2] <= window[2] and box[3] <= window[3]


def is_covered(pixels: Pixels, face: Box) -> bool:
    """Whether the place of a face holds nothing but the flat colour of `mask`."""
    left, top, right, bottom = covered(face)
    place = pixels[max(0, top) : bottom, max(0, left) : right].astype(np.int16)
    # The outermost pixels share their blocks with what lies around.
    inner = place[8:-8, 8:-8] if min(place.shape[:2]) > 32 else place
    return bool(inner.size) and int(np.abs(inner - COVER_COLOUR).max()) <= STRAY

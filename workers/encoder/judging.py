"""May a face be searched with? What is wrong with it is said in words that tell what to do."""

from __future__ import annotations

from typing import Any

import numpy as np

from portal import images
from portal.errors import BadProbe
from portal.images import Box, Pixels

SMALLEST_PROBE = 60
CHIP = 128
# Measured on the face, brought to 128 x 128 px: the variance of the Laplacian over the variance of the grey levels, so
# that light and size do not count. 33 good photographs (selfies, portraits, press) have 0.052 to 0.366, a selfie of
# 100 px 0.040, the same selfie blurred by 8 px 0.007. At the limit, blur alone moves a template by about 0.15.
SHARP = 0.02
# Mean grey level of the face. Good photographs, of dark and light skin, have 55 to 148; a selfie at 15 % light has 9,
# and its template lies 0.31 from that of the selfie itself.
DARK = 20.0

SENTENCES = {
    "no-face": (
        "We could not see a face. Try a photo where your face is not covered and the light is in front of you."
    ),
    "too-small": "The face in this photo is too small. Try a photo taken from closer, or a larger copy.",
    "blurred": "The face in this photo is not sharp. Hold the camera still, wait a moment, and try again.",
    "too-dark": "The face in this photo is too dark. Turn towards a window or a lamp and try again.",
}


def judge(pixels: Pixels, boxes: list[Box]) -> None:
    """Pass when at least one face can be searched with.

    Else raises BadProbe about the largest face: no-face, too-small, blurred or too-dark.
    """
    faults = {box: _fault(pixels, box) for box in boxes}
    if None in faults.values():
        return
    code = faults[max(boxes, key=_width)] if boxes else "no-face"
    assert code is not None
    raise BadProbe(SENTENCES[code], code)


def _fault(pixels: Pixels, box: Box) -> str | None:
    left, top, right, bottom = box
    if _width(box) < SMALLEST_PROBE:
        return "too-small"
    chip = images.grey(pixels[top:bottom, left:right], (CHIP, CHIP))
    if chip.mean() < DARK:
        return "too-dark"
    return "blurred" if _sharpness(chip) < SHARP else None


def _sharpness(chip: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    laplacian = chip[1:-1, 2:] + chip[1:-1, :-2] + chip[2:, 1:-1] + chip[:-2, 1:-1] - 4 * chip[1:-1, 1:-1]
    return float(laplacian.var() / max(1.0, chip.var()))


def _width(box: Box) -> int:
    return box[2] - box[0]

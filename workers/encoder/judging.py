"""May a face be searched with? What is wrong with it is said in words that tell what to do."""

from __future__ import annotations

from typing import Any

import numpy as np

from portal import images
from portal.errors import BadProbe
from portal.images import Box, Pixels
from workers.encoder import landmarks
from workers.encoder.landmarks import Points
from workers.encoder.loading import Encoder

SMALLEST_PROBE = 60
CHIP = 128
# Measured on the face, brought to 128 x 128 px: the variance of the Laplacian over the variance of the grey levels, so
# that light and size do not count. 33 good photographs (selfies, portraits, press) have 0.052 to 0.366, a selfie of
# 100 px 0.040, the same selfie blurred by 8 px 0.007. At the limit, blur alone moves a template by about 0.15.
SHARP = 0.02
# Mean grey level of the face. Good photographs, of dark and light skin, have 55 to 148; a selfie at 15 % light has 9,
# and its template lies 0.31 from that of the selfie itself.
DARK = 20.0

# Where the base of the nose lies between and below the eyes, in parts of their distance. On 67 good photographs it is
# at most 0.14 to the side and 0.57 to 0.92 below.
SIDEWAYS = 0.3
BELOW = (0.4, 1.3)
# How much there is to see in each eye and in the mouth: the mean step between neighbouring grey levels, over that of
# the whole face. On the same photographs at least 1.00 in each eye and 0.91 in the mouth. Of dark glasses, masks in
# three colours and a hand before the mouth, drawn on the same faces in plain colours, 325 of 327 that a detector still
# finds are seen (tests/encoder/test_judging.py draws some anew); of bars across the eyes 11 of 41, of a hidden half 21
# of 28.
EYE = 0.8
MOUTH = 0.7
# The upright copy on which this is measured: its size, where the eyes are brought, and the places looked at
# (left, top, right, bottom).
UPRIGHT = (128, 144)
EYES = ((40.0, 48.0), (88.0, 48.0))
PLACES = {"left": (26, 40, 54, 58), "right": (74, 40, 102, 58), "mouth": (44, 90, 84, 112), "face": (24, 34, 104, 118)}

SENTENCES = {
    "no-face": (
        "We could not see a face. Try a photo where your face is not covered and the light is in front of you."
    ),
    "too-small": "The face in this photo is too small. Try a photo taken from closer, or a larger copy.",
    "blurred": "The face in this photo is not sharp. Hold the camera still, wait a moment, and try again.",
    "too-dark": "The face in this photo is too dark. Turn towards a window or a lamp and try again.",
    "turned": "The face in this photo is turned away. Look straight into the camera and try again.",
    "eyes-covered": "We cannot see both eyes well. Take off sunglasses, move hair aside, and try again.",
    "mouth-covered": "We cannot see the mouth well. Take off a mask or scarf, move your hand away, and try again.",
}


def judge(encoder: Encoder, pixels: Pixels, boxes: list[Box]) -> None:
    """Pass when at least one face can be searched with.

    Else raises BadProbe about the largest face, with a code of SENTENCES.
    """
    faults = {box: _fault(encoder, pixels, box) for box in boxes}
    if None in faults.values():
        return
    code = faults[max(boxes, key=_width)] if boxes else "no-face"
    assert code is not None
    raise BadProbe(SENTENCES[code], code)


def _fault(encoder: Encoder, pixels: Pixels, box: Box) -> str | None:
    left, top, right, bottom = box
    if _width(box) < SMALLEST_PROBE:
        return "too-small"
    chip = images.grey(pixels[top:bottom, left:right], (CHIP, CHIP))
    if chip.mean() < DARK:
        return "too-dark"
    if _sharpness(chip) < SHARP:
        return "blurred"
    places = encoder.find_places(pixels, box)
    matrix = landmarks.fit(np.array(EYES), np.array([places["left_eye"], places["right_eye"]]))
    return "turned" if _is_turned(places["nose"], matrix) else _covered(pixels, matrix)


def _is_turned(nose: Points, matrix: Points) -> bool:
    """Whether the nose does not lie below the middle of the eyes, once these are level."""
    x, y = np.linalg.solve(matrix[:, :2], nose - matrix[:, 2])
    apart = EYES[1][0] - EYES[0][0]
    aside, below = (x - (EYES[0][0] + EYES[1][0]) / 2) / apart, (y - EYES[0][1]) / apart
    return bool(abs(aside) > SIDEWAYS or not BELOW[0] <= below <= BELOW[1])


def _covered(pixels: Pixels, matrix: Points) -> str | None:
    """What is covered: both eyes and the mouth of a bare face are where most is to be seen."""
    grey = images.grey(images.warp(pixels, matrix, UPRIGHT))
    steps = np.hypot(np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1])
    seen = {name: steps[top:bottom, left:right].mean() for name, (left, top, right, bottom) in PLACES.items()}
    if min(seen["left"], seen["right"]) < EYE * seen["face"]:
        return "eyes-covered"
    return "mouth-covered" if seen["mouth"] < MOUTH * seen["face"] else None


def _sharpness(chip: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    laplacian = chip[1:-1, 2:] + chip[1:-1, :-2] + chip[2:, 1:-1] + chip[:-2, 1:-1] - 4 * chip[1:-1, 1:-1]
    return float(laplacian.var() / max(1.0, chip.var()))


def _width(box: Box) -> int:
    return box[2] - box[0]

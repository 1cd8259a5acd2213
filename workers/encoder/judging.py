"""May a face be searched with? Its size, light, sharpness, pose, and what covers it, each with a reason of its own.

Measured by `pytest tests/encoder/test_covered.py --log-cli-level=INFO` on 44 photographs of bare faces, and on the
same with things drawn over them: no bare face is refused or doubted; masks with folds, bars over the eyes and hidden
halves are refused, 132 of 132; hands with sharp fingers, whose ends lie as lips do, are refused 26 times and doubted
18 times. Under such covers a template moves by 0.3 to 0.5, while photographs of one person lie about 0.4 apart. Real
masks and hands have not been measured. Of AT&T's 396 portraits of 23 x 28 px, with beards, glasses and turned heads,
and far smaller than what is let pass, these rules alone would refuse 5 % and doubt 27 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from portal import images
from portal.errors import BadProbe
from portal.images import Box, Pixels
from portal.matching.probe_words import REFUSED
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
# The part of the face that is white. Good photographs have at most 0.001; at 2.5 times the light it is 0.7, and the
# template lies 0.4 from its own.
WHITE, BRIGHT = 250, 0.5

# The upright copy on which eyes and mouth are measured: its size, where the eyes are brought, and the places looked at
# (left, top, right, bottom).
UPRIGHT = (128, 144)
EYES = ((40.0, 48.0), (88.0, 48.0))
PLACES = {"left": (26, 40, 54, 58), "right": (74, 40, 102, 58), "mouth": (44, 90, 84, 112), "face": (24, 34, 104, 118)}
# Left, top, right and bottom of eyes and lips there: all of it must lie in the picture.
NEEDED = (26, 40, 102, 104)


@dataclass(frozen=True)
class View:
    """What is measured on a face, in parts of the distance between the eyes or of what is usual.

    `aside` and `below`: where the base of the nose lies. `eye` and `mouth`: how much there is to see in the weaker eye
    and in the mouth, as the mean step between neighbouring grey levels, over that of the whole face. `parts`: see
    `filters.see_parts`.
    """

    aside: float
    below: float
    eye: float
    mouth: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Limits:
    """`turned`: the most of `aside` and `below` together; a face that turns away has its eyes nearer to each other.

    `below`: the least, when the chin is up. The others are the least that must be seen.
    """

    turned: float
    below: float
    eye: float
    mouth: float
    parts: Mapping[str, float]


# Good photographs have turned 0.66 to 1.06 and below 0.56 to 0.92. Portraits turned on a drawn head by 25 degrees have
# turned 0.98, by 35 degrees 1.12, by 45 degrees 1.27, by 55 degrees 1.37; from there on most templates lie more than
# 0.55 from other photographs of the person. A chin that is down is not seen by these landmarks.
SURE = Limits(
    turned=1.25,
    below=0.4,
    eye=0.55,
    mouth=0.5,
    parts={"left_eye": 0.45, "right_eye": 0.45, "bridge": 0.68, "mouth": 0.32, "lower_face": 1.17},
)
MAYBE = Limits(
    turned=1.1,
    below=0.5,
    eye=0.8,
    mouth=0.7,
    parts={"left_eye": 0.55, "right_eye": 0.55, "bridge": 0.72, "mouth": 0.5, "lower_face": 1.45},
)


def judge(encoder: Encoder, pixels: Pixels, boxes: list[Box]) -> str | None:
    """Pass when at least one face can be searched with.

    Returns what is doubtful about the largest of these, a code of probe_words.DOUBTED, or None. Else raises BadProbe
    about the largest face, with a code of probe_words.REFUSED.
    """
    found = {box: _fault(encoder, pixels, box) for box in sorted(boxes, key=_width, reverse=True)}
    for code in found.values():
        if code is None or code.startswith("maybe-"):
            return code
    code = next(iter(found.values()), "no-face")
    assert code is not None
    raise BadProbe(REFUSED[code], code)


def _fault(encoder: Encoder, pixels: Pixels, box: Box) -> str | None:
    left, top, right, bottom = box
    if _width(box) < SMALLEST_PROBE:
        return "too-small"
    chip = images.grey(pixels[top:bottom, left:right], (CHIP, CHIP))
    if chip.mean() < DARK:
        return "too-dark"
    if (chip >= WHITE).mean() > BRIGHT:
        return "too-bright"
    if _sharpness(chip) < SHARP:
        return "blurred"
    places = encoder.find_places(pixels, box)
    matrix = landmarks.fit(np.array(EYES), np.array([places["left_eye"], places["right_eye"]]))
    if _is_cut_off(pixels, matrix):
        return "cut-off"
    return _hidden(_view(pixels, matrix, places["nose"], encoder.see_parts(pixels, box)))


def _is_cut_off(pixels: Pixels, matrix: Points) -> bool:
    """Whether an eye or the lips would lie beyond the picture's edge."""
    left, top, right, bottom = NEEDED
    corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)], np.float64)
    there = corners @ matrix[:, :2].T + matrix[:, 2]
    height, width = pixels.shape[:2]
    return bool((there < 0).any() or (there > [width, height]).any())


def _view(pixels: Pixels, matrix: Points, nose: Points, parts: Mapping[str, float]) -> View:
    x, y = np.linalg.solve(matrix[:, :2], nose - matrix[:, 2])
    apart = EYES[1][0] - EYES[0][0]
    grey = images.grey(images.warp(pixels, matrix, UPRIGHT))
    steps = np.hypot(np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1])
    seen = {name: steps[top:bottom, left:right].mean() for name, (left, top, right, bottom) in PLACES.items()}
    whole = max(float(seen["face"]), 1e-6)
    return View(
        aside=abs(float(x) - (EYES[0][0] + EYES[1][0]) / 2) / apart,
        below=(float(y) - EYES[0][1]) / apart,
        eye=float(min(seen["left"], seen["right"])) / whole,
        mouth=float(seen["mouth"]) / whole,
        parts=parts,
    )


def _hidden(view: View) -> str | None:
    """What cannot be seen for sure, else what may be hard to see (maybe-...)."""
    doubt = _beyond(view, MAYBE)
    if _beyond(view, SURE) is None:
        return f"maybe-{doubt}" if doubt else None
    # Of a face that is turned away the far eye and half of the mouth are hidden, too: nothing covers them.
    return "turned" if doubt == "turned" else _beyond(view, SURE)


def _beyond(view: View, limits: Limits) -> str | None:
    short = {name for name, least in limits.parts.items() if view.parts[name] < least}
    if view.aside + view.below > limits.turned or view.below < limits.below:
        return "turned"
    if view.eye < limits.eye or short & {"left_eye", "right_eye"}:
        return "eyes-covered"
    return "mouth-covered" if view.mouth < limits.mouth or short else None


def _sharpness(chip: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    laplacian = chip[1:-1, 2:] + chip[1:-1, :-2] + chip[2:, 1:-1] + chip[:-2, 1:-1] - 4 * chip[1:-1, 1:-1]
    return float(laplacian.var() / max(1.0, chip.var()))


def _width(box: Box) -> int:
    return box[2] - box[0]

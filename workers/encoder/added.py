"""An encoder that the operator added: its network on OpenVINO, its chips cut as its settings say.

`python -m workers.encoder.added FILE.onnx FILE.toml` tries one: exit 0 when it gives templates, else a sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from portal.images import Box, Pixels, warp
from portal.matching.encoder_settings import BadEncoder, Settings, read_settings
from workers.encoder import landmarks
from workers.encoder.filters import see_parts
from workers.encoder.landmarks import Points
from workers.encoder.loading import Encoder
from workers.encoder.network import best_precision, compile_model

BATCH = 16


class AddedEncoder:
    """Finds faces as the built-in encoder does, and computes its own templates. Not for several threads at once."""

    def __init__(self, settings: Settings, network: bytes, finder: Encoder | None) -> None:
        """Reads the network. Raises BadEncoder when it is none, or gives templates of other dimensions."""
        self.name, self.version, self.dimensions = settings.name, settings.version, settings.dimensions
        self._settings = settings
        self._finder = finder
        self._names = list(settings.points)
        self._wanted = np.array([settings.points[name] for name in self._names], np.float64)
        self._mean = np.array(settings.mean, np.float32)
        self._divisor = np.array(settings.divisor, np.float32)
        self._ask, self._batch = self._compiled(network)
        self._try()

    def find(self, pixels: Pixels) -> list[Box]:
        """Boxes of the faces in `pixels`, clipped to the picture, from left to right."""
        assert self._finder is not None
        return self._finder.find(pixels)

    def find_harder(self, pixels: Pixels) -> list[Box]:
        """The same by the fallback detector."""
        assert self._finder is not None
        return self._finder.find_harder(pixels)

    def find_places(self, pixels: Pixels, box: Box) -> dict[str, Points]:
        """The middles of the eyes and the base of the nose, each (2,), in pixels."""
        return landmarks.find_places(pixels, box)

    def see_parts(self, pixels: Pixels, box: Box) -> dict[str, float]:
        """How well each part of a face is to be seen, see `filters.see_parts`."""
        return see_parts(pixels, landmarks.find_places(pixels, box))

    def cut(self, pixels: Pixels, boxes: list[Box]) -> Pixels:
        """Chips (n, height, width, 3) in which the places that the settings name lie where they say."""
        size = (self._settings.width, self._settings.height)
        chips = [warp(pixels, self._turn(pixels, box), size) for box in boxes]
        return np.asarray(chips, np.uint8).reshape(len(boxes), size[1], size[0], 3)

    def encode(self, chips: Pixels) -> NDArray[np.float32]:
        """Templates (n, dimensions): the mean of each chip's and its mirror image's; of length 1 for a cosine."""
        both = self._answers(chips) + self._answers(chips[:, :, ::-1])
        if self._settings.metric == "cosine":
            both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), np.float32(1e-12))
            return both
        return both * np.float32(0.5)

    def _turn(self, pixels: Pixels, box: Box) -> NDArray[np.float64]:
        there = landmarks.find_places(pixels, box)
        return landmarks.fit(self._wanted, np.array([there[name] for name in self._names]))

    def _answers(self, chips: Pixels) -> NDArray[np.float32]:
        found = [self._answer(chips[at : at + self._batch]) for at in range(0, len(chips), self._batch)]
        return np.concatenate(found) if found else np.zeros((0, self.dimensions), np.float32)

    def _answer(self, chips: Pixels) -> NDArray[np.float32]:
        planes = chips if self._settings.order == "RGB" else chips[..., ::-1]
        given = (planes.astype(np.float32) - self._mean) / self._divisor
        if self._settings.layout == "NCHW":
            given = given.transpose(0, 3, 1, 2)
        answer = np.asarray(self._ask(np.ascontiguousarray(given))[0], np.float32)
        return answer.reshape(len(chips), -1).copy()

    def _compiled(self, network: bytes) -> tuple[openvino.CompiledModel, int]:
        """The network, and how many chips it takes at once: one, where it cannot do otherwise."""
        height, width = self._settings.height, self._settings.width
        chip = [3, height, width] if self._settings.layout == "NCHW" else [height, width, 3]
        problem: Exception | None = None
        for batch, dimension in ((BATCH, -1), (1, 1)):
            try:
                model = openvino.Core().read_model(network, b"")
                model.reshape([dimension, *chip])
                return compile_model(model, best_precision()), batch
            except (RuntimeError, TypeError) as failure:
                problem = failure
        raise BadEncoder(
            f"The network of {self.name} cannot be read, or does not take chips of {width} x {height} pixels."
        ) from problem

    def _try(self) -> None:
        chips = np.random.default_rng(0).integers(0, 255, (1, self._settings.height, self._settings.width, 3), np.uint8)
        try:
            found = self._answer(chips)
        except (RuntimeError, ValueError) as problem:
            raise BadEncoder(
                f"The network of {self.name} fails on a chip of the size that its settings say."
            ) from problem
        if found.shape != (1, self.dimensions):
            raise BadEncoder(
                f"The network of {self.name} gives {found.shape[1]} numbers, and its settings say {self.dimensions}."
            )
        if not np.isfinite(found).all() or not np.abs(found).max():
            raise BadEncoder(f"The network of {self.name} gives no usable numbers.")


def main(arguments: Sequence[str]) -> None:
    """Make the encoder once, and say what is wrong with it."""
    network, settings = arguments
    try:
        AddedEncoder(read_settings(Path(settings).read_text()), Path(network).read_bytes(), None)
    except BadEncoder as problem:
        sys.exit(problem.sentence)


if __name__ == "__main__":
    main(sys.argv[1:])

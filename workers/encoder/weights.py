"""Reading dlib's files of network weights, as face_recognition_models ships them.

Written from a description of the format (Boost licence at dlib's own); nothing of dlib runs here. Numbers have no fixed
width, so one wrong step shifts all that follows: a file counts as read only when exactly its last byte was the end,
and only the two files that this reader was proved with are taken, told by their SHA-256.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from portal.errors import Unavailable

Floats = NDArray[np.float32]
Read = TypeVar("Read")

ENCODER = "dlib_face_recognition_resnet_model_v1.dat"
DETECTOR = "mmod_human_face_detector.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
DIGESTS = {
    ENCODER: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    DETECTOR: "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    LANDMARKS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}
SPECIAL = {32000: math.inf, 32001: -math.inf, 32002: math.nan}


class BadWeights(Unavailable):
    """A file of weights is missing, cut short or changed. The sentence names it."""

    code = "bad-weights"


@dataclass(frozen=True)
class Layer:
    """One layer, from the input outwards. `sizes` are its integers, `params` its numbers (1-D), as the file has them.

    Convolutions: sizes filters, rows, columns, stride y, x, padding y, x; params all filters, then all biases.
    Affine layers: params gammas, then betas. Pools: sizes rows, columns (0: everything), strides, paddings.
    """

    kind: str
    sizes: tuple[int, ...]
    params: Floats


@dataclass(frozen=True)
class Network:
    """`loss`: the loss layer's numbers. `means`: what is taken off red, green and blue. `layers`: from the input on."""

    loss: tuple[float, ...]
    means: tuple[float, ...]
    layers: tuple[Layer, ...]


def weights_path(name: str) -> Path:
    """Where the file is installed. Raises BadWeights; the package is found without running it."""
    found = find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise BadWeights(f"The weights {name} are missing. Install face_recognition_models.")
    return Path(found.submodule_search_locations[0]) / "models" / name


def checked_bytes(path: Path) -> bytes:
    """The bytes of one of the files named in DIGESTS. Raises BadWeights when they are not the ones we know."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BadWeights(f"The weights {path.name} cannot be read. Install face_recognition_models again.") from problem
    if hashlib.sha256(data).hexdigest() != DIGESTS[path.name]:
        raise BadWeights(
            f"The weights {path.name} have been cut short or changed. Install face_recognition_models again."
        )
    return data


def read_network(path: Path) -> Network:
    """The network in a file of weights. Raises BadWeights."""
    return parse(checked_bytes(path), path.name)


def parse(data: bytes, name: str) -> Network:
    """The network in `data`; `name` is for the message. Raises BadWeights when it does not end where the data ends."""
    return _to_the_end(data, name, _network)


@dataclass(frozen=True)
class Filters:
    """Five views of a face: filters (5, 31, 10, 10), the score each must exceed, and which overlaps are too much."""

    weights: Floats
    thresholds: Floats
    overlap: float
    covered: float


def parse_filters(data: bytes, name: str) -> Filters:
    """dlib's frontal face detector as it saves itself. Raises BadWeights when it is another one."""
    return _to_the_end(data, name, _filters)


def _to_the_end(data: bytes, name: str, read: Callable[[_Reader], Read]) -> Read:
    """What `read` makes of the data. Raises BadWeights when it fails, or leaves something over."""
    reader = _Reader(data)
    try:
        found = read(reader)
    except (ValueError, IndexError, OverflowError) as problem:
        raise BadWeights(f"The weights {name} cannot be understood: {problem}.") from problem
    if reader.at != len(data):
        raise BadWeights(f"The weights {name} go on after their end.")
    return found


def _filters(reader: _Reader) -> Filters:
    # Versions, an empty list, cells of 8 pixels, no margin, a window of 80 x 80, the most levels, the smallest side.
    if reader.integers(11) != (2, 1, 0, 0, 8, 0, 80, 80, 1000, 64, 64):
        raise ValueError("they are not dlib's frontal face detector")
    reader.floats(1)
    planes, side, views = 31, 10, 5
    if reader.integer() != planes * side * side:
        raise ValueError("their filters have another size")
    overlap, covered = reader.floats(2)
    if reader.integer() != views:
        raise ValueError("they have another number of filters")
    # A matrix is told by negative sizes; its last number is the threshold.
    found = np.array([reader.floats(math.prod(reader.integers(2))) for _ in range(views)], np.float32)
    return Filters(found[:, :-1].reshape(views, planes, side, side), found[:, -1], overlap, covered)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ValueError(f"they end at byte {len(self.data)}, in the middle")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        control = self.take(1)[0]
        if control & 0x70 or not 1 <= control & 0x0F <= 8:
            raise ValueError(f"no number starts at byte {self.at - 1}")
        size = int.from_bytes(self.take(control & 0x0F), "little")
        return -size if control & 0x80 else size

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def floats(self, count: int) -> tuple[float, ...]:
        return tuple(self._float() for _ in range(count))

    def _float(self) -> float:
        mantissa, exponent = self.integers(2)
        return SPECIAL[exponent] if exponent in SPECIAL else math.ldexp(mantissa, exponent)

    def flags(self, count: int) -> None:
        if set(self.take(count)) - set(b"01"):
            raise ValueError(f"no flag is at byte {self.at - count}")

    def text(self) -> str:
        return self.take(self.integer()).decode("ascii")

    def tensor(self) -> Floats:
        if self.integer() != 2:
            raise ValueError(f"no tensor starts at byte {self.at}")
        count = math.prod(self.integers(4))
        return np.frombuffer(self.take(4 * count), "<f4").astype(np.float32)

    def shape(self) -> None:
        """A shape without data: the sizes say the same."""
        if self.integer() != 1:
            raise ValueError(f"no shape starts at byte {self.at}")
        self.integers(4)


def _network(reader: _Reader) -> Network:
    if reader.integer() != 1:
        raise ValueError("they are not a network")
    loss = _loss(reader)
    versions = _versions(reader)
    means = _input(reader)
    # Tags (version 1) leave no record. Layers are written from the innermost on, which is the first one to work.
    layers = tuple(_layer(reader, version) for version in reversed(versions) if version != 1)
    return Network(loss, means, layers)


def _loss(reader: _Reader) -> tuple[float, ...]:
    kind = reader.text()
    if kind == "loss_metric_2":
        return reader.floats(2)
    if kind != "loss_mmod_" or reader.integer() != 1:
        raise ValueError(f"the loss {kind} is not known")
    window = reader.integers(2)
    return (*map(float, window), *reader.floats(3), *reader.floats(2), *reader.floats(2))


def _versions(reader: _Reader) -> list[int]:
    """One version for each layer, outermost first, up to where the input's name starts."""
    versions: list[int] = []
    while True:
        start, number = reader.at, reader.integer()
        if reader.data[reader.at : reader.at + 5] == b"input":
            reader.at = start
            return versions
        versions.append(number)


def _input(reader: _Reader) -> tuple[float, ...]:
    kind = reader.text()
    means = reader.floats(3)
    if kind == "input_rgb_image_sized":
        reader.integers(2)
    elif not kind.startswith("input_rgb_image_pyramid"):
        raise ValueError(f"the input {kind} is not known")
    return means


def _layer(reader: _Reader, version: int) -> Layer:
    layer = _own(reader)
    reader.flags(3)
    for _ in range(3):
        reader.tensor()  # What training left there; empty here.
    if version == 3:
        reader.integer()
    return layer


def _own(reader: _Reader) -> Layer:
    kind = reader.text()
    family, _, edition = kind.partition("_")
    empty = np.zeros(0, np.float32)
    if family == "con":
        return _convolution(reader, extra_flags=int(edition) - 4)
    if kind == "affine_":
        params = reader.tensor()
        _shapes(reader)
        reader.integer()
        return Layer("affine", (), params)
    if kind == "bn_con2":
        return _batch_norm(reader)
    if family == "fc":
        return _matrix(reader, extra_flags=int(edition) - 2)
    if family == "relu":
        reader.flags(1 if edition == "2" else 0)
        return Layer("relu", (), empty)
    if kind == "add_prev_":
        return Layer("add", (), empty)
    if kind in ("max_pool_2", "avg_pool_2"):
        return Layer(kind.removesuffix("_2"), reader.integers(6), empty)
    raise ValueError(f"the layer {kind} is not known")


def _convolution(reader: _Reader, extra_flags: int) -> Layer:
    params, sizes = reader.tensor(), reader.integers(7)
    _shapes(reader)
    reader.floats(4)
    reader.flags(extra_flags)
    return Layer("con", sizes, params)


def _matrix(reader: _Reader, extra_flags: int) -> Layer:
    sizes, params = reader.integers(2), reader.tensor()
    _shapes(reader)
    reader.integer()
    reader.floats(4)
    reader.flags(extra_flags)
    return Layer("fc", sizes, params)


def _batch_norm(reader: _Reader) -> Layer:
    """A layer that was left as for training, as the affine layer that it amounts to."""
    params = reader.tensor()
    _shapes(reader)
    _, _, means, variances = (reader.tensor() for _ in range(4))
    reader.integers(2)
    *_, epsilon = reader.floats(5)
    gamma, beta = np.split(params, 2)
    scale = gamma / np.sqrt(variances + np.float32(epsilon))
    return Layer("affine", (), np.concatenate([scale, beta - scale * means]).astype(np.float32))


def _shapes(reader: _Reader) -> None:
    reader.shape()
    reader.shape()

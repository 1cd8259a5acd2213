"""How a network that an operator adds wants its chips: a small TOML beside the ONNX file.

name = "arcface-r50"
version = "1"
size = 112                   # pixels, or [height, width]
dimensions = 512
metric = "cosine"            # or "euclidean"
threshold = 0.35             # the customary one: least cosine similarity, or greatest distance
order = "RGB"                # or "BGR"
layout = "NCHW"              # or "NHWC"
mean = [127.5, 127.5, 127.5]
divisor = 127.5              # or one for each plane

[points]                     # where these lie in the chip, in pixels: two at least
left_eye = [38.29, 51.70]    # at the left of the picture
right_eye = [73.53, 51.50]
nose = [56.03, 71.74]
left_mouth = [41.55, 92.37]
right_mouth = [70.73, 92.20]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.errors import BadInput

POINTS = ("left_eye", "right_eye", "nose")
LARGEST_CHIP = 1024
MOST_DIMENSIONS = 4096
KNOWN = {
    "name", "version", "size", "dimensions", "metric", "threshold", "order", "layout", "mean", "divisor", "points",
}  # fmt: skip


class BadEncoder(BadInput):
    """A file or settings from which no encoder can be made."""

    code = "bad-encoder"


@dataclass(frozen=True)
class Settings:
    """How a network wants its chips, checked. `threshold` is a Euclidean distance of templates as they are kept."""

    name: str
    version: str
    height: int
    width: int
    dimensions: int
    metric: str
    threshold: float
    order: str
    layout: str
    mean: list[float]
    divisor: list[float]
    points: dict[str, list[float]]


def read_settings(text: str) -> Settings:
    """The settings of a TOML text. Raises BadEncoder naming the line that is wrong."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadEncoder(f"The settings are not TOML: {problem}.") from problem
    unknown = sorted(set(said) - KNOWN)
    if unknown:
        raise BadEncoder(f"The settings have a line that nobody knows: {unknown[0]}.")
    metric = _one_of(said, "metric", ("euclidean", "cosine"))
    height, width = _size(said)
    return Settings(
        name=_text(said, "name", 60),
        version=_text(said, "version", 100),
        height=height,
        width=width,
        dimensions=_whole(said, "dimensions", MOST_DIMENSIONS),
        metric=metric,
        threshold=_threshold(said, metric),
        order=_one_of(said, "order", ("RGB", "BGR")),
        layout=_one_of(said, "layout", ("NCHW", "NHWC")),
        mean=_planes(said, "mean", least=None),
        divisor=_planes(said, "divisor", least=1e-6),
        points=_points(said, height, width),
    )


def _need(said: Mapping[str, Any], name: str) -> Any:
    if name not in said:
        raise BadEncoder(f"The settings do not say: {name}.")
    return said[name]


def _text(said: Mapping[str, Any], name: str, longest: int) -> str:
    value = _need(said, name)
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > longest:
        raise BadEncoder(f"The setting {name} must be a text of at most {longest} characters.")
    return value.strip()


def _whole(said: Mapping[str, Any], name: str, most: int) -> int:
    value = _need(said, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise BadEncoder(f"The setting {name} must be a whole number from 1 to {most}.")
    return value


def _size(said: Mapping[str, Any]) -> tuple[int, int]:
    value = _need(said, "size")
    sides = value if isinstance(value, list) else [value, value]
    if len(sides) != 2:
        raise BadEncoder("The setting size must be one number of pixels, or height and width.")
    height, width = (_whole({"size": side}, "size", LARGEST_CHIP) for side in sides)
    return height, width


def _one_of(said: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    value = _need(said, name)
    if value not in values:
        raise BadEncoder(f"The setting {name} must be one of {', '.join(values)}.")
    return str(value)


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= 1e6:
        raise BadEncoder(f"The setting {name} must be a number.")
    return float(value)


def _planes(said: Mapping[str, Any], name: str, least: float | None) -> list[float]:
    value = _need(said, name)
    found = [_number(one, name) for one in (value if isinstance(value, list) else [value] * 3)]
    if len(found) != 3 or (least is not None and min(found) < least):
        raise BadEncoder(f"The setting {name} must be one number or three" + (", above 0." if least else "."))
    return found


def _threshold(said: Mapping[str, Any], metric: str) -> float:
    """As a Euclidean distance; templates of a cosine encoder are kept with the length 1."""
    value = _number(_need(said, "threshold"), "threshold")
    if metric == "cosine":
        if not -1 < value < 1:
            raise BadEncoder("The setting threshold must be a cosine between -1 and 1.")
        return float((2 - 2 * value) ** 0.5)
    if value <= 0:
        raise BadEncoder("The setting threshold must be above 0.")
    return value


def _points(said: Mapping[str, Any], height: int, width: int) -> dict[str, list[float]]:
    value = _need(said, "points")
    if not isinstance(value, dict) or len(value) < 2 or set(value) - set(POINTS):
        raise BadEncoder(f"The setting points must name two at least of {', '.join(POINTS)}.")
    found: dict[str, list[float]] = {}
    for name, place in value.items():
        if not isinstance(place, list) or len(place) != 2:
            raise BadEncoder(f"The point {name} must be two numbers: to the right, and down.")
        x, y = (_number(part, f"points.{name}") for part in place)
        if not (0 <= x <= width and 0 <= y <= height):
            raise BadEncoder(f"The point {name} does not lie in the chip.")
        found[name] = [x, y]
    return found

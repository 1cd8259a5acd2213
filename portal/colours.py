"""One colour for an installation: whether it can be read in both lights, and what is made of it.

Contrast is counted as WCAG 2.2 does (relative luminance, sRGB): 4.5:1 for text, 3:1 for controls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Colour = tuple[int, int, int]

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
# What text and controls lie on in each light, and what lies on the colour: the same values as in theme.css.
LIGHT = ("#fbfafd", "#ffffff", "#f1edf9", "#e4f4f1", "#fdf0f2", "#fdf1df")
DARK = ("#15101f", "#1e1730", "#271e3d", "#12332f", "#35172a", "#38270f")
ON_LIGHT_BRAND, ON_DARK_BRAND, FOCUS = "#ffffff", "#1c1235", "#fbbf24"
TEXT, CONTROL = 4.5, 3.0
STEPS = 100


def read(text: str) -> Colour:
    """The colour in `#4a2d8b`. Raises ValueError."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError("write it as # and six digits, such as #4a2d8b")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def written(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: Colour, other: Colour) -> float:
    """From 1, the same lightness, to 21, black and white."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(colour: Colour, other: Colour, part: float) -> Colour:
    """The colour with a part, 0 to 1, of another."""
    red, green, blue = (round(mine + (theirs - mine) * part) for mine, theirs in zip(colour, other, strict=True))
    return red, green, blue


def for_dark(colour: Colour) -> Colour:
    """The colour, as much lighter as it must be for text on the dark pages."""
    return next(one for one in _towards(colour, WHITE) if all(contrast(one, read(on)) >= TEXT for on in DARK))


def problem_of(text: str) -> str | None:
    """Why a colour would be hard to read, with the measured contrast and a near colour that would do.

    None where it passes everywhere: as text, as a control, behind white text, and its lighter form on dark pages.
    """
    colour = read(text)
    worst = min(_measured(colour), key=lambda one: one[2] / one[3], default=None)
    if worst is None or worst[2] >= worst[3]:
        return None
    near = next(one for one in _towards(colour, BLACK) if all(ratio >= needed for *_, ratio, needed in _measured(one)))
    what, on, ratio, needed = worst
    return (
        f"{text} cannot be read well: {what} {on} has a contrast of {_cut(ratio)}:1, and needs {needed:g}:1. "
        f"A near colour that passes is {written(near)}"
    )


def _measured(colour: Colour) -> Iterator[tuple[str, str, float, float]]:
    """What is looked at, on what, its contrast, and the least it may have."""
    for on in LIGHT:
        yield "text in it on", on, contrast(colour, read(on)), TEXT
    yield "on it, text in", ON_LIGHT_BRAND, contrast(colour, read(ON_LIGHT_BRAND)), TEXT
    yield "on it, the frame of what has the keyboard, in", FOCUS, contrast(colour, read(FOCUS)), CONTROL
    lighter = for_dark(colour)
    for on in DARK:
        yield f"its lighter form {written(lighter)} on", on, contrast(lighter, read(on)), TEXT
    yield (
        f"on its lighter form {written(lighter)}, text in",
        ON_DARK_BRAND,
        contrast(lighter, read(ON_DARK_BRAND)),
        TEXT,
    )


def _towards(colour: Colour, end: Colour) -> Iterator[Colour]:
    return (mixed(colour, end, step / STEPS) for step in range(STEPS + 1))


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _cut(ratio: float) -> str:
    """Never rounded up: 4.49 must not read as 4.5."""
    return f"{int(ratio * 100) / 100:.2f}"

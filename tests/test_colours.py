"""An own colour: contrast as WCAG counts it, the sheet's own values, what is refused and what is offered instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal import colours
from portal.config import read_config
from portal.errors import UnsafeConfig

THEME = (Path(colours.__file__).parent / "web/static/theme.css").read_text()
SURFACES = ("paper", "raised", "tint", "good-tint", "danger-tint", "soon-tint")


def named(block: str, *names: str) -> set[str]:
    """The values of `--ef-*` names in a block of the sheet, as six digits."""
    return {re.search(rf"--ef-{name}: (#[0-9a-f]{{6}})", block)[1] for name in names}  # type: ignore[index]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    # From the definition, as WebAIM's checker prints them.
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.47),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert int(colours.contrast(colours.read(one), colours.read(other)) * 100) / 100 == ratio
    assert colours.contrast(colours.read(other), colours.read(one)) >= ratio


def test_what_is_measured_against_is_what_the_sheet_says() -> None:
    light, _, dark = THEME.partition("@media (prefers-color-scheme: dark)")
    assert named(light, *SURFACES) == set(colours.LIGHT)
    assert named(dark, *SURFACES) == set(colours.DARK)
    assert named(light, "on-brand") == {colours.ON_LIGHT_BRAND}
    assert named(dark, "on-brand", "focus") == {colours.ON_DARK_BRAND, colours.FOCUS}


@pytest.mark.parametrize("text", ["#4a2d8b", "#005a9c", "#0b6b63", "#b00020", "#000000", "#7a4a00"])
def test_a_colour_that_can_be_read_is_taken(text: str) -> None:
    assert colours.problem_of(text) is None
    assert read_config({"EFFACE_COLOUR": text.upper()}).colour == text
    lighter = colours.for_dark(colours.read(text))
    assert all(colours.contrast(lighter, colours.read(on)) >= colours.TEXT for on in colours.DARK)


@pytest.mark.parametrize("text", ["#ffcc00", "#ffffff", "#ff6600", "#00ff00", "#7f7f7f", "#e0a0ff", "#3399ff"])
def test_a_pale_colour_is_refused_by_name_with_its_contrast_and_one_that_passes(text: str) -> None:
    with pytest.raises(UnsafeConfig) as refused:
        read_config({"EFFACE_COLOUR": text})
    said = refused.value.sentence
    assert "EFFACE_COLOUR" in said
    on, ratio = re.search(r"on (#\w{6}) has a contrast of ([\d.]+):1, and needs 4.5:1", said).groups()  # type: ignore[union-attr]
    real = colours.contrast(colours.read(text), colours.read(on))
    assert float(ratio) <= real < float(ratio) + 0.01
    assert real == min(colours.contrast(colours.read(text), colours.read(other)) for other in colours.LIGHT)
    near = re.search(r"passes is (#\w{6})", said)
    assert near is not None
    assert read_config({"EFFACE_COLOUR": near[1]}).colour == near[1]


def test_the_colour_that_is_offered_is_near() -> None:
    """One step less far from what was asked for would not pass."""
    asked = colours.read("#3399ff")
    near = re.search(r"passes is (#\w{6})", colours.problem_of("#3399ff") or "")
    assert near is not None
    steps = [colours.mixed(asked, colours.BLACK, part / colours.STEPS) for part in range(colours.STEPS)]
    before = steps[steps.index(colours.read(near[1])) - 1]
    assert colours.problem_of(colours.written(before)) is not None


@pytest.mark.parametrize("text", ["blue", "#12345", "#12345g", "4a2d8b", "#4a2d8b;}", "rgb(1,2,3)", "#fff"])
def test_what_is_no_colour_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsafeConfig, match="EFFACE_COLOUR cannot be read: write it as #"):
        read_config({"EFFACE_COLOUR": text})

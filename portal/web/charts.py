"""Bars for pages, as numbers for an SVG picture: wide enough for a phone, with each figure in words beside its bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

# In units of the picture: its width, the longest bar, and the heights of a line of text, a bar, and a gap.
WIDTH, LONGEST = 400, 240
LINE, THICK, GAP = 19, 16, 14
LETTERS_A_LINE = 46


@dataclass(frozen=True)
class Figure:
    """One row of a chart: its name, the lengths of its parts one after the other, and the words behind them."""

    name: str
    parts: tuple[float, ...]
    words: str


@dataclass(frozen=True)
class Bar:
    """A row where it is drawn: `names` are lines of text, `parts` are pairs of start and length."""

    names: list[str]
    top: int
    bar_top: int
    parts: list[tuple[float, float]]
    figure: Figure


@dataclass(frozen=True)
class Chart:
    """A picture of bars."""

    bars: list[Bar]
    height: int
    width: int = WIDTH
    longest: int = LONGEST


def chart(figures: Sequence[Figure]) -> Chart:
    """Bars below each other. The longest has the whole width, the others are in proportion to it."""
    longest = max((sum(figure.parts) for figure in figures), default=0) or 1
    bars, top = [], 0
    for figure in figures:
        names = wrap(figure.name, LETTERS_A_LINE) or [""]
        bar_top = top + LINE * len(names)
        bars.append(Bar(names, top, bar_top, _placed(figure.parts, LONGEST / longest), figure))
        top = bar_top + THICK + GAP
    return Chart(bars, max(top - GAP, 1))


def shares(name: str, part: int, rest: int, words: str) -> Figure:
    """A row that is as long as all others, cut where its part ends; empty where there is nothing."""
    whole = part + rest
    return Figure(name, (part / whole, rest / whole) if whole else (0.0, 0.0), words)


def _placed(parts: Sequence[float], unit: float) -> list[tuple[float, float]]:
    placed, start = [], 0.0
    for part in parts:
        placed.append((round(start, 1), round(part * unit, 1)))
        start += part * unit
    return placed

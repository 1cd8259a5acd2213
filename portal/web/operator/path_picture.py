"""The way of photographs as a picture: one thing below the other, and lines at their side from what each comes from.

It is as wide as a phone, so that nobody has to scroll sideways; the page has all of it in words as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from portal.lineage.paths import KINDS, Path, Step

# In units of the picture: its width, the height of a box and the gap below, the width of a lane and of an arrow.
WIDTH, TALL, GAP = 360, 48, 12
LANE, ARROW = 9, 12
# What one letter of a name takes, and what the edges of a box take.
LETTER, EDGES = 8.2, 22
# Of each kind so many are drawn; how many more there are is said in a box of their own.
MOST = 5
WORDS = {
    "source": "Source",
    "store": "Store",
    "image": "Photograph",
    "dataset": "Dataset",
    "version": "Next version",
    "model": "Model",
    "product": "Product",
    "recipient": "Recipient",
}


@dataclass(frozen=True)
class Box:
    """One thing where it is drawn. `name` is cut to fit."""

    top: int
    kind: str
    word: str
    name: str
    is_middle: bool


@dataclass(frozen=True)
class Line:
    """A line from the box it begins at, down or up a lane, to the boxes it leads to: an SVG path, and its arrows."""

    way: str
    arrows: list[str]
    is_middle: bool


@dataclass(frozen=True)
class Picture:
    """Boxes and lines. `left` is where boxes begin, `broad` how broad they are, `words` says all of it in sentences."""

    boxes: list[Box]
    lines: list[Line]
    left: int
    broad: int
    height: int
    words: str
    width: int = WIDTH


def draw(path: Path) -> Picture:
    """The picture of a way."""
    steps, rest = _shown(path)
    rows = {step: at for at, step in enumerate(steps)}
    links = _links(path, rows, rest)
    lanes = _lanes(links)
    left = ARROW + 4 + LANE * (max(lanes.values(), default=0) + 1)
    letters = int((WIDTH - left - EDGES) / LETTER)
    boxes = [
        Box(at * (TALL + GAP), step.kind, WORDS[step.kind], _cut(step.name, letters), step == path.middle)
        for step, at in rows.items()
    ]
    lines = [_line(at, ends, left, lanes[at], steps[at] == path.middle) for at, ends in links.items()]
    return Picture(boxes, lines, left, WIDTH - left - 1, len(boxes) * (TALL + GAP) - GAP, _sentences(path))


def _shown(path: Path) -> tuple[list[Step], dict[Step, Step]]:
    """The steps that are drawn, from top to bottom, and for each one left out the box that stands for it."""
    steps: list[Step] = []
    rest: dict[Step, Step] = {}
    for kind in KINDS:
        of_kind = sorted(path.of_kind(kind), key=lambda step: step != path.middle)
        shown, others = (of_kind, []) if len(of_kind) <= MOST + 1 else (of_kind[:MOST], of_kind[MOST:])
        steps += sorted(shown, key=path.steps.index)
        if others:
            more = Step(kind, "", f"and {len(others):,} more")
            steps.append(more)
            rest |= dict.fromkeys(others, more)
    return steps, rest


def _links(path: Path, rows: dict[Step, int], rest: dict[Step, Step]) -> dict[int, list[int]]:
    """From which row lines lead to which rows."""
    links: dict[int, list[int]] = {}
    for first, then in path.links:
        here, there = rows[rest.get(first, first)], rows[rest.get(then, then)]
        if here != there and there not in links.setdefault(here, []):
            links[here].append(there)
    return {here: sorted(ends) for here, ends in sorted(links.items()) if ends}


def _lanes(links: dict[int, list[int]]) -> dict[int, int]:
    """A lane for each row that lines begin at: the innermost in which no other line is met on the way."""
    lanes: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for at, ends in links.items():
        top, bottom = min(at, *ends), max(at, *ends)
        lane = next(
            (number for number, spans in enumerate(taken) if all(bottom < a or b < top for a, b in spans)), len(taken)
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((top, bottom))
        lanes[at] = lane
    return lanes


def _line(at: int, ends: list[int], left: int, lane: int, is_middle: bool) -> Line:
    # A line leaves a box below its middle and comes in above it, so that the two are told apart.
    x, begin = left - ARROW - 4 - lane * LANE, _middle(at) + 8
    stops = sorted([begin, *(_middle(end) - 8 for end in ends)])
    upright = " ".join(f"M{x} {a}V{b}" for a, b in pairwise(stops))
    across = " ".join(f"M{x} {_middle(end) - 8}H{left - 3}" for end in ends)
    arrows = [f"M{left - 1} {_middle(end) - 8}l-7 -4v8z" for end in ends]
    return Line(f"M{left} {begin}H{x} {upright} {across}", arrows, is_middle)


def _middle(row: int) -> int:
    return row * (TALL + GAP) + TALL // 2


def _cut(name: str, letters: int) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def _sentences(path: Path) -> str:
    """What the picture shows, for those who do not see it."""
    ends: dict[Step, list[str]] = {}
    for first, then in path.links:
        ends.setdefault(first, []).append(then.name)
    said = [f"{WORDS[step.kind]} {step.name} leads to {', '.join(names[:MOST])}" for step, names in ends.items()]
    return ". ".join(said[: 4 * MOST]) + "." if said else "Nothing is written down about it."

"""Thresholds from calibration: how often the encoder errs on the faces that are really held, and what follows.

Mated pairs come from within an account (people post themselves, most of the time), non-mated pairs from across
accounts. The false match rate (FMR) at a threshold is the share of non-mated pairs at most so far apart, the false
non-match rate (FNMR) the share of mated pairs further apart (ISO/IEC 19795-1). In a gallery of N faces a search then
returns N x FMR faces of other people: the reviewers' work. So the operator chooses the work, and the threshold follows
from it, from the gallery's size and from the worst group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.errors import BadInput
from portal.matching.fusion import Asked, Held, distances_between, fuse

Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]

GRID = np.round(np.arange(0.20, 0.9001, 0.005), 3)
FEWEST_ACCOUNTS = 20
FEWEST_MATED = 30
RESAMPLES = 200
MOST_SEARCHES = 200
# Of dlib's templates, for the parts of it that fusing is told in.
CUSTOMARY = 0.6
BLOCK = 2048
# A face is somebody else's when every other face of its account is further from it than this percentile of strangers.
ODD_ONE_OUT = 1.0


@dataclass(frozen=True)
class Rates:
    """One group's curve over `GRID`. Intervals are 95 %, from resampling people; with no error seen, 3 / pairs."""

    people: int
    faces: int
    mated: int
    non_mated: int
    fmr: list[float]
    fmr_low: list[float]
    fmr_high: list[float]
    fnmr: list[float]
    fnmr_low: list[float]
    fnmr_high: list[float]


@dataclass(frozen=True)
class Curve:
    """The rates of all ordinary faces together, of each labelled group, and what was left out.

    `fused` are those of a search that knows the accounts, `fallback` those of faces that only the fallback detector
    found, where there are enough of them.
    """

    overall: Rates
    groups: dict[str, Rates] = field(default_factory=dict)
    odd_ones: int = 0
    fused: Rates | None = None
    fallback: Rates | None = None

    def kinds(self) -> dict[str, Rates]:
        """All that a threshold has to be good enough for, by name."""
        return {"all": self.overall, **({"fused": self.fused} if self.fused else {}), **self.groups}

    def worst_fmr(self) -> NDArray[np.float64]:
        """At each threshold the highest upper bound of the FMR over all groups: the worst group decides."""
        bounds = np.array([rates.fmr_high for rates in self.kinds().values()], np.float64)
        return np.asarray(bounds.max(axis=0))

    def threshold_for(self, gallery_size: int, candidates: float) -> float | None:
        """The greatest threshold at which a search of `gallery_size` faces returns at most `candidates` strangers.

        None when too few pairs were seen to promise that at any threshold: then see `best_guess`.
        """
        good = np.flatnonzero(self.worst_fmr() * gallery_size <= candidates)
        return float(GRID[good[-1]]) if len(good) else None

    def best_guess(self, gallery_size: int, candidates: float) -> float:
        """The same by the rates as they were seen, without the bounds that would make it a promise."""
        seen = np.array([rates.fmr for rates in self.kinds().values()], np.float64).max(axis=0)
        good = np.flatnonzero(seen * gallery_size <= candidates)
        return float(GRID[good[-1] if len(good) else 0])


def measure(
    vectors: Vectors,
    people: Sequence[str],
    groups: Mapping[str, Sequence[str]] | None = None,
    fallback: NDArray[np.bool_] | None = None,
) -> Curve:
    """The curve of faces (n, d) whose accounts are `people` (n). `groups` names a label for each face, by attribute.

    `fallback` (n,) marks those of the fallback detector. Raises BadInput when there are too few accounts with several
    photographs to say anything.
    """
    if len(vectors) != len(people):
        raise BadInput("There must be one account for each face.", "labels-do-not-fit")
    names = np.unique(np.asarray(people), return_inverse=True)[1]
    clean = _without_odd_ones(vectors, names)
    marked = np.zeros(len(vectors), bool) if fallback is None else fallback
    keep = clean & ~marked
    overall = _rates(vectors[keep], names[keep])
    found: dict[str, Rates] = {}
    for attribute, labels in (groups or {}).items():
        for label in sorted({label for label in labels if label}):
            chosen = keep & (np.asarray(labels) == label)
            if len(np.unique(names[chosen])) >= FEWEST_ACCOUNTS:
                found[f"{attribute}={label}"] = _rates(vectors[chosen], names[chosen], few_mated=True)
    hard = clean & marked
    enough = len(np.unique(names[hard])) >= FEWEST_ACCOUNTS
    return Curve(
        overall,
        found,
        odd_ones=int((~clean).sum()),
        fused=_fused_rates(vectors[keep], names[keep]),
        fallback=_rates(vectors[hard], names[hard], few_mated=True) if enough else None,
    )


def _fused_rates(vectors: Vectors, names: Counts) -> Rates:
    """What a search sees that knows the accounts: one probe of each of a few hundred people, against all others."""
    by_person = _rows_by_person(names)[:MOST_SEARCHES]
    mated, strangers = [], []
    for rows in by_person:
        others = np.setdiff1d(np.arange(len(vectors)), rows[:1])
        held = Held(vectors[others], [str(names[row]) for row in others], np.zeros(len(others)))
        scores = fuse(Asked(vectors[rows[:1]], vectors[:0]), held, CUSTOMARY, CUSTOMARY).best()
        same = names[others] == names[rows[0]]
        mated.append(_histogram(scores[same]))
        strangers.append(_histogram(scores[~same]))
    return _as_rates(len(by_person), len(vectors), np.stack(mated), np.stack(strangers), pairs_twice=False)


def _histogram(distances: NDArray[np.float64]) -> Counts:
    """How many are at most each threshold, and last how many there are."""
    return np.append(np.searchsorted(np.sort(distances), GRID, side="right"), len(distances))


def _without_odd_ones(vectors: Vectors, names: Counts) -> NDArray[np.bool_]:
    """Which faces to keep: all but those that no other face of a larger account is like.

    This leaves out some hard pictures of the right person, too, so the FNMR is that of ordinary pictures.
    """
    firsts = np.unique(names, return_index=True)[1]
    strangers = distances_between(vectors[firsts[:BLOCK]], vectors[firsts[:BLOCK]])
    limit = np.percentile(strangers[np.triu_indices(len(strangers), 1)], ODD_ONE_OUT) if len(firsts) > 1 else np.inf
    keep = np.ones(len(vectors), bool)
    for rows in _rows_by_person(names):
        if len(rows) >= 3:
            inside = distances_between(vectors[rows], vectors[rows])
            np.fill_diagonal(inside, np.inf)
            keep[rows[inside.min(axis=1) > limit]] = False
    return keep


def _rates(vectors: Vectors, names: Counts, *, few_mated: bool = False) -> Rates:
    by_person = _rows_by_person(names)
    if len(by_person) < FEWEST_ACCOUNTS:
        raise BadInput(
            f"Calibration needs at least {FEWEST_ACCOUNTS} accounts with a face; there are {len(by_person)}.", "too-few"
        )
    mated = np.stack([_within(vectors[rows]) for rows in by_person])
    if mated[:, -1].sum() < FEWEST_MATED and not few_mated:
        raise BadInput(
            f"Calibration needs at least {FEWEST_MATED} pairs of photographs of one account; "
            f"there are {int(mated[:, -1].sum())}.",
            "too-few",
        )
    return _as_rates(len(by_person), len(vectors), mated, _across(vectors, names, by_person), pairs_twice=True)


def _as_rates(people: int, faces: int, mated: Counts, strangers: Counts, *, pairs_twice: bool) -> Rates:
    fmr, fmr_low, fmr_high = _shares(strangers[:, :-1], strangers[:, -1])
    hit, hit_low, hit_high = _shares(mated[:, :-1], mated[:, -1])
    return Rates(
        people=people,
        faces=faces,
        mated=int(mated[:, -1].sum()),
        non_mated=int(strangers[:, -1].sum()) // (2 if pairs_twice else 1),
        fmr=fmr,
        fmr_low=fmr_low,
        fmr_high=fmr_high,
        fnmr=[1 - share for share in hit],
        fnmr_low=[1 - share for share in hit_high],
        fnmr_high=[1 - share for share in hit_low],
    )


def _rows_by_person(names: Counts) -> list[Counts]:
    rows: dict[int, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[int(name)].append(row)
    return [np.asarray(found) for found in rows.values()]


def _within(vectors: Vectors) -> Counts:
    """Of the pairs within one account: how many are at most each threshold apart, and last how many there are."""
    return _histogram(distances_between(vectors, vectors)[np.triu_indices(len(vectors), 1)])


def _across(vectors: Vectors, names: Counts, by_person: list[Counts]) -> Counts:
    """For each person the same counts, of the pairs of one of their faces with everybody else's: (people, grid + 1)."""
    edges = np.concatenate([[-1.0], GRID, [np.inf]])
    counts = np.zeros((int(names.max()) + 1, len(GRID) + 1), np.int64)
    for start in range(0, len(vectors), BLOCK):
        block = distances_between(vectors[start : start + BLOCK], vectors)
        for row, distances in enumerate(block):
            name = names[start + row]
            histogram = np.histogram(distances[names != name], edges)[0]
            counts[name] += np.append(histogram.cumsum()[: len(GRID)], histogram.sum())
    return counts[[int(names[rows[0]]) for rows in by_person]]


def _shares(within: Counts, of: Counts) -> tuple[list[float], list[float], list[float]]:
    """Share of pairs within each threshold, with a 95 % interval from resampling people (subject bootstrap)."""
    random = np.random.default_rng(0)
    total = max(1, int(of.sum()))
    drawn = random.integers(0, len(of), (RESAMPLES, len(of)))
    again = within[drawn].sum(axis=1) / np.maximum(1, of[drawn].sum(axis=1))[:, None]
    low, high = np.percentile(again, [2.5, 97.5], axis=0)
    seen = within.sum(axis=0)
    # The rule of three: no error in n trials bounds the rate at 3 / n.
    high = np.where(seen == 0, min(1.0, 3 / total), high)
    low = np.where(seen == total, max(0.0, 1 - 3 / total), low)
    return (seen / total).tolist(), low.tolist(), high.tolist()


def as_json(curve: Curve) -> dict[str, Any]:
    """The curve as plain values, for keeping and drawing."""
    return {
        "grid": GRID.tolist(),
        "overall": vars(curve.overall),
        "groups": {name: vars(rates) for name, rates in curve.groups.items()},
        "odd_ones": curve.odd_ones,
        "fused": vars(curve.fused) if curve.fused else None,
        "fallback": vars(curve.fallback) if curve.fallback else None,
    }


def from_json(kept: Mapping[str, Any]) -> Curve:
    """The curve that `as_json` made. Raises BadInput when it was made over another grid."""
    if kept["grid"] != GRID.tolist():
        raise BadInput("This calibration was made by another version. Calibrate again.", "other-grid")
    groups = {name: Rates(**rates) for name, rates in kept["groups"].items()}
    more = {name: Rates(**kept[name]) if kept.get(name) else None for name in ("fused", "fallback")}
    return Curve(Rates(**kept["overall"]), groups, kept["odd_ones"], **more)

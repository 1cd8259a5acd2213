"""Fusing what is known, so that fewer photographs are missed at the same work for reviewers.

Three things are known besides one face against one face. Several probes of a person: their mean is nearer to every
photograph of them than each alone. The account that a photograph was posted by: a person's own uploads show one person
most of the time, so the faces of an account that are like each other are judged together; an odd one out stays by
itself. And photographs that people have confirmed already: the mean of the probes and of these is searched with once
more (a second hop). Against drift that chains from a person to a sibling, a photograph found so must also lie near what
the person sent themselves, confirmed faces that do not are not searched with, and there is no third hop.

All is told in distances, so that one threshold decides. Measured by `efface bench find`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Distances = NDArray[np.float64]

# Distances here are in parts of the encoder's customary threshold, 0.6 for the built-in one: others have other lengths.
# Faces of an account at most so far apart are taken for one person.
ALIKE = 0.55 / 0.6
# Means of several faces lie nearer to each other than single faces do, of strangers too: that much is added again.
NEARER = 0.1 / 0.6
# How much the face itself counts beside its account.
ITSELF = 0.3
# How far from what the person sent a face may lie that only other evidence points to.
GUARD = 0.15 / 0.6
# A second hop has to come so much nearer.
STRICTER = 0.03 / 0.6


@dataclass(frozen=True)
class Asked:
    """What is looked for: templates (p, d) of what the person sent, and (c, d) of faces that people confirmed."""

    probes: Vectors
    confirmed: Vectors

    def centres(self) -> Vectors:
        """What the gallery is searched with: each probe, and the mean of several."""
        if len(self.probes) < 2:
            return self.probes
        return np.concatenate([self.probes, self.probes.mean(axis=0, keepdims=True)])


@dataclass(frozen=True)
class Held:
    """Faces of the gallery that may be of the person: templates (n, d), the account of each (None: unknown).

    `stricter` (n,) is what is added to the distances of a face, because its detector asks for a stricter threshold.
    """

    vectors: Vectors
    accounts: Sequence[str | None]
    stricter: Distances


@dataclass(frozen=True)
class Scores:
    """For each face (n,): its distance from the nearest probe, that by its account too, and that by the second hop.

    Infinite where there is none: of a face whose account says nothing, or that the guard forbids.
    """

    alone: Distances
    fused: Distances
    hop: Distances

    def evidence(self, threshold: float) -> list[set[str]]:
        """What points to each face at this threshold: `face`, `fused`, `second-hop`, or nothing."""
        kinds = {"face": self.alone, "fused": self.fused, "second-hop": self.hop}
        return [{kind for kind, scores in kinds.items() if scores[at] <= threshold} for at in range(len(self.alone))]

    def best(self) -> Distances:
        """The least of the three (n,): at or above it a threshold returns the face."""
        found: Distances = np.minimum(np.minimum(self.alone, self.fused), self.hop)
        return found


def distances_between(one: Vectors, other: Vectors) -> Distances:
    """Euclidean (len(one), len(other)), in float64: few rows, each exact."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :] - 2 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def wide(threshold: float, customary: float) -> float:
    """How far the gallery must be searched, so that what follows has seen all it can decide on."""
    return threshold + GUARD * customary


def fuse(asked: Asked, held: Held, threshold: float, customary: float) -> Scores:
    """Score the faces. `threshold` is that of the search; `customary` the one that the encoder is known by."""
    to_each = distances_between(asked.centres(), held.vectors)
    alone = to_each.min(axis=0) + held.stricter
    groups = _of_one_person(held, alone, ALIKE * customary)
    middle = asked.probes.mean(axis=0, keepdims=True)
    fused = _with_accounts(middle, held, alone, groups, NEARER * customary)
    return Scores(alone, fused, _second_hop(asked, held, alone, groups, threshold, customary))


def _of_one_person(held: Held, alone: Distances, alike: float) -> list[NDArray[np.int64]]:
    """Rows of the faces of each account that are like its nearest one. Accounts in which there is no other are left."""
    by_account: dict[str, list[int]] = {}
    for row, account in enumerate(held.accounts):
        if account is not None:
            by_account.setdefault(account, []).append(row)
    groups = []
    for found in by_account.values():
        rows = np.array(found)
        nearest = rows[int(alone[rows].argmin())]
        like = rows[distances_between(held.vectors[[nearest]], held.vectors[rows])[0] <= alike]
        if len(like) > 1:
            groups.append(like)
    return groups


def _with_accounts(
    middle: Vectors, held: Held, alone: Distances, groups: list[NDArray[np.int64]], nearer: float
) -> Distances:
    """The distance of each face, drawn towards that of its account's middle; infinite where it has none."""
    fused = np.full(len(alone), np.inf)
    for rows in groups:
        apart = distances_between(middle, held.vectors[rows].mean(axis=0, keepdims=True))[0, 0] + nearer
        fused[rows] = ITSELF * alone[rows] + (1 - ITSELF) * (apart + held.stricter[rows])
    return fused


def _second_hop(
    asked: Asked, held: Held, alone: Distances, groups: list[NDArray[np.int64]], threshold: float, customary: float
) -> Distances:
    """Distances from the mean of the probes and the confirmed faces; infinite where the guard forbids it."""
    near = alone <= wide(threshold, customary)
    none = np.full(len(alone), np.inf)
    if not len(asked.confirmed):
        return none
    to_probe = distances_between(asked.probes, asked.confirmed).min(axis=0)
    trusted = asked.confirmed[to_probe <= wide(threshold, customary)]
    if not len(trusted):
        return none
    middle = np.concatenate([asked.probes, trusted]).mean(axis=0, keepdims=True)
    apart = distances_between(middle, held.vectors)[0] + held.stricter
    hop = np.minimum(apart, _with_accounts(middle, held, apart, groups, NEARER * customary))
    return np.where(near, hop + STRICTER * customary, np.inf)

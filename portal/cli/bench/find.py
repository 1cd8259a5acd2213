"""`efface bench find`: photographs missed, against plain face_recognition at the same number of strangers in a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from portal.cli.bench.encode import FOLDER, JSON, show
from portal.cli.templates import templates_of
from portal.errors import BadInput
from portal.matching.calibration import CUSTOMARY
from portal.matching.fusion import Asked, Held, fuse
from portal.matching.labels import Labelled, read_labels
from portal.matching.thresholds import FALLBACK

Result = dict[str, Any]
OF_AN_ACCOUNT = 5
ODD_ONES = 0.05
STEPS = 18
FEWEST = 3


@dataclass(frozen=True)
class Trial:
    """One lot: rows of the gallery, the account of each photograph, and the rows of each person's probes."""

    gallery: NDArray[np.int64]
    accounts: dict[int, str]
    probes: dict[str, list[int]]


@dataclass(frozen=True)
class Case:
    """One person's search: what each row of the gallery scores at a threshold, and which rows are theirs."""

    score: Callable[[float], NDArray[np.bool_]]
    theirs: NDArray[np.bool_]


@click.command("find")
@click.option("--photos", type=FOLDER, required=True, help="a folder of photographs")
@click.option("--labels", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True,
              help="a CSV with path and person, perhaps account")  # fmt: skip
@click.option("--probes", type=click.IntRange(1, 10), default=1, show_default=True, help="face photos a person sends")
@click.option("--strangers", type=float, default=1.0, show_default=True, help="photographs of others shown in a case")
@click.option("--trials", type=click.IntRange(1), default=5, show_default=True, help="lots that are drawn")
@JSON
def command(photos: Path, labels: Path, probes: int, strangers: float, trials: int, json_file: Path | None) -> None:
    """Look for each person of a labelled folder, and count their photographs that are not found.

    Of each person with enough photographs some are sent, the others are held with everybody else's. Accounts are those
    of the labels; without any, up to five photographs of a person are one, and one in twenty is put into a wrong one.
    Reviewers are played by the labels: what is found and right is confirmed, and looked for with once more.
    """
    said, arrays = templates_of(photos, labels, peer=True)
    labelled = read_labels(photos, labels)
    results = [_measure(labelled, arrays, _lot(labelled, probes, seed), strangers) for seed in range(trials)]
    missed = {name: sum(result[name] for result in results) for name in ("missed_peer", "missed_ours", "missed_alone")}
    figures: Result = {
        "gallery": int(np.mean([result["gallery"] for result in results])),
        "people": results[0]["people"],
        "candidates_per_case": strangers,
        "probes_per_case": probes,
        "photographs_sought": sum(result["sought"] for result in results),
        **missed,
        "ratio": missed["missed_ours"] / missed["missed_peer"] if missed["missed_peer"] else None,
        "threshold_peer": float(np.mean([result["threshold_peer"] for result in results])),
        "threshold_ours": float(np.mean([result["threshold_ours"] for result in results])),
        "trials": trials,
    }
    show(figures | said, json_file)


def _lot(labelled: Sequence[Labelled], probes: int, seed: int) -> Trial:
    """Who sends which photographs. Raises BadInput when nobody has enough."""
    random = np.random.default_rng(seed)
    of_person: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(labelled):
        of_person[one.person].append(row)
    sent: dict[str, list[int]] = {}
    gallery: list[int] = []
    for person, rows in of_person.items():
        drawn = [int(row) for row in random.permutation(rows)]
        cut = probes if len(rows) >= max(FEWEST, probes + 1) else 0
        if cut:
            sent[person] = drawn[:cut]
        gallery += drawn[cut:]
    if not sent:
        raise BadInput(f"Nobody in the labels has {max(FEWEST, probes + 1)} photographs.", "too-few")
    return Trial(np.array(gallery), _accounts(labelled, gallery, random), sent)


def _accounts(labelled: Sequence[Labelled], gallery: Sequence[int], random: np.random.Generator) -> dict[int, str]:
    """The account of each photograph; made up where the labels have none, a few photographs in wrong ones."""
    if any(one.account for one in labelled):
        return {row: labelled[row].account or f"alone {row}" for row in gallery}
    counted: dict[str, int] = defaultdict(int)
    accounts = {}
    for row in gallery:
        person = labelled[row].person
        accounts[row] = f"{person} {counted[person] // OF_AN_ACCOUNT}"
        counted[person] += 1
    odd = [row for row in gallery if random.random() < ODD_ONES]
    moved = [accounts[row] for row in random.permutation(odd)] if odd else []
    return accounts | dict(zip(odd, moved, strict=True))


def _measure(labelled: Sequence[Labelled], arrays: dict[str, NDArray[Any]], lot: Trial, strangers: float) -> Result:
    people = np.array([labelled[row].person for row in lot.gallery])
    result: Result = {"gallery": len(lot.gallery), "people": len(lot.probes)}
    result["sought"] = sum(int((people == person).sum()) for person in lot.probes)
    for name in ("peer", "alone", "ours"):
        cases = [
            Case(_way(name, arrays, lot, rows, people == person), people == person)
            for person, rows in lot.probes.items()
        ]
        threshold = _threshold(cases, strangers)
        found = sum(int((case.score(threshold) & case.theirs).sum()) for case in cases)
        result[f"missed_{name}"], result[f"threshold_{name}"] = result["sought"] - found, threshold
    return result


def _way(
    name: str, arrays: dict[str, NDArray[Any]], lot: Trial, probes: list[int], theirs: NDArray[np.bool_]
) -> Callable[[float], NDArray[np.bool_]]:
    if name == "ours":
        return _with_all(arrays, lot, probes, theirs)
    return _plainly(arrays["peer" if name == "peer" else "ours"], lot, probes)


def _plainly(templates: NDArray[np.float32], lot: Trial, probes: list[int]) -> Callable[[float], NDArray[np.bool_]]:
    """Each face by itself, its distance from the nearest probe: what anybody does with face_recognition."""
    sent = templates[probes]
    apart = np.linalg.norm(sent[:, None].astype(np.float64) - templates[lot.gallery][None], axis=2)
    nearest = np.fmin.reduce(np.where(np.isnan(apart), np.inf, apart), axis=0)
    return lambda threshold: np.asarray(nearest <= threshold)


def _with_all(
    arrays: dict[str, NDArray[Any]], lot: Trial, probes: list[int], theirs: NDArray[np.bool_]
) -> Callable[[float], NDArray[np.bool_]]:
    """As a case goes: a search, what is right is confirmed, and a second hop."""
    templates, none = arrays["ours"], np.zeros(len(lot.gallery), bool)
    sent = templates[probes][~np.isnan(templates[probes]).any(axis=1)]
    seen = np.flatnonzero(~np.isnan(templates[lot.gallery]).any(axis=1))
    rows = lot.gallery[seen]
    stricter = arrays["fallback"][rows] * FALLBACK * CUSTOMARY
    held = Held(templates[rows], [lot.accounts[int(row)] for row in rows], stricter)

    def found(threshold: float) -> NDArray[np.bool_]:
        answer = none.copy()
        if len(sent):
            first = fuse(Asked(sent, sent[:0]), held, threshold, CUSTOMARY).best() <= threshold
            confirmed = templates[rows[first & theirs[seen]]]
            answer[seen] = first | (fuse(Asked(sent, confirmed), held, threshold, CUSTOMARY).best() <= threshold)
        return answer

    return found


def _threshold(cases: Sequence[Case], strangers: float) -> float:
    """The greatest threshold at which a case shows at most so many photographs of other people, on average."""
    low, high = 0.0, 1.5
    for _ in range(STEPS):
        middle = (low + high) / 2
        shown = sum(int((case.score(middle) & ~case.theirs).sum()) for case in cases)
        low, high = (middle, high) if shown <= strangers * len(cases) else (low, middle)
    return low

"""Making pairs with a known answer from a labelled folder, in a process of its own: templates never leave it.

`python -m workers.pairing FOLDER LABELS FILE MOST` writes the pictures to FILE, a NumPy archive, and prints as JSON
which two make a pair.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from portal.config import read_config
from portal.db import Database
from portal.errors import BadInput, BadPicture
from portal.images import NEAR_LIMIT, Opener, near_digest, near_distance, to_jpeg
from portal.matching.labels import Labelled, read_labels
from portal.matching.looks import WHOLE
from workers import cropping
from workers import encoder as encoders
from workers.encoder import Encoder


@dataclass(frozen=True)
class Photo:
    """One photograph in which one face alone was found."""

    person: str
    digest: bytes
    near: bytes
    crop: bytes
    whole: bytes
    template: np.ndarray


def photos_of(labelled: list[Labelled], encoder: Encoder) -> list[Photo]:
    """Those with exactly one face: of two faces nobody could say which the label means."""
    found = []
    with Opener() as opener:
        for one in labelled:
            data = one.path.read_bytes()
            try:
                pixels = opener.open(data).pixels
            except BadPicture:
                continue
            boxes = encoder.find(pixels) or encoder.find_harder(pixels)
            if len(boxes) == 1:
                template = encoder.encode(encoder.cut(pixels, boxes))[0]
                crop, whole = cropping.crop(encoder, pixels, boxes[0]), to_jpeg(pixels, longest=WHOLE)
                digest = hashlib.sha256(data).digest()
                found.append(Photo(one.person, digest, near_digest(pixels), crop, whole, template))
    return found


def choose(photos: list[Photo], most: int) -> list[tuple[int, int, bool]]:
    """Up to `most` pairs, half of one person and half of two where there are so many: (place, place, same person).

    The hardest first, as among candidates: strangers who look alike, one person who does not. Each photograph is taken
    as seldom as can be. Copies of one picture make no pair.
    """
    pairs: dict[bool, list[tuple[float, int, int]]] = {True: [], False: []}
    for one, other in combinations(range(len(photos)), 2):
        a, b = photos[one], photos[other]
        if near_distance(a.near, b.near) > NEAR_LIMIT:
            distance = float(np.linalg.norm(a.template - b.template))
            same = a.person == b.person
            pairs[same].append((-distance if same else distance, one, other))
    chosen = []
    for same, found in pairs.items():
        chosen += [(one, other, same) for one, other in _spread(sorted(found), most // 2)]
    return chosen


def _spread(pairs: list[tuple[float, int, int]], most: int) -> list[tuple[int, int]]:
    """The first `most`, but none with a photograph that was taken more often than the others while they last."""
    uses: Counter[int] = Counter()
    chosen: list[tuple[int, int]] = []
    limit = 1
    left = [(one, other) for _, one, other in pairs]
    while left and len(chosen) < most:
        kept = []
        for one, other in left:
            if len(chosen) < most and uses[one] < limit and uses[other] < limit:
                chosen.append((one, other))
                uses.update((one, other))
            else:
                kept.append((one, other))
        left, limit = kept, limit + 1
    return chosen


def main(folder: str, labels: str, file: str, most: str) -> None:
    """Write the pictures, print the pairs. Ends with a sentence when the folder does not do."""
    try:
        labelled = read_labels(Path(folder), Path(labels))
    except BadInput as problem:
        sys.exit(problem.sentence)
    database = Database(read_config())
    photos = photos_of(labelled, encoders.load_encoders(database)[0])
    database.close()
    arrays = {
        f"{part}-{at}": np.frombuffer(getattr(photo, part), np.uint8)
        for at, photo in enumerate(photos)
        for part in ("crop", "whole", "digest")
    }
    np.savez(file, allow_pickle=False, **arrays)
    sys.stdout.write(json.dumps({"photos": len(photos), "pairs": choose(photos, int(most))}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

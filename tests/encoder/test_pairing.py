"""Which photographs of a labelled folder make pairs: the hardest, each as seldom as can be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from portal.cli.pairs import OF_DEMO, _made
from portal.config import Config
from portal.db import Database
from portal.matching import known, practice
from portal.tables import KnownPhoto
from workers.pairing import Photo, choose


def photo(person: str, place: float, near: int) -> Photo:
    digest = np.random.default_rng(near).bytes(32)
    return Photo(person, digest, digest, b"crop", b"whole", np.array([place, 0.0]))


def test_the_nearest_strangers_and_the_least_alike_of_one_person_come_first() -> None:
    photos = [photo("a", 0, 0), photo("a", 0.1, 1), photo("a", 0.5, 2), photo("b", 0.6, 3), photo("c", 9, 4)]
    assert choose(photos, 2) == [(0, 2, True), (2, 3, False)]


def test_copies_of_one_picture_make_no_pair() -> None:
    assert choose([photo("a", 0, 0), photo("a", 0.1, 0), photo("b", 1, 0)], 10) == []


def test_no_photograph_is_in_most_pairs_while_there_are_others() -> None:
    photos = [photo("hub", 5, 0), *(photo(f"p{at}", 5 + at / 10, at) for at in range(1, 9))]
    uses = Counter(place for one, other, _ in choose(photos, 16) for place in (one, other))
    assert max(uses.values()) - min(uses.values()) <= 1


@pytest.mark.photographs
def test_the_demo_s_photographs_are_enough_for_the_gate(
    config: Config, database: Database, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    labels = tmp_path / "labels.csv"
    labels.write_text("path,person\n" + "".join(f"{name},{person}\n" for name, person in OF_DEMO.items()))
    photos, pairs = _made(photographs, labels, 400)
    with database.writing() as session:
        known.add(session, photos, pairs, "public-domain", "Demo")
        assert practice.gate_applies(session)
        crop = known.picture(session, session.scalars(select(KnownPhoto.id)).first(), "crop")
    assert crop[:2] == b"\xff\xd8"

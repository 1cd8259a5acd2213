"""The gallery is searched exactly: every face within the threshold, never the nearest k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.keys import SealBroken
from portal.matching import gallery
from portal.matching.gallery import Gallery, load_gallery
from portal.tables import Template
from tests.matching.making import make_face, make_image, make_store


def random_gallery(count: int, seed: int = 1) -> Gallery:
    vectors = np.random.default_rng(seed).normal(size=(count, 128)).astype(np.float32) * 0.06
    ids = np.arange(count, dtype=np.int64)
    return Gallery(ids + 100, ids // 2, vectors)


@given(st.integers(0, 300), st.integers(1, 4), st.floats(0.5, 1.2))
def test_everything_within_the_threshold_is_found(count: int, probes: int, threshold: float) -> None:
    held = random_gallery(count)
    asked = random_gallery(probes, seed=2).vectors
    expected = {
        int(held.face_ids[row])
        for row in range(count)
        if min(np.linalg.norm(held.vectors[row] - probe) for probe in asked) <= threshold
    }
    found = held.search(asked, threshold)
    assert {face.face_id for face in found} == expected
    assert [face.distance for face in found] == sorted(face.distance for face in found)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held, asked = random_gallery(500), random_gallery(2, seed=3).vectors
    whole = held.search(asked, 0.95)
    monkeypatch.setattr(gallery, "BLOCK", 7)
    assert held.search(asked, 0.95) == whole
    assert 0 < len(whole) < 500


def test_a_gallery_is_read_back_as_it_was_stored(session: Session) -> None:
    store = make_store(session)
    vectors = random_gallery(3).vectors
    faces = [make_face(session, make_image(session, store, f"{n}.jpg"), vectors[n]) for n in range(3)]
    loaded = load_gallery(session, "drawn", "1")
    assert list(loaded.face_ids) == [face.id for face in faces]
    assert np.array_equal(loaded.vectors, vectors)


def test_templates_of_another_encoder_are_never_compared(session: Session) -> None:
    make_face(session, make_image(session, make_store(session), "a.jpg"), random_gallery(1).vectors[0])
    assert len(load_gallery(session, "drawn", "2")) == 0


def test_an_erased_image_is_not_in_the_gallery(session: Session) -> None:
    image = make_image(session, make_store(session), "a.jpg")
    make_face(session, image, random_gallery(1).vectors[0])
    image.state = "erased"
    session.flush()
    assert len(load_gallery(session, "drawn", "1")) == 0


def test_a_template_moved_to_another_face_does_not_open(session: Session) -> None:
    store = make_store(session)
    one = make_face(session, make_image(session, store, "a.jpg"), random_gallery(1).vectors[0])
    other = make_face(session, make_image(session, store, "b.jpg"), random_gallery(1, seed=2).vectors[0])
    rows = {row.face_id: row for row in session.query(Template)}
    rows[one.id].sealed = rows[other.id].sealed
    session.flush()
    with pytest.raises(SealBroken):
        load_gallery(session, "drawn", "1")

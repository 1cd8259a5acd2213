"""Copies of what was confirmed are named, in whatever store they lie; a search then makes candidates of them."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy.orm import Session

from portal import clock, images
from portal.matching import evidence, likeness
from portal.tables import Candidate, Case, Image, Search
from tests.matching.making import make_case, make_image, make_store


@pytest.fixture
def case(session: Session) -> Case:
    return make_case(session)


def candidate(session: Session, case: Case, image: Image, state: str = "confirmed") -> Candidate:
    search = Search(case_id=case.id, created_at=clock.now())
    session.add(search)
    session.flush()
    one = Candidate(case_id=case.id, search_id=search.id, image_id=image.id, evidence=["face"], state=state)
    session.add(one)
    session.flush()
    return one


def near(image: Image, bits: int) -> bytes:
    assert image.near_digest is not None
    flipped = int.from_bytes(image.near_digest) ^ ((1 << bits) - 1)
    return flipped.to_bytes(32)


def test_the_same_bytes_and_the_same_look_are_named_in_every_store(session: Session, case: Case) -> None:
    here, there = make_store(session, name="here"), make_store(session, name="there")
    confirmed = make_image(session, here, "a.jpg")
    make_image(session, there, "copy.jpg", b"a.jpg")
    for key, bits in (("small.jpg", images.NEAR_LIMIT), ("other.jpg", images.NEAR_LIMIT + 1)):
        make_image(session, here, key).near_digest = near(confirmed, bits)
    candidate(session, case, confirmed)
    found = likeness.alike(session, case)
    assert likeness.named(session, found) == [
        ("there", "copy.jpg", "digest"),
        ("here", "small.jpg", "near-digest"),
    ]
    assert {one.like.image_id for one in found} == {confirmed.id}
    assert {one.image_id: one.evidence for one in evidence.gather(session, case, [])} == {
        found[0].image_id: {"digest"},
        found[1].image_id: {"near-digest"},
    }


def test_what_was_judged_already_is_not_named_again(session: Session, case: Case) -> None:
    store = make_store(session)
    candidate(session, case, make_image(session, store, "a.jpg"))
    candidate(session, case, make_image(session, store, "b.jpg", b"a.jpg"), "rejected")
    make_image(session, store, "c.jpg", b"a.jpg").quarantined_at = clock.now()
    assert likeness.alike(session, case) == []


def test_only_what_was_confirmed_points_to_others(session: Session, case: Case) -> None:
    store = make_store(session)
    candidate(session, case, make_image(session, store, "a.jpg"), "open")
    make_image(session, store, "b.jpg", b"a.jpg")
    assert likeness.alike(session, case) == []


def test_a_picture_without_texture_is_like_no_other(session: Session, case: Case) -> None:
    store = make_store(session)
    for key in ("grey.jpg", "white.jpg"):
        make_image(session, store, key).near_digest = images.FLAT
    grey = session.query(Image).filter_by(key="grey.jpg").one()
    candidate(session, case, grey)
    assert likeness.alike(session, case) == []


def test_with_very_many_photographs_a_page_names_the_same_bytes_only(session: Session, case: Case) -> None:
    store = make_store(session)
    confirmed = make_image(session, store, "a.jpg")
    make_image(session, store, "b.jpg").near_digest = confirmed.near_digest
    same = make_image(session, store, "c.jpg", b"a.jpg")
    candidate(session, case, confirmed)
    assert not likeness.compares_looks(session, most=2)
    assert [one.image_id for one in likeness.alike(session, case, most=2)] == [same.id]
    assert same.digest == hashlib.sha256(b"a.jpg").digest()

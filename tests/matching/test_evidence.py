"""A face is never the only way in: bytes, look, link and account point to images, too."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import keys_of
from portal.matching import evidence
from portal.matching.finding import Hit
from portal.tables import Case, ManifestEntry, Probe, random_id
from tests.matching.making import make_case, make_image, make_store


@pytest.fixture
def case(session: Session) -> Case:
    return make_case(session)


def add_probe(session: Session, case: Case, kind: str, said: str = "", **more: object) -> Probe:
    probe_id = random_id()
    sealed = keys_of(session).seal(said.encode(), f"probe/{probe_id}") if said else None
    probe = Probe(id=probe_id, case_id=case.id, kind=kind, state="ready", sealed=sealed, created_at=clock.now(), **more)
    session.add(probe)
    session.flush()
    return probe


def test_a_link_and_an_account_find_what_the_manifest_names(session: Session, case: Case) -> None:
    store = make_store(session)
    by_link, by_account, neither = (make_image(session, store, key) for key in ("a.jpg", "b.jpg", "c.jpg"))
    session.add_all(
        [
            ManifestEntry(store_id=store.id, key="a.jpg", source_url_key="site.example/p/1", attributes={}),
            ManifestEntry(store_id=store.id, key="b.jpg", account="Ann_1984", attributes={}),
            ManifestEntry(store_id=store.id, key="c.jpg", account="Bob", attributes={}),
        ]
    )
    add_probe(session, case, "link", "site.example/p/1")
    add_probe(session, case, "account", "ann_1984")
    found = {one.image_id: one.evidence for one in evidence.gather(session, case, [])}
    assert found == {by_link.id: {"link"}, by_account.id: {"account"}}
    assert neither.id not in found


def test_the_picture_file_itself_is_found_by_its_bytes(session: Session, case: Case) -> None:
    image = make_image(session, make_store(session), "a.jpg", b"bytes")
    add_probe(session, case, "picture", digest=hashlib.sha256(b"bytes").digest())
    [found] = evidence.gather(session, case, [])
    assert (found.image_id, found.evidence, found.distance) == (image.id, {"digest"}, None)


def test_a_near_duplicate_is_found_by_its_look(session: Session, case: Case) -> None:
    image = make_image(session, make_store(session), "a.jpg")
    assert image.near_digest is not None
    almost = bytes([image.near_digest[0] ^ 1]) + image.near_digest[1:]
    add_probe(session, case, "picture", near_digest=almost)
    add_probe(session, case, "picture", near_digest=hashlib.sha256(b"something else").digest())
    assert [one.evidence for one in evidence.gather(session, case, [])] == [{"near-digest"}]


def test_evidence_is_joined_per_image_and_the_nearest_face_counts(session: Session, case: Case) -> None:
    image = make_image(session, make_store(session), "a.jpg", b"bytes")
    probe = add_probe(session, case, "picture", digest=hashlib.sha256(b"bytes").digest())
    face, fused = frozenset({"face"}), frozenset({"fused"})
    faces = [
        (Hit(7, image.id, 0.5, 0, fused), "p1"),
        (Hit(8, image.id, 0.2, 1, face), "p2"),
        (Hit(9, image.id, 0.4, 0, face), "p1"),
    ]
    [found] = evidence.gather(session, case, faces)
    assert (found.face_id, found.probe_id, found.distance) == (8, "p2", 0.2)
    assert found.evidence == {"face", "fused", "digest"}
    assert probe.id != found.probe_id


def test_images_that_are_gone_are_not_suspected(session: Session, case: Case) -> None:
    image = make_image(session, make_store(session), "a.jpg", b"bytes")
    image.state = "erased"
    add_probe(session, case, "picture", digest=hashlib.sha256(b"bytes").digest())
    assert evidence.gather(session, case, []) == []

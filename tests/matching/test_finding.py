"""From templates to photographs, with the accounts of manifests and what people have confirmed."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.db import Database
from portal.matching import finding
from portal.matching.finding import Hit
from portal.matching.fusion import Asked
from portal.matching.gallery import load_gallery
from portal.matching.thresholds import Thresholds
from portal.tables import Candidate, Encoder, Face, ManifestEntry, Search, Store
from tests.fakes import template_of
from tests.matching.making import make_case, make_face, make_image, make_store

LIMITS = Thresholds(0.5, 0.44, 0.6)
NOBODY = np.zeros((0, 128), np.float32)


def found(database: Database, person: float, confirmed: np.ndarray = NOBODY) -> dict[str, Hit]:
    with database.reading() as session:
        encoder = session.scalars(select(Encoder)).one()
    with closing(load_gallery(database, "drawn", "1")) as gallery:
        asked = Asked(template_of(person)[None], confirmed)
        hits = finding.find(database, gallery, encoder, asked, LIMITS)
    with database.reading() as session:
        return {session.get_one(Face, hit.face_id).image.key: hit for hit in hits}


def post(session: Session, store: Store, key: str, person: float, account: str | None = None) -> Face:
    image = make_image(session, store, key)
    face = make_face(session, image, template_of(person))
    if account:
        session.add(ManifestEntry(store_id=store.id, key=key, account=account, attributes={}))
    session.flush()
    return face


def test_an_account_brings_in_its_own_photographs_and_not_the_odd_one(database: Database) -> None:
    with database.writing() as session:
        store, other = make_store(session, name="a"), make_store(session, name="b")
        for number, person in enumerate((3.02, 3.05, 2.95, 3.18, 15)):
            post(session, store, f"{number}.jpg", person, "anna")
        post(session, store, "alone.jpg", 3.18)
        post(session, other, "same name.jpg", 3.18, "anna")
    hits = found(database, 3)
    assert set(hits) == {"0.jpg", "1.jpg", "2.jpg", "3.jpg"}
    assert hits["3.jpg"].evidence == {"fused"}
    assert hits["3.jpg"].distance > LIMITS.face
    assert hits["0.jpg"].evidence == {"face", "fused"}


def test_an_account_with_very_many_photographs_is_no_person(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST_OF_ACCOUNT", 3)
    with database.writing() as session:
        store = make_store(session)
        for number, person in enumerate((3.02, 3.05, 2.95, 3.18)):
            post(session, store, f"{number}.jpg", person, "anonymous")
    assert set(found(database, 3)) == {"0.jpg", "1.jpg", "2.jpg"}


def test_a_face_of_the_fallback_detector_needs_to_be_nearer(database: Database) -> None:
    with database.writing() as session:
        store = make_store(session)
        post(session, store, "plain.jpg", 3.16)
        post(session, store, "turned.jpg", 3.16).fallback = True
        post(session, store, "near.jpg", 3.05).fallback = True
    assert set(found(database, 3)) == {"plain.jpg", "near.jpg"}


def test_confirmed_faces_are_looked_for_with(database: Database) -> None:
    with database.writing() as session:
        store, case = make_store(session), make_case(session)
        search = Search(case_id=case.id, created_at=clock.now())
        session.add(search)
        session.flush()
        for key, person, state in (("yes.jpg", 3.15, "confirmed"), ("no.jpg", 9, "rejected")):
            face = post(session, store, key, person)
            session.add(
                Candidate(
                    case_id=case.id, search_id=search.id, image_id=face.image_id, face_id=face.id,
                    evidence=["face"], state=state,
                )
            )  # fmt: skip
        post(session, store, "further.jpg", 3.2)
        case_id = case.id
    assert "further.jpg" not in found(database, 3)
    with database.reading() as session:
        encoder = session.scalars(select(Encoder)).one()
        confirmed = finding.confirmed_faces(session, case_id, encoder, 128)
    assert confirmed == pytest.approx(template_of(3.15)[None], abs=1e-6)
    assert found(database, 3, confirmed)["further.jpg"].evidence == {"second-hop"}


def test_without_a_probe_nothing_is_looked_for(database: Database) -> None:
    with database.writing() as session:
        post(session, make_store(session), "a.jpg", 3)
        encoder = session.scalars(select(Encoder)).one()
    with closing(load_gallery(database, "drawn", "1")) as gallery:
        assert finding.find(database, gallery, encoder, Asked(NOBODY, NOBODY), LIMITS) == []

"""Looking before it happens: the copy with others covered, and the plan with what stays; the first is in the log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image as Pillow
from sqlalchemy import func, select

from portal.db import Database
from portal.tables import Candidate, Case, Erasure, ErasureItem, Face, Image, Store
from tests.web.desk import Colleague, colleague, decided, entries, fill_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    with database.writing() as session:
        return fill_store(session, tmp_path / "photographs", count=2)


def with_a_stranger(database: Database, store: Store) -> int:
    """A face of somebody else in the upper left of the first photograph; returns the id of the photograph."""
    with database.writing() as session:
        image = session.scalars(select(Image).where(Image.store_id == store.id).order_by(Image.id)).first()
        assert image is not None
        for left in (0, 60):
            session.add(Face(image_id=image.id, top=0, left=left, bottom=40, right=left + 40))
        session.flush()
        own = session.scalars(select(Face).where(Face.image_id == image.id, Face.left == 60)).one()
        for candidate in session.scalars(select(Candidate).where(Candidate.image_id == image.id)):
            candidate.face_id = own.id
        return image.id


def test_the_copy_is_shown_as_it_would_be_with_strangers_covered_and_the_log_says_who_looked(
    database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store, "access")
    image_id = with_a_stranger(database, store)
    path = f"/staff/cases/{case.id}/copy"
    page = cora.get(path)
    assert "There are 2 photographs." in page
    assert "Other people&#39;s faces are covered." in page
    for text in ("Kept in", "Profiles", "Recogniser 2", "A partner"):
        assert text in page
    assert entries(database, "copy-looked-at") == [{"case": case.id, "account": cora.id, "photographs": 2}]
    assert "The copy was looked at" in cora.get(f"/staff/cases/{case.id}/timeline")
    answer = cora.client.get(f"{path}/1.jpg")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert entries(database, "image-revealed") == [{"account": cora.id, "image": image_id}]
    pixels = Pillow.open(io.BytesIO(answer.data)).convert("L")
    covered = pixels.crop((8, 8, 32, 32)).getextrema()
    assert covered[1] - covered[0] < 16, "the stranger's face is one even patch"
    cora.get(f"{path}/3.jpg", status=404)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Erasure)) == 0
        assert session.get_one(Case, case.id).state == "deciding"


def test_the_copy_is_shown_only_where_one_was_asked_for_and_while_it_is_open(
    app: Flask, database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store, "access")
    other = decided(database, store, "deletion")
    cora.get(f"/staff/cases/{other.id}/copy", status=404)
    colleague(app, database, "reviewer").get(f"/staff/cases/{case.id}/copy", status=403)
    with database.writing() as session:
        row = session.get_one(Case, case.id)
        row.state, row.outcome = "closed", "fulfilled"
    cora.get(f"/staff/cases/{case.id}/copy", status=404)
    cora.get(f"/staff/cases/{case.id}/copy/1.jpg", status=404)
    assert entries(database, "copy-looked-at") == []


def test_the_plan_is_shown_before_it_is_made_with_what_stays_and_why(
    database: Database, store: Store, cora: Colleague
) -> None:
    case = decided(database, store, "deletion")
    with database.writing() as session:
        first = session.scalars(select(Candidate).where(Candidate.case_id == case.id)).first()
        assert first is not None
        first.state = "unsure"
    path = f"/staff/cases/{case.id}/plan/deletion"
    page = cora.get(path)
    for text in ("Photograph in a store", "Faces 1, Profiles: ", "Recogniser 2", "Door camera", "A partner"):
        assert text in page
    assert "1 photograph about which people could not tell" in page
    assert "for 2 years: so that it cannot come in again" in page
    assert "may not delete there" not in page
    with database.writing() as session:
        session.get_one(Store, store.id).may_erase = False
    assert "1 photograph in Profiles: Efface may not delete there." in cora.get(path)
    cora.get(f"/staff/cases/{case.id}/plan/opt-out", status=404)
    cora.get(f"/staff/cases/{case.id}/plan/access", status=404)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ErasureItem)) == 0, "a look freezes nothing"
    assert entries(database, "plan-frozen") == []
    form = cora.post(f"/staff/cases/{case.id}/decide/deletion", status=200, decision="grant", reason="", note="")
    assert f'href="{path}"' in form, "the look is offered before it is granted"


def test_an_opt_out_says_that_the_photographs_stay(database: Database, store: Store, cora: Colleague) -> None:
    case = decided(database, store, "opt-out")
    page = cora.get(f"/staff/cases/{case.id}/plan/opt-out")
    assert "An opt-out only takes them out of datasets" in page
    assert "Photograph in a store" not in page


def test_what_stands_in_the_way_of_a_plan_is_told(database: Database, store: Store, cora: Colleague) -> None:
    case = decided(database, store, "deletion")
    with database.writing() as session:
        for image in session.scalars(select(Image)):
            image.digest = None
    assert "has not been read to its end" in cora.get(f"/staff/cases/{case.id}/plan/deletion")

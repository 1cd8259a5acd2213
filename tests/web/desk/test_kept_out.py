"""What is kept out, for staff: numbers without faces, and photographs that were held back, for a person to look at."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.suppression import held_back, keep_face, suppress
from portal.tables import Encoder, Entry, HeldBack, Image
from tests.fakes import drawn_jpeg, template_of
from tests.suppression.rows import an_erasure, an_image
from tests.web.desk import colleague, fill_store


@pytest.fixture
def held(database: Database, tmp_path: Path) -> int:
    """The id of a photograph that was held back; beside it one face and one promise are kept."""
    with database.writing() as session:
        fill_store(session, tmp_path / "store")
        image = session.scalars(select(Image).order_by(Image.id)).first()
        assert image is not None
        image.state = "stopped"
        data = (tmp_path / "store" / image.key).read_bytes()
        held_back.write_down(session, {image.id: hashlib.sha256(data).digest()})
        erasure = an_erasure(session)
        suppress(session, erasure.id, an_image(session, seed=2))
        encoder = session.scalars(select(Encoder)).first() or Encoder(name="drawn", version="1", dimensions=128)
        session.add(encoder)
        session.flush()
        ends = clock.now() + timedelta(days=9)
        keep_face(session, erasure.case_id, encoder, [template_of(3).astype("<f4").tobytes()], ends)
        return session.scalars(select(HeldBack.id)).one()


def test_a_caseworker_looks_and_lets_it_in_with_a_reason(app: Flask, database: Database, held: int) -> None:
    cora = colleague(app, database, "caseworker", name="Cora")
    page = cora.get("/staff/kept-out")
    assert "1 photograph to look at" in cora.get("/staff")
    assert "A protected template of the face" in page
    assert f"/staff/kept-out/{held}.jpg" in page
    seen = cora.client.get(f"/staff/kept-out/{held}.jpg")
    assert (seen.status_code, seen.mimetype, seen.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert cora.client.get("/staff/kept-out/999.jpg").status_code == 404
    assert "Write why" in cora.post(f"/staff/kept-out/{held}", 422, state="let-in", note="")
    cora.post(f"/staff/kept-out/{held}", state="let-in", note="She agreed.")
    assert "Nothing waits." in cora.get("/staff/kept-out")
    with database.reading() as session:
        row = session.get_one(HeldBack, held)
        assert (row.state, row.note, row.decided_by) == ("let-in", "She agreed.", cora.id)
        kinds = [entry.kind for entry in session.scalars(select(Entry))]
        assert {"image-revealed", "held-back-decided"} <= set(kinds)


def test_what_has_changed_meanwhile_is_not_shown(app: Flask, database: Database, held: int, tmp_path: Path) -> None:
    cora = colleague(app, database, "caseworker", name="Cora")
    with database.reading() as session:
        key = session.get_one(HeldBack, held).image.key
    (tmp_path / "store" / key).write_bytes(drawn_jpeg(9, seed=9))
    assert cora.client.get(f"/staff/kept-out/{held}.jpg").status_code == 404


def test_an_admin_sees_numbers_and_no_picture(app: Flask, database: Database, held: int) -> None:
    ada = colleague(app, database, "admin", name="Ada")
    page = ada.get("/staff/kept-out")
    assert "1 photograph waits for a caseworker." in page
    assert "<img" not in page.split("<h1>")[1]
    assert ada.client.get(f"/staff/kept-out/{held}.jpg").status_code == 403

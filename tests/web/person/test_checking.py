"""Checking a certificate on the page: as issued, changed, of somebody else, and what is no certificate at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal import audit
from portal.db import Database
from portal.erasure import certificate
from portal.orders import certificate as order_certificate
from portal.tables import Blob, Certificate, Order
from tests.erasure import certified
from tests.orders.scene import Scene
from tests.web.conftest import send


@pytest.fixture
def file(database: Database) -> bytes:
    with database.writing() as session:
        _made, data, _key = certified.issued(session)
        return data


def checked(client: FlaskClient, data: bytes, name: str = "certificate.json") -> Any:
    return send(client, "/verify", certificate=(io.BytesIO(data), name))


def test_one_as_issued_is_told_in_words_and_not_kept(client: FlaskClient, database: Database, file: bytes) -> None:
    answer = checked(client, file)
    assert answer.status_code == 200
    assert "This certificate is as it was issued" in answer.text
    assert "EF-TEST-CASE" in answer.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Blob)) == 0


@pytest.mark.parametrize("place", [0.1, 0.35, 0.6, 0.9])
def test_one_changed_byte_is_seen(client: FlaskClient, file: bytes, place: float) -> None:
    at = int(len(file) * place)
    changed = file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]
    page = checked(client, changed).text
    assert "This file is not as it was issued" in page
    assert "as it was issued, and" not in page


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff\xfe", b"[" * 50_000, b"<script>alert(1)</script>", b'{"format": "efface-certificate/1"}'],
)
def test_what_is_no_certificate_is_not_a_fault(client: FlaskClient, data: bytes) -> None:
    answer = checked(client, data)
    assert answer.status_code == 200
    assert "This file is not as it was issued" in answer.text
    assert "<script>alert" not in answer.text


def test_without_a_file_it_is_asked_for(client: FlaskClient) -> None:
    answer = send(client, "/verify")
    assert answer.status_code == 422
    assert "Choose a file first." in answer.text


def test_a_file_that_is_too_big_is_told_beside_the_field(client: FlaskClient) -> None:
    answer = checked(client, b"x" * (34 * 1024 * 1024))
    assert answer.status_code == 413
    assert "too big to be checked here" in answer.text


def test_two_certificates_of_our_log_agree_and_a_second_one_that_was_changed_does_not(
    client: FlaskClient, database: Database, file: bytes
) -> None:
    with database.writing() as session:
        audit.append(session, "test", {})
        audit.publish(session)
        made = session.scalars(select(Certificate)).one()
        later = certificate.file_of(session, made)
    assert later != file

    def both(second: bytes) -> str:
        return str(send(client, "/verify", certificate=(io.BytesIO(file), "a"), second=(io.BytesIO(second), "b")).text)

    assert "Both certificates are of one log" in both(later)
    assert "This file is not as it was issued" in both(later.replace(b"EF-TEST-CASE", b"EF-EVIL-CASE"))
    # Of the proof only what is in every head of the log is asked for; of no proof nothing is made up.
    assert client.get("/verify/proof?from=1&to=2").text.startswith("efface-consistency/1\nfrom 1 to 2\n")
    assert {client.get(f"/verify/proof{sizes}").status_code for sizes in ("", "?from=2&to=99", "?from=x&to=2")} == {404}


def test_the_statement_of_an_order_and_a_part_of_it_are_checked_too(
    client: FlaskClient, database: Database, tmp_path: Path
) -> None:
    scene = Scene(database, tmp_path / "photographs", loose=3, shards=1, in_shard=2)
    photo = scene.bytes_of("loose", scene.keys["loose"][0])
    order_id = scene.order()
    scene.approve(order_id)
    scene.run(order_id)
    with database.writing() as session:
        made = order_certificate.of_order(session, session.get_one(Order, order_id))
        whole, own = order_certificate.file_of(session, made), order_certificate.part_with(session, made, photo)
    page = checked(client, whole).text
    assert "This certificate is as it was issued" in page
    assert "all of it is done" in page
    assert "what became of 1 of its photographs" in checked(client, own).text
    for changed in (whole.replace(b"C-4743", b"C-4744"), own.replace(b"deleted", b"created")):
        assert "This file is not as it was issued" in checked(client, changed).text
    both = send(client, "/verify", certificate=(io.BytesIO(own), "a"), second=(io.BytesIO(whole), "b")).text
    assert "Both certificates are of one log" in both

"""The person takes two photographs with a code; the caseworker sees them, and nobody else."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

import workers
from portal import clock
from portal.cases import lifecycle
from portal.db import Database
from portal.tables import Blob, Case, Challenge, Entry
from tests.fakes import drawn_jpeg
from tests.web import trip
from tests.web.conftest import form_token, send
from tests.web.desk import Colleague, colleague

PAGE = "/case/challenge"
NOT_NOW = "You do not need to send photos now."


def case_id_of(database: Database) -> str:
    with database.reading() as session:
        return session.scalars(select(Case.id)).one()


@pytest.fixture
def anna(app: Flask, client: FlaskClient, database: Database) -> Colleague:
    """A caseworker; `client` is signed in to a case in which it is checked who is asking."""
    trip.whole(client)
    with database.writing() as session:
        session.scalars(select(Case)).one().state = "identity-check"
    return colleague(app, database, "caseworker")


@pytest.fixture
def staff_path(anna: Colleague, database: Database) -> str:
    return f"/staff/cases/{case_id_of(database)}"


def row(database: Database) -> Challenge:
    with database.reading() as session:
        return session.scalars(select(Challenge).order_by(Challenge.asked_at.desc())).first()  # type: ignore[return-value]


def blobs_kept(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Blob.purpose == "challenge")) or 0


def begin(client: FlaskClient, anna: Colleague, staff_path: str) -> None:
    """Asked by the caseworker, and the person has seen the code."""
    anna.post(f"{staff_path}/challenge")
    assert send(client, PAGE, f"{PAGE}/code").status_code == 303


def upload(client: FlaskClient, data: bytes, page: str | None = None) -> Any:
    """Send a photograph with the form that is on the page now, or on an older one."""
    page = page or client.get(PAGE).text
    fields = dict(re.findall(r'name="(step|code)" type="hidden" value="([^"]*)"', page))
    assert set(fields) == {"step", "code"}
    fields |= {"csrf_token": form_token(page), "photo": (io.BytesIO(data), "me.jpg")}  # type: ignore[dict-item]
    return client.post(PAGE, data=fields)


def photo() -> bytes:
    return drawn_jpeg(3, size=(240, 200))


def test_the_whole_way(
    client: FlaskClient, anna: Colleague, staff_path: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "two new photos" not in client.get("/case").text
    anna.post(f"{staff_path}/challenge")
    assert "two new photos" in client.get("/case").text
    assert "I am ready" in client.get(PAGE).text
    send(client, PAGE, f"{PAGE}/code")
    code = row(database).code or "no code"
    page = client.get(PAGE).text
    assert code in page
    assert "Photo 1 of 2" in page
    assert 'capture="user"' in page
    assert upload(client, photo()).status_code == 303
    assert f"turn your head to your {row(database).turn}" in client.get(PAGE).text
    assert f"{staff_path}/challenge/paper.jpg" not in anna.get(f"{staff_path}/identity")
    assert upload(client, photo()).status_code == 303
    assert NOT_NOW in client.get(PAGE).text
    assert "two new photos" not in client.get("/case").text
    page = anna.get(f"{staff_path}/identity")
    assert code in page
    assert "has not looked at them yet" in page
    assert workers.carry_out(database, "challenging", row(database).id) == "worked"
    assert "measured nothing" in anna.get(f"{staff_path}/identity")
    for step in ("paper", "turned"):
        assert anna.client.get(f"{staff_path}/challenge/{step}.jpg").data.startswith(b"\xff\xd8")
    anna.post(f"{staff_path}/identity", decision="confirmed", note="Code and turn are right.")
    assert blobs_kept(database) == 0
    anna.get(f"{staff_path}/challenge/paper.jpg", 404)
    assert code not in anna.get(f"{staff_path}/identity")


def test_an_expired_code_gives_way_to_another(
    client: FlaskClient, anna: Colleague, staff_path: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(client, anna, staff_path)
    old_page, old = client.get(PAGE).text, row(database).code or ""
    then = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    answer = upload(client, photo(), old_page)
    assert answer.status_code == 409
    assert "The 10 minutes are over" in answer.text
    assert old not in answer.text
    assert blobs_kept(database) == 0
    send(client, PAGE, f"{PAGE}/code")
    assert upload(client, photo(), old_page).status_code == 409
    assert upload(client, photo()).status_code == 303
    assert blobs_kept(database) == 1


def test_a_form_sent_twice_is_one_photograph(
    client: FlaskClient, anna: Colleague, staff_path: str, database: Database
) -> None:
    begin(client, anna, staff_path)
    page = client.get(PAGE).text
    assert [upload(client, photo(), page).status_code for _ in range(2)] == [303, 303]
    assert blobs_kept(database) == 1
    page = client.get(PAGE).text
    assert [upload(client, photo(), page).status_code for _ in range(2)] == [303, 409]
    assert blobs_kept(database) == 2


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe0 no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 40]
)
def test_hostile_files_are_named_and_nothing_is_lost(
    client: FlaskClient, anna: Colleague, staff_path: str, database: Database, data: bytes
) -> None:
    begin(client, anna, staff_path)
    code = row(database).code or ""
    answer = upload(client, data)
    assert answer.status_code == 422
    assert 'href="#photo"' in answer.text
    assert code in answer.text
    assert blobs_kept(database) == 0
    assert upload(client, photo()).status_code == 303


def test_what_is_kept_is_only_pixels(client: FlaskClient, anna: Colleague, staff_path: str) -> None:
    begin(client, anna, staff_path)
    for _ in range(2):
        assert upload(client, photo() + b"<script>alert(1)</script>").status_code == 303
    assert b"script" not in anna.client.get(f"{staff_path}/challenge/paper.jpg").data


def test_too_big_a_file(app: Flask, client: FlaskClient, anna: Colleague, staff_path: str) -> None:
    begin(client, anna, staff_path)
    page = client.get(PAGE).text
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = upload(client, photo(), page)
    assert answer.status_code == 413
    assert "too big" in answer.text


def test_who_was_not_asked_learns_nothing(client: FlaskClient, anna: Colleague, database: Database) -> None:
    """The same page in every state of the case, whatever was found in it."""
    seen = set()
    with database.reading() as session:
        reference = session.scalars(select(Case.reference)).one()
    for state in ("identity-check", "searching", "reviewing", "deciding", "fulfilling"):
        with database.writing() as session:
            session.scalars(select(Case)).one().state = state
        page = client.get(PAGE).text
        assert NOT_NOW in page
        seen.add(re.sub(r'value="[^"]+"|nonce="[^"]+"', "", page.replace(reference, "")))
        # The forms on the page of the case have the token that this page does not need.
        token = form_token(client.get("/case").text)
        for path, fields in ((PAGE, {"photo": (io.BytesIO(photo()), "me.jpg")}), (f"{PAGE}/code", {})):
            answer = client.post(path, data={"csrf_token": token, **fields})
            assert answer.status_code == 409
            assert "do not need to send photographs now" in answer.text
    assert len(seen) == 1
    assert blobs_kept(database) == 0


def test_a_challenge_of_a_case_that_went_on_is_over(
    client: FlaskClient, anna: Colleague, staff_path: str, database: Database
) -> None:
    begin(client, anna, staff_path)
    page = client.get(PAGE).text
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        lifecycle.move(session, case, "closed", anna.id, "insuf_verification", outcome="unverified")
    assert upload(client, photo(), page).status_code == 409
    assert NOT_NOW in client.get(PAGE).text


def test_each_look_is_in_the_log_and_only_a_caseworker_may(
    app: Flask, client: FlaskClient, anna: Colleague, staff_path: str, database: Database
) -> None:
    begin(client, anna, staff_path)
    anna.get(f"{staff_path}/challenge/paper.jpg", 404)
    for _ in range(2):
        upload(client, photo())
    for role in ("reviewer", "admin", "auditor"):
        other = colleague(app, database, role)
        other.get(f"{staff_path}/challenge/paper.jpg", 403)
        other.post(f"{staff_path}/challenge", 403)
    anna.get(f"{staff_path}/challenge/else.jpg", 404)
    with database.reading() as session:
        before = session.scalar(select(func.count()).where(Entry.kind == "image-revealed"))
    assert anna.client.get(f"{staff_path}/challenge/turned.jpg").status_code == 200
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Entry.kind == "image-revealed")) == (before or 0) + 1
    anna.post(f"{staff_path}/challenge")
    assert blobs_kept(database) == 0
    anna.post(f"{staff_path}/challenge", 409)

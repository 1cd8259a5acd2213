"""The cookie holds a token and nothing else; the row behind it is the session."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from portal import clock
from portal.db import Database
from portal.keys import token_digest
from portal.tables import Account, WebSession
from portal.web import sessions
from portal.web.policy import policy
from tests.web import trip
from tests.web.conftest import send


def _cookie(client: FlaskClient) -> str:
    cookie = client.get_cookie("efface")
    assert cookie
    return cookie.value


def _rows(database: Database) -> list[WebSession]:
    with database.reading() as session:
        return list(session.scalars(select(WebSession)))


def test_looking_around_writes_nothing(client: FlaskClient, database: Database) -> None:
    for path in ("/", "/help", "/case/sign-in", "/"):
        client.get(path)
    assert _rows(database) == []


def test_the_row_holds_a_digest_and_sealed_data(client: FlaskClient, database: Database) -> None:
    send(client, "/", "/request/start")
    token = _cookie(client)
    (row,) = _rows(database)
    assert row.token_digest == token_digest(token)
    assert token.encode() not in row.data
    assert b"draft" not in row.data
    assert row.expires_at - row.created_at == sessions.PUBLIC_LIFE


def test_reading_on_writes_nothing(client: FlaskClient, database: Database) -> None:
    trip.begin(client)
    before = _rows(database)[0].data
    client.get("/request/rights")
    client.get("/request/links")
    assert _rows(database)[0].data == before


def test_a_file_that_is_not_there_costs_nothing_that_is_remembered(client: FlaskClient) -> None:
    trip.begin(client)
    token = _cookie(client)
    for path in ("/static/gone.css", "/bootstrap/static/gone.js", "/healthz/x"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "<form" in answer.text, "the page has a form, and its token belongs to a cookie"
    assert _cookie(client) == token
    assert client.get("/request/rights").status_code == 200


def test_a_token_somebody_planted_is_replaced(client: FlaskClient, database: Database) -> None:
    planted = "p" * 43
    client.set_cookie("efface", planted)
    send(client, "/", "/request/start")
    assert _cookie(client) != planted
    assert token_digest(planted) not in {row.token_digest for row in _rows(database)}


def test_signing_in_to_a_case_changes_the_token(app: Flask, client: FlaskClient, database: Database) -> None:
    reference, words = trip.whole(client)
    other = app.test_client()
    other.get("/case/sign-in")
    before = _cookie(other)
    assert send(other, "/case/sign-in", reference=reference, secret=words).status_code == 303
    assert _cookie(other) != before
    assert other.get("/case").status_code == 200


def test_signing_out_ends_a_copied_session_at_once(app: Flask, client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    thief = app.test_client()
    thief.set_cookie("efface", _cookie(client))
    assert thief.get("/case").status_code == 200
    send(client, "/case", "/case/sign-out")
    assert thief.get("/case").status_code == 303
    assert client.get("/case").status_code == 303


def test_deleting_the_row_ends_the_session(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    with database.writing() as session:
        session.execute(delete(WebSession))
    assert client.get("/case").status_code == 303


def test_a_public_session_ends_after_a_day(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip.whole(client)
    later = clock.now() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert client.get("/case").status_code == 303
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0


def test_a_row_that_was_changed_opens_nothing(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    with database.writing() as session:
        row = session.scalars(select(WebSession)).one()
        row.data = row.data[:-1] + bytes([row.data[-1] ^ 1])
    assert client.get("/case").status_code == 303


@pytest.fixture
def staff_app(app: Flask, database: Database) -> Flask:
    """The application with a door that signs the only account in, and a room behind it."""
    with database.writing() as session:
        session.add(
            Account(
                id="a" * 32,
                email="a@example.com",
                name="A",
                roles=["auditor"],
                password_hash="",
                totp_secret=b"",
                created_at=clock.now(),
            )
        )

    def door() -> str:
        with database.reading() as session:
            sessions.sign_in_account(session.get_one(Account, "a" * 32))
        return "in"

    app.add_url_rule("/door", "door", policy("public")(door))
    app.add_url_rule("/room", "room", policy("staff")(lambda: "room"))
    app.add_url_rule("/audit-room", "audit_room", policy("auditor", "admin")(lambda: "room"))
    app.add_url_rule("/admin-room", "admin_room", policy("admin")(lambda: "room"))
    return app


def test_roles_open_their_rooms_only(staff_app: Flask) -> None:
    client = staff_app.test_client()
    client.get("/door")
    assert [client.get(path).status_code for path in ("/room", "/audit-room", "/admin-room")] == [200, 200, 403]


def test_a_disabled_account_is_out_at_once(staff_app: Flask, database: Database) -> None:
    client = staff_app.test_client()
    client.get("/door")
    with database.writing() as session:
        session.get_one(Account, "a" * 32).disabled_at = clock.now()
    assert client.get("/room").status_code == 303


def test_ending_all_sessions_of_an_account(staff_app: Flask, database: Database) -> None:
    client = staff_app.test_client()
    client.get("/door")
    with database.writing() as session:
        sessions.end_sessions_of(session, "a" * 32)
    assert client.get("/room").status_code == 303


@pytest.mark.parametrize(("minutes", "status"), [(50, 200), (61, 303)])
def test_staff_who_are_away_for_an_hour_are_signed_out(
    staff_app: Flask, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
) -> None:
    client = staff_app.test_client()
    client.get("/door")
    later = clock.now() + timedelta(minutes=minutes)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert client.get("/room").status_code == status


def test_polling_does_not_keep_staff_signed_in(staff_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = staff_app.test_client()
    client.get("/door")
    begin = clock.now()
    for minutes in (30, 59):
        monkeypatch.setattr("portal.clock.now", lambda at=begin + timedelta(minutes=minutes): at)
        assert client.get("/room", headers={"Sec-Fetch-Dest": "empty"}).status_code == 200
    monkeypatch.setattr("portal.clock.now", lambda: begin + timedelta(minutes=61))
    assert client.get("/room").status_code == 303


def test_staff_are_signed_out_after_half_a_day_whatever_they_do(
    staff_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = staff_app.test_client()
    client.get("/door")
    begin = clock.now()
    for minutes in range(30, 720, 30):
        monkeypatch.setattr("portal.clock.now", lambda at=begin + timedelta(minutes=minutes): at)
        assert client.get("/room").status_code == 200
    monkeypatch.setattr("portal.clock.now", lambda: begin + timedelta(hours=12, seconds=1))
    assert client.get("/room").status_code == 303

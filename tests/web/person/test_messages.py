"""The two pages of the messages in a case."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock
from portal.cases import messages
from portal.db import Database
from portal.tables import Case
from tests.web import trip
from tests.web.conftest import send
from tests.web.desk import colleague

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7 * 7 }}'
BLIND = "Nobody made sure who is asking"


def _case_id(database: Database) -> str:
    with database.reading() as session:
        return session.scalars(select(Case.id)).one()


def test_a_conversation(app: Flask, client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    assert "Nobody has written" in client.get("/case/messages").text
    assert send(client, "/case/messages", text="My account was anna84.").status_code == 303
    case_id = _case_id(database)
    anna = colleague(app, database, "caseworker", name="Ben")
    assert "New message" in anna.get("/staff/cases/")
    assert "1 new</span>" in anna.get(f"/staff/cases/{case_id}")
    assert "My account was anna84." in anna.get(f"/staff/cases/{case_id}/messages")
    assert "New message" not in anna.get("/staff/cases/")
    assert "We wrote to you" not in client.get("/case").text
    anna.post(f"/staff/cases/{case_id}/messages", text="Thank you. That helps.")
    assert "We wrote to you" in client.get("/case").text
    page = client.get("/case/messages").text
    assert "Thank you. That helps." in page
    assert "Ben" not in page
    assert "We wrote to you" not in client.get("/case").text


def test_what_is_hostile_is_only_text(app: Flask, client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    send(client, "/case/messages", text=HOSTILE)
    anna = colleague(app, database, "caseworker")
    for page in (client.get("/case/messages").text, anna.get(f"/staff/cases/{_case_id(database)}/messages")):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize("text", ["", "  ", "a" * (messages.MOST + 1)])
def test_a_message_that_cannot_be_sent_stays_in_the_box(client: FlaskClient, database: Database, text: str) -> None:
    trip.whole(client)
    answer = send(client, "/case/messages", text=text)
    assert answer.status_code == 422
    assert 'href="#text"' in answer.text
    assert text.strip() in answer.text
    assert "Nobody has written" in answer.text


def test_staff_are_warned_until_it_is_clear_who_asks(app: Flask, client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    anna, path = colleague(app, database, "caseworker"), f"/staff/cases/{_case_id(database)}/messages"
    assert BLIND in anna.get(path)
    with database.writing() as session:
        session.scalars(select(Case)).one().identity = "confirmed"
    assert BLIND not in anna.get(path)


def test_a_finished_case_comes_back_to_the_desk(app: Flask, client: FlaskClient, database: Database) -> None:
    reference, _ = trip.whole(client)
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.state, case.outcome, case.closed_at = "closed", "nothing-found", clock.now()
    anna = colleague(app, database, "caseworker")
    assert reference not in anna.get("/staff/cases/")
    send(client, "/case/messages", text="You missed one.")
    assert reference in anna.get("/staff/cases/")


def test_after_taking_it_back_nothing_can_be_written(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    send(client, "/case/messages", text="Wait.")
    send(client, "/case/withdraw")
    page = client.get("/case/messages").text
    assert "Wait." not in page
    assert "<textarea" not in page
    assert send(client, "/case/messages", text="Please go on.").status_code == 409


@pytest.mark.parametrize("role", ["reviewer", "admin", "auditor"])
def test_others_of_the_staff_do_not_read_them(
    app: Flask, client: FlaskClient, database: Database, role: str, tmp_path: Path
) -> None:
    trip.whole(client)
    colleague(app, database, role).get(f"/staff/cases/{_case_id(database)}/messages", status=403)

"""You missed one: looking again where nothing was found, and the same page for who was not checked."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.tables import Case, Probe
from tests.web import trip
from tests.web.conftest import send


def closed(client: FlaskClient, database: Database, **values: object) -> None:
    trip.whole(client)
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        for right in case.rights:
            right.decision, right.outcome = "grant", "nothing-found"
        case.state, case.outcome, case.closed_at, case.identity = "closed", "nothing-found", clock.now(), "confirmed"
        for name, value in values.items():
            setattr(case, name, value)


def test_where_nothing_was_found_the_link_opens_the_request_again(client: FlaskClient, database: Database) -> None:
    closed(client, database)
    assert "/case/missed" in client.get("/case").text
    assert send(client, "/case/missed", link="https://photos.example/of-me.jpg").status_code == 303
    with database.reading() as session:
        assert session.scalars(select(Case.state)).one() == "searching"
        assert len(session.scalars(select(Probe)).all()) == 2


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "not a link", "x" * 5000])
def test_a_link_that_is_none_is_asked_for_again(client: FlaskClient, database: Database, link: str) -> None:
    closed(client, database)
    answer = send(client, "/case/missed", link=link)
    assert answer.status_code == 422
    with database.reading() as session:
        assert session.scalars(select(Case.state)).one() == "closed"


def test_after_something_was_found_it_takes_a_new_request(client: FlaskClient, database: Database) -> None:
    closed(client, database, outcome="fulfilled")
    page = client.get("/case/missed").text
    assert "Make a new request" in page
    send(client, "/case/missed", link="https://photos.example/of-me.jpg")
    with database.reading() as session:
        assert session.scalars(select(Case.state)).one() == "closed"


def test_who_was_not_checked_reads_the_same_whatever_was_found(client: FlaskClient, database: Database) -> None:
    closed(client, database, identity="not-needed")
    pages = []
    for state, outcome in (("closed", "nothing-found"), ("closed", "fulfilled"), ("fulfilling", None)):
        with database.writing() as session:
            case = session.scalars(select(Case)).one()
            case.state, case.outcome = state, outcome
            case.due_on = case.rights[0].due_on = clock.now().date()
        answer = client.get("/case/missed")
        pages.append((answer.status_code, re.sub(r'nonce="[^"]+"|value="[^"]+"', "", answer.text)))
    assert pages[0] == pages[1] == pages[2]


def test_what_is_going_on_was_not_missed_yet(client: FlaskClient) -> None:
    trip.whole(client)
    assert client.get("/case/missed").status_code == 409


def test_after_a_deletion_one_button_opens_the_request_that_follows(client: FlaskClient, database: Database) -> None:
    closed(client, database, outcome="fulfilled")
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.rights[0].right, case.rights[0].outcome = "deletion", "fulfilled"
    assert "You missed this one" in client.get("/case/missed").text
    assert send(client, "/case/missed", link="javascript:alert(1)").status_code == 422
    assert send(client, "/case/missed", link="").status_code == 303
    page = client.get("/case").text
    with database.reading() as session:
        new = session.scalars(select(Case).where(Case.state == "searching")).one()
    assert re.search(f"This is your new request: .{{0,8}}{new.reference}", page)
    assert "Your secret words stay the same." in page

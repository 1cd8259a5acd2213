"""The person asks to look at a refusal again, and somebody else does."""

from __future__ import annotations

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
from tests.web.desk import Colleague, colleague


@pytest.fixture
def decider(app: Flask, client: FlaskClient, database: Database) -> Colleague:
    """Has refused the deletion of the person who holds `client`, under a law that lets people appeal."""
    trip.whole(client)
    account = colleague(app, database, "caseworker", name="Dora")
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        (right,) = case.rights
        right.rule, right.rule_version = "us-ct.deletion", 1
        right.decision, right.reason, right.outcome = "refuse", "claim_not_covered", "refused"
        right.decided_by, right.decided_at = account.id, clock.now()
        case.state, case.outcome, case.closed_at, case.identity = "closed", "refused", clock.now(), "confirmed"
    return account


def _path(database: Database, rest: str = "") -> str:
    with database.reading() as session:
        return f"/staff/cases/{session.scalars(select(Case.id)).one()}{rest}"


def test_from_the_answer_to_a_new_decision(
    app: Flask, client: FlaskClient, database: Database, decider: Colleague
) -> None:
    assert "/case/appeal/deletion" in client.get("/case").text
    assert send(client, "/case/appeal/deletion", text="<b>Please</b>").status_code == 303
    page = client.get("/case").text
    assert "you asked us to look at this again" in page
    assert "/case/appeal/deletion" not in page
    assert client.get("/case/appeal/deletion").status_code == 404
    assert "Somebody else must look at it" in decider.get(_path(database))
    decider.post(_path(database, "/appeal/deletion"), status=403, decision="kept", text="No.")
    other = colleague(app, database, "caseworker")
    assert "Look at it again" in other.get("/staff/cases/")
    assert "Refusals to look at again" in other.get("/staff")
    assert _path(database, "/appeal/deletion") in other.get(_path(database))
    assert "&lt;b&gt;Please&lt;/b&gt;" in other.get(_path(database, "/appeal/deletion"))
    other.post(_path(database, "/appeal/deletion"), decision="changed", text="We were wrong.")
    assert "Decide" in other.get(_path(database))
    assert "We were wrong." in client.get("/case/messages").text
    assert "Your request" in client.get("/case").text


def test_a_refusal_that_is_kept(app: Flask, client: FlaskClient, database: Database, decider: Colleague) -> None:
    send(client, "/case/appeal/deletion", text="")
    other = colleague(app, database, "caseworker")
    other.post(_path(database, "/appeal/deletion"), decision="kept", text="The law does not cover it.")
    page = client.get("/case").text
    assert "came to the same answer" in page
    assert "complain" in page
    other.get(_path(database, "/appeal/deletion"), status=404)


@pytest.mark.parametrize(
    ("fields", "field"), [({"decision": "kept", "text": ""}, "text"), ({"text": "So."}, "decision-0")]
)
def test_an_answer_needs_a_decision_and_a_text(
    app: Flask, client: FlaskClient, database: Database, decider: Colleague, fields: dict[str, str], field: str
) -> None:
    send(client, "/case/appeal/deletion", text="")
    page = colleague(app, database, "caseworker").post(_path(database, "/appeal/deletion"), status=422, **fields)
    assert f'href="#{field}"' in page


def test_a_reason_that_is_too_long_stays_in_the_box(client: FlaskClient, decider: Colleague) -> None:
    answer = send(client, "/case/appeal/deletion", text="a" * (messages.MOST + 1))
    assert answer.status_code == 422
    assert 'href="#text"' in answer.text
    assert "/case/appeal/deletion" in client.get("/case").text


def test_there_is_nothing_to_look_at_again_before_an_answer(client: FlaskClient) -> None:
    trip.whole(client)
    assert client.get("/case/appeal/deletion").status_code == 404
    assert client.get("/case/appeal/none").status_code == 404

"""A caseworker sees which requests belong together, and says why a held one is fine."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.cases.requester import alarms
from portal.db import Database
from portal.tables import Case
from tests.cases.making import send, to_deciding
from tests.web import trip
from tests.web.desk import Colleague, colleague


def held_case(database: Database) -> tuple[Case, Case]:
    """A case that waits for a decision, held because of the photos of another one."""
    with database.writing() as session:
        first, second = send(session, "opt-out").case, send(session, "deletion").case
        to_deciding(session, second)
        alarms.look_at_faces(session, second, {first.id: False})
        return second, first


def test_a_held_case_says_why_and_leads_to_the_other(database: Database, cora: Colleague) -> None:
    case, other = held_case(database)
    page = cora.get(f"/staff/cases/{case.id}")
    assert "This request is held" in page
    assert "its photos may show somebody else" in page
    assert f'href="/staff/cases/{other.id}">{other.reference}</a>' in page
    assert "Read together" in cora.get(f"/staff/cases/{other.id}")


def test_it_is_granted_only_after_somebody_wrote_why_it_is_fine(database: Database, cora: Colleague) -> None:
    case, _ = held_case(database)
    grant = f"/staff/cases/{case.id}/decide/deletion"
    assert "This request is held" in cora.post(grant, status=422, decision="grant", confirm="yes", reason="")
    assert "Write down why" in cora.post(f"/staff/cases/{case.id}/linked", status=422, note=" ")
    assert cora.post(f"/staff/cases/{case.id}/linked", note="She asks for her child.").endswith(case.id)
    page = cora.get(f"/staff/cases/{case.id}")
    assert "It is fine because: She asks for her child." in page
    assert "Written down why it is fine" in page
    cora.post(grant, decision="grant", confirm="yes", reason="")
    cora.post(f"/staff/cases/{case.id}/linked", status=409, note="Again.")


def test_only_caseworkers_read_it(app: Flask, database: Database, client: FlaskClient) -> None:
    case, _ = held_case(database)
    colleague(app, database, "reviewer").get(f"/staff/cases/{case.id}/linked", status=403)
    assert client.get(f"/staff/cases/{case.id}/linked").status_code in {302, 303, 401}


@pytest.mark.parametrize(
    ("address", "alarms_raised"), [("93.184.216.{}", 6), ("2606:2800:220:1::{}", 6), ("10.0.0.{}", 0)]
)
def test_many_requests_from_one_public_network_are_held(
    app: Flask, database: Database, address: str, alarms_raised: int
) -> None:
    for number in range(1, 5):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address.format(number)
        trip.whole(client)
    with database.reading() as session:
        cases = session.scalars(select(Case)).all()
        assert sum(len(alarms.open_alarms(session, case)) for case in cases) == alarms_raised
        stored = str([case.network_digest for case in cases])
    assert address[:6] not in stored


def test_what_is_written_by_people_is_escaped(database: Database, cora: Colleague) -> None:
    case, _ = held_case(database)
    cora.post(f"/staff/cases/{case.id}/linked", note="<script>alert(1)</script>")
    assert "<script>alert" not in cora.get(f"/staff/cases/{case.id}")

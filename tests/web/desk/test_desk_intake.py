"""A request that came by phone or post: the form, the clock from the day it came, the letter, and hostile input."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal import clock
from portal.cases import law
from portal.cases.arrival import arrivals
from portal.cases.clocks import deadlines
from portal.db import Database
from portal.tables import Arrival, Blob, Case, Mandate, Probe
from tests.web.conftest import form_token, send
from tests.web.desk import Colleague, colleague
from tests.web.person.test_agents import PDF
from tests.web.trip import jpeg, whole


def today() -> date:
    return clock.now().date()


def fill(cora: Colleague, **more: Any) -> dict[str, Any]:
    page = cora.get("/staff/entry")
    once = re.search(r'name="once"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="once"', page)
    assert once
    return {
        "csrf_token": form_token(page),
        "once": once.group(1) or once.group(2),
        "how": "post",
        "received_on": (today() - timedelta(days=10)).isoformat(),
        "rights": ["deletion"],
        "residence": "EU",
        "language": "en",
        "link": "https://example.com/anna.jpg",
        "address": "Anna Ames\nHill 1\nUlm",
        "for_whom": "me",
    } | more


def enter(cora: Colleague, **more: Any) -> Any:
    return cora.client.post("/staff/entry", data=fill(cora, **more), content_type="multipart/form-data")


def only_case(database: Database) -> Case:
    with database.reading() as session:
        case = session.scalars(select(Case)).one()
        assert case.rights
        session.expunge_all()
        return case


def words_on(page: str) -> str:
    found = re.search(r'class="ef-words"><bdi>([a-z ]+)<', page)
    assert found
    return found.group(1)


def test_a_letter_is_entered_and_answered_by_a_letter(cora: Colleague, client: FlaskClient, database: Database) -> None:
    answer = enter(cora, scan=(io.BytesIO(PDF), "letter.pdf"))
    case = only_case(database)
    assert answer.location == f"/staff/cases/{case.id}/first-letter"
    # The clock runs from the day it came, by the rule that was in force then.
    came = today() - timedelta(days=10)
    rule = law.rules_for("EU", "deletion", came)
    assert case.rights[0].due_on == deadlines.clock_for(rule, came, "").due_on
    # No address was confirmed, so it is first checked who asks, as for anybody else.
    assert (case.state, case.contact) == ("identity-check", None)
    page = cora.get(answer.location)
    assert "Anna Ames" in page
    assert case.reference in page
    assert send(client, "/case/sign-in", reference=case.reference, secret=words_on(page)).status_code == 303
    cora.post(f"/staff/cases/{case.id}/first-letter/printed")
    assert cora.client.get(answer.location).location == f"/staff/cases/{case.id}/arrival"
    shown = cora.get(f"/staff/cases/{case.id}/arrival")
    assert "By post" in shown
    code = re.search(r"\b\d{6}\b", shown)
    assert code
    assert code.group() in page, "what they write back on a letter can be compared"
    assert "Do not ask for an identity card" in shown
    assert "Anna Ames" not in shown
    assert "Anna Ames" in cora.post(f"/staff/cases/{case.id}/arrival/address", 200)
    assert cora.client.get(f"/staff/cases/{case.id}/arrival/scan").data == PDF


def test_whoever_enters_a_request_does_not_say_who_asks(app: Flask, cora: Colleague, database: Database) -> None:
    """One person could else make a request up, and have what is held given out to themselves."""
    enter(cora)
    case = only_case(database)
    sure = {"decision": "confirmed", "note": "I know her voice."}
    assert "A colleague must make sure" in cora.post(f"/staff/cases/{case.id}/identity", 403, **sure)
    assert only_case(database).identity != "confirmed"
    other = colleague(app, database, "caseworker", name="Otto")
    other.post(f"/staff/cases/{case.id}/identity", **sure)
    assert only_case(database).identity == "confirmed"


def test_an_opt_out_by_phone_needs_no_check(cora: Colleague, database: Database) -> None:
    enter(cora, how="phone", rights=["opt-out"], residence="US-CA", received_on=today().isoformat())
    case = only_case(database)
    assert (case.state, case.identity) == ("searching", "not-needed")


def test_another_letter_has_new_words_and_the_old_ones_stop(app: Flask, cora: Colleague, database: Database) -> None:
    old = words_on(cora.get(enter(cora).location))
    case = only_case(database)
    new = words_on(cora.get(cora.post(f"/staff/cases/{case.id}/new-words")))
    assert send(app.test_client(), "/case/sign-in", reference=case.reference, secret=old).status_code == 422
    assert send(app.test_client(), "/case/sign-in", reference=case.reference, secret=new).status_code == 303


def test_nobody_makes_new_words_for_a_request_that_was_typed_in(
    cora: Colleague, client: FlaskClient, database: Database
) -> None:
    whole(client)
    case = only_case(database)
    cora.post(f"/staff/cases/{case.id}/new-words", 404)


def test_two_presses_of_the_button_make_one_request(cora: Colleague, database: Database) -> None:
    data = fill(cora)
    assert cora.client.post("/staff/entry", data=data).status_code == 303
    assert cora.client.post("/staff/entry", data=data).status_code == 409
    only_case(database)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"received_on": (clock.now().date() + timedelta(days=2)).isoformat()}, "today or before"),
        ({"received_on": "1999-01-01"}, "today or before"),
        ({"received_on": "soon"}, "Not a valid date"),
        ({"link": ""}, "at least one way"),
        ({"email": "nowhere"}, "right form"),
        ({"how": "pigeon"}, "Not a valid choice"),
        ({"rights": []}, "Choose what the person asks for"),
        ({"for_whom": "child", "person": "A", "requester": "B", "basis": "parent"}, "Scan the letter"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_opened(
    cora: Colleague, database: Database, more: dict[str, Any], said: str
) -> None:
    answer = enter(cora, **more)
    assert answer.status_code == 422
    assert said in answer.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 0
    # Put right, the same page goes through: a mistake does not use the button up.
    data = fill(cora)
    assert cora.client.post("/staff/entry", data=data).status_code == 303


def test_a_scan_that_is_no_paper_is_said_so(cora: Colleague) -> None:
    answer = enter(cora, scan=(io.BytesIO(b"MZ" * 300), "letter.exe"))
    assert answer.status_code == 422
    assert "picture" in answer.text


def test_a_huge_scan_is_too_big(app: Flask, cora: Colleague) -> None:
    answer = enter(cora, scan=(io.BytesIO(b"0" * (app.config["MAX_CONTENT_LENGTH"] + 1)), "letter.pdf"))
    assert answer.status_code == 413
    assert "too big" in answer.text


def test_a_parent_writes_a_letter(cora: Colleague, database: Database) -> None:
    scan = (io.BytesIO(jpeg()), "letter.jpg")
    answer = enter(cora, for_whom="child", person="Kim", requester="Pat", basis="parent", scan=scan)
    assert answer.status_code == 303, answer.text
    with database.reading() as session:
        mandate = session.scalars(select(Mandate)).one()
        assert (mandate.role, mandate.rule) == ("child", "child.eu")
        assert session.scalar(select(func.count()).select_from(Blob).where(Blob.purpose == "proof")) == 1


def test_the_scan_and_the_address_go_when_the_request_is_taken_back(
    cora: Colleague, client: FlaskClient, database: Database
) -> None:
    page = cora.get(enter(cora, scan=(io.BytesIO(PDF), "letter.pdf")).location)
    case = only_case(database)
    send(client, "/case/sign-in", reference=case.reference, secret=words_on(page))
    send(client, "/case/withdraw")
    with database.reading() as session:
        left = session.scalars(select(Arrival)).one()
        assert (left.address, left.scan_id) == (None, None)
        assert session.scalar(select(func.count()).select_from(Blob)) == 0
        assert arrivals.address_of(session, session.get_one(Case, case.id)) == ""


def test_only_caseworkers_enter_requests(app: Flask, database: Database, client: FlaskClient) -> None:
    rita = colleague(app, database, "reviewer", name="Rita")
    assert rita.client.get("/staff/entry").status_code == 403
    assert client.get("/staff/entry").status_code == 303


@pytest.mark.parametrize(("agreed", "kind"), [("y", "selfie"), (None, "picture")])
def test_a_face_is_compared_only_where_the_person_agreed_in_writing(
    cora: Colleague, database: Database, agreed: str | None, kind: str
) -> None:
    more = {"consent": agreed} if agreed else {}
    assert enter(cora, picture=(io.BytesIO(jpeg()), "me.jpg"), **more).status_code == 303
    case = only_case(database)
    assert (case.consented_at is not None) == bool(agreed)
    with database.reading() as session:
        probes = session.scalars(select(Probe.kind).where(Probe.case_id == case.id)).all()
    assert sorted(probes) == sorted(["link", kind])

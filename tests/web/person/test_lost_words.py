"""Who lost their secret words gets new ones by a code to their address, and no more by it than an address is worth."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal import clock
from portal.cases import mails
from portal.cases.housekeeping import purging
from portal.db import Database
from portal.tables import Case, Mail, NewWords
from tests.web import trip
from tests.web.conftest import send
from tests.web.desk import Colleague, colleague
from tests.web.person import test_agents as agents

ANNA, BO = "anna@mail.example", "bo@agent.example"
ASK, CODE, NEW, CLOSED = "/case/lost-words", "/case/lost-words/code", "/case/new-words", "/case/who-asks"


@pytest.fixture
def reference(app: Flask, database: Database) -> str:
    """A request whose person left an address, and is checked."""
    client = app.test_client()
    trip.begin(client, rights=["access"])
    send(client, "/request/links", text="https://example.com/anna.jpg")
    send(client, "/request/contact", email=ANNA)
    send(client, "/request/code", code=trip.newest_code(database))
    send(client, "/request/helps", helps="")
    send(client, "/request/check")
    send(client, "/case/messages", text="You may have the one at the beach.")
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.identity, case.identity_at = "confirmed", clock.now()
        return case.reference


def mailed(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Mail)) or 0


def renew(client: FlaskClient, database: Database, reference: str, contact: str = ANNA) -> str:
    """All the way to the new words."""
    assert send(client, ASK, reference=reference, email=contact).location == CODE
    assert send(client, CODE, code=trip.newest_code(database)).location == NEW
    found = re.search(r'class="ef-words"><bdi>([a-z ]+)<', client.get(NEW).text)
    assert found
    return found.group(1)


def opens(app: Flask, reference: str, secret: str) -> FlaskClient | None:
    client = app.test_client()
    answer = send(client, "/case/sign-in", reference=reference, secret=secret)
    return client if answer.status_code == 303 else None


def test_new_words_open_a_checked_request_only_once_a_caseworker_is_sure_again(
    app: Flask, database: Database, reference: str, cora: Colleague
) -> None:
    client = app.test_client()
    words = renew(client, database, reference)
    assert client.get("/case").location == CLOSED
    for path in ("/case/messages", "/case/photos", "/case/withdraw", "/case/receipt.pdf"):
        assert client.get(path).status_code == 403
    page = client.get(CLOSED).text
    assert "the beach" not in page, "what was written before is not for whoever reads the mail"
    assert send(client, CLOSED, text="Ring me at work.").status_code == 303
    assert "Ring me at work." in client.get(CLOSED).text
    with database.reading() as session:
        case = session.scalars(select(Case)).one()
        told = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail).where(Mail.case_id == case.id))]
        assert [one.to for one in told if one and "new secret words" in one.body] == [ANNA]
    desk, clear = f"/staff/cases/{case.id}", f"/staff/cases/{case.id}/words-cleared"
    assert "New secret words, by mail" in cora.get(desk)
    cora.post(clear, status=422, text=" ")
    cora.post(clear, text="I rang her at work.")
    assert "New secret words, by mail" not in cora.get(desk)
    cora.post(clear, status=409, text="Once more.")
    assert client.get("/case").status_code == 200
    signed_in = opens(app, reference, words)
    assert signed_in
    assert "the beach" in signed_in.get("/case/messages").text
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        assert session.get_one(NewWords, case.id).note == "I rang her at work."
        purging.purge_contact(session, case)
        assert session.get_one(NewWords, case.id).note is None


def test_where_nobody_was_checked_they_open_it_and_the_old_ones_do_not(
    app: Flask, database: Database, reference: str, cora: Colleague
) -> None:
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.identity = None
        case_id = case.id
    first = renew(app.test_client(), database, reference)
    signed_in = opens(app, reference, first)
    assert signed_in
    assert signed_in.get("/case").status_code == 200
    assert "got new secret words" in cora.get(f"/staff/cases/{case_id}/identity"), "whoever checks who asks knows of it"
    renew(app.test_client(), database, reference)
    assert opens(app, reference, first) is None


def test_the_page_is_the_same_whatever_is_typed_and_a_code_goes_to_the_confirmed_address_only(
    app: Flask, database: Database, reference: str
) -> None:
    pages, before = set(), mailed(database)
    for given, address in ((reference, "eve@mail.example"), ("EF-2222-2222", ANNA), (reference, ANNA)):
        client = app.test_client()
        assert send(client, ASK, reference=given, email=address).location == CODE
        wrong = send(client, CODE, code="000000")
        pages.add(re.sub(r'nonce="[^"]+"|name="csrf_token" value="[^"]+"', "", client.get(CODE).text + wrong.text))
        assert wrong.status_code == 422
    assert len(pages) == 1
    assert mailed(database) == before + 1
    assert send(app.test_client(), ASK, reference=reference, email="nobody").status_code == 422
    assert app.test_client().get(CODE).location == ASK


def test_a_code_works_once_for_ten_minutes_and_five_tries(app: Flask, database: Database, reference: str) -> None:
    client = app.test_client()
    send(client, ASK, reference=reference, email=ANNA)
    code = trip.newest_code(database)
    later = clock.now() + timedelta(minutes=10)
    with patch.object(clock, "now", lambda: later):
        assert send(client, CODE, code=code).status_code == 422
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert send(client, CODE, code=wrong).status_code == 422
    assert send(client, CODE, code=code).status_code == 422, "guessed at too often"
    send(client, ASK, reference=reference, email=ANNA)
    assert send(client, CODE, code=trip.newest_code(database)).location == NEW
    other = app.test_client()
    send(other, ASK, reference=reference, email=ANNA)
    assert send(other, ASK, reference=reference, email=ANNA).status_code == 429, "three codes an hour"


def test_only_a_caseworker_clears_it(app: Flask, database: Database, reference: str) -> None:
    renew(app.test_client(), database, reference)
    with database.reading() as session:
        case_id = session.scalars(select(Case.id)).one()
    colleague(app, database, "reviewer").post(f"/staff/cases/{case_id}/words-cleared", status=403, text="I know her.")


def test_who_acts_for_another_gets_new_words_of_their_own_and_the_person_keeps_theirs(
    app: Flask, database: Database, cora: Colleague
) -> None:
    reference = agents.whole(app.test_client(), database, ["deletion"], email=agents.PERSON)
    person = agents.say_yes(app, database)
    case, _ = agents.case_of(database, reference)
    agents.judge(cora, case, **agents.ALL)
    send(person, "/case/messages", text="Only for you and me.")
    before = mailed(database)
    assert send(app.test_client(), ASK, reference=reference, email=agents.PERSON).location == CODE
    assert mailed(database) == before, "what was given for the person is no confirmed contact"
    agent = app.test_client()
    words = renew(agent, database, reference, BO)
    assert agent.get("/case").location == CLOSED
    assert agent.get("/case/permission").status_code == 403, "names stand on it"
    send(agent, CLOSED, text="It is me, Bo. Ring the office.")
    shown = agent.get(CLOSED).text
    assert "Ring the office." in shown
    assert "Only for you and me." not in shown
    assert person.get("/case").status_code == 200, "nothing is closed to the person"
    page = cora.get(f"/staff/cases/{case.id}")
    assert "the one who acts for the person" in page
    assert "got new secret words by a code" in cora.get(f"/staff/cases/{case.id}/mandate")
    cora.post(f"/staff/cases/{case.id}/words-cleared", text="I rang the office.")
    signed_in = opens(app, reference, words)
    assert signed_in
    assert signed_in.get("/case").status_code == 200
    assert signed_in.get("/case/permission").status_code == 200


def test_nobody_whose_permission_the_person_took_back_gets_new_words(app: Flask, database: Database) -> None:
    reference = agents.whole(app.test_client(), database, ["deletion"], email=agents.PERSON)
    send(agents.say_yes(app, database), "/case/permission", "/case/permission/end")
    before = mailed(database)
    assert send(app.test_client(), ASK, reference=reference, email=BO).location == CODE
    assert mailed(database) == before

"""The second sign, the declaration and the token in a profile, as persons and caseworkers see them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

import workers
from portal import fetching
from portal.cases.requester import assurance
from portal.config import Config
from portal.db import Database
from portal.tables import Case, Declaration, ProfileCheck, SecondSign
from tests.web import trip
from tests.web.conftest import form_token, send
from tests.web.desk import Colleague, colleague

SIGNS, PROFILE = "/case/signs", "/case/profile"
HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    "x" * 100_000,
    "a\x00b",
    "\u202e",
]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, profile_hosts="dating.example")


@pytest.fixture
def anna(app: Flask, client: FlaskClient, database: Database) -> Colleague:
    """A caseworker; `client` is signed in to a case with a right that asks for the strong check."""
    trip.begin(client, rights=["access"])
    send(client, "/request/links", text="https://example.com/me.jpg")
    trip.finish(client)
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        case.state = "identity-check"
        assert assurance.is_asked(case)
    return colleague(app, database, "caseworker")


@pytest.fixture
def desk(anna: Colleague, database: Database) -> str:
    with database.reading() as session:
        return f"/staff/cases/{session.scalars(select(Case.id)).one()}"


def at_once(act: Callable[[], int], times: int = 4) -> list[int]:
    """What comes of doing the same thing several times at the same moment."""
    gate, found = threading.Barrier(times), list[int]()

    def run() -> None:
        gate.wait()
        found.append(act())

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def browsers(app: Flask, client: FlaskClient) -> Callable[[], FlaskClient]:
    """Makes browsers that hold the same cookies, each for a thread of its own."""
    cookies = list(client._cookies.values()) if client._cookies else []

    def another() -> FlaskClient:
        made = app.test_client()
        for cookie in cookies:
            made.set_cookie(cookie.key, cookie.value, domain=cookie.domain, path=cookie.path)
        return made

    return another


def test_a_second_address_and_a_declaration(
    client: FlaskClient, anna: Colleague, desk: str, database: Database
) -> None:
    assert "Two more things from you" in client.get(SIGNS).text
    assert "There is no second sign yet" in anna.get(f"{desk}/signs")
    assert send(client, SIGNS, f"{SIGNS}/address", email="second@example.org").status_code == 303
    wrong = send(client, SIGNS, f"{SIGNS}/code", code="000000x")
    assert (wrong.status_code, "This code does not work" in wrong.text) == (422, True)
    code = trip.newest_code(database)
    assert send(client, SIGNS, f"{SIGNS}/code", code=f" {code[:3]} {code[3:]}").status_code == 303
    assert send(client, SIGNS, f"{SIGNS}/declaration", name="Anna Example").status_code == 303
    assert "nothing for you to do" in client.get(SIGNS).text
    page = anna.get(f"{desk}/signs")
    assert "a second address that answered a code" in page
    assert "The declaration is signed." in page
    assert "second@example.org" not in page


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_input_is_refused_in_words_and_never_shown_raw(
    client: FlaskClient, database: Database, text: str
) -> None:
    for path, name in ((f"{SIGNS}/address", "email"), (f"{SIGNS}/code", "code"), (PROFILE, "link")):
        answer = send(client, SIGNS if path != PROFILE else PROFILE, path, **{name: text})
        assert answer.status_code in {400, 413, 422}, (path, text[:20], answer.status_code)
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
    assert (count(database, SecondSign), count(database, ProfileCheck)) == (0, 0)


@pytest.mark.usefixtures("anna")
def test_what_is_not_there_is_not_there(app: Flask, client: FlaskClient) -> None:
    assert send(client, SIGNS, f"{SIGNS}/passport", name="x").status_code == 404
    assert client.post(f"{SIGNS}/declaration", data={"name": "Anna"}).status_code == 400
    stranger = app.test_client()
    for path in (SIGNS, PROFILE):
        assert stranger.get(path).status_code in {302, 303, 401, 403}


def test_a_name_signed_twice_and_at_the_same_time_is_one_declaration(
    app: Flask, client: FlaskClient, anna: Colleague, desk: str, database: Database
) -> None:
    another, token = browsers(app, client), form_token(client.get(SIGNS).text)
    data = {"csrf_token": token, "name": "Anna Example"}
    assert at_once(lambda: another().post(f"{SIGNS}/declaration", data=data).status_code) == [303] * 4
    assert count(database, Declaration) == 1
    assert "The declaration is signed." in anna.get(f"{desk}/signs")


def test_a_code_typed_at_the_same_time_is_one_sign(
    app: Flask, client: FlaskClient, anna: Colleague, database: Database
) -> None:
    send(client, SIGNS, f"{SIGNS}/address", email="second@example.org")
    another, token = browsers(app, client), form_token(client.get(SIGNS).text)
    data = {"csrf_token": token, "code": trip.newest_code(database)}
    assert at_once(lambda: another().post(f"{SIGNS}/code", data=data).status_code) == [303, 422, 422, 422]
    assert count(database, SecondSign) == 1


def test_the_caseworker_writes_to_a_held_address_or_takes_paper(
    client: FlaskClient, anna: Colleague, desk: str, database: Database
) -> None:
    assert "Write down where this address comes from" in anna.post(f"{desk}/signs", 422, email="old@example.org")
    for text in HOSTILE:
        page = anna.post(f"{desk}/signs", 422, email=text, note="The account.")
        assert "<script>alert" not in page
    anna.post(f"{desk}/signs", email="old@example.org", note="The account.")
    assert send(client, SIGNS, f"{SIGNS}/code", code=trip.newest_code(database)).status_code == 303
    anna.post(f"{desk}/signs/paper")
    anna.post(f"{desk}/signs/paper")
    anna.post(f"{desk}/signs/passport", 404)
    assert "an address you hold, which answered a code" in anna.get(f"{desk}/signs")
    assert count(database, Declaration) == 1


def test_others_among_the_staff_see_neither(app: Flask, anna: Colleague, desk: str, database: Database) -> None:
    reviewer = colleague(app, database, "reviewer")
    for page in ("signs", "profile"):
        reviewer.get(f"{desk}/{page}", 403)
        anna.get(f"/staff/cases/nothing/{page}", 404)


def test_a_token_in_a_profile(
    client: FlaskClient, anna: Colleague, desk: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The person asked for no token" in anna.get(f"{desk}/profile")
    assert "dating.example" in send(client, PROFILE, link="https://elsewhere.example/").text
    assert send(client, PROFILE, link="www.dating.example/anna").status_code == 303
    with database.reading() as session:
        row = session.scalars(select(ProfileCheck)).one()
    page = client.get(PROFILE).text
    assert row.token
    assert row.token in page
    assert row.token not in anna.get(f"{desk}/profile")
    assert send(client, PROFILE, f"{PROFILE}/placed", token="efface-other").status_code == 409
    assert send(client, PROFILE, f"{PROFILE}/placed", token=row.token).status_code == 303
    monkeypatch.setattr(fetching, "look", lambda *_asked: "not-seen")
    assert workers.carry_out(database, "profiling", row.id) == "worked"
    assert "the words were not on the page" in client.get(PROFILE).text
    assert "the token was not on it" in anna.get(f"{desk}/profile")
    assert send(client, PROFILE, f"{PROFILE}/placed", token=row.token).status_code == 303
    monkeypatch.setattr(fetching, "look", lambda *_asked: "seen")
    assert workers.carry_out(database, "profiling", row.id) == "worked"
    assert "We found the words" in client.get(PROFILE).text
    assert "was found on the page" in anna.get(f"{desk}/identity")
    assert "Write down why" in anna.post(f"{desk}/profile", 422)
    anna.post(f"{desk}/profile", note="The words stand in her own text.")
    anna.post(f"{desk}/profile", 409, note="Twice.")
    assert "a token in a profile" in anna.get(f"{desk}/signs")


def test_where_no_website_is_allowed_there_is_nothing_to_do(
    client: FlaskClient, anna: Colleague, desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.cases.requester.profiles.hosts", lambda _session: ())
    assert "do not need to show us a profile" in client.get(PROFILE).text
    assert "a profile that is yours" not in client.get(SIGNS).text
    assert "EFFACE_PROFILE_HOSTS is empty" in anna.get(f"{desk}/profile")

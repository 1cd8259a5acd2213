"""Somebody who leaves a mobile number instead of a mail address, with a service for texts on this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import texting
from portal.cases import mails, text_messages
from portal.cases.arrival import addresses
from portal.db import Database
from portal.errors import BadInput
from portal.languages import LANGUAGES, speaking
from portal.tables import Case, Mail
from portal.web import create_app
from tests.web import trip
from tests.web.conftest import send
from workers import carry_out

# Kept free for films and tests. Source: https://www.acma.gov.au/phone-numbers-use-tv-shows-films-and-creative-works
NUMBER = "+61491570156"
WRITTEN = "+61 491 570 156"


class Gateway(BaseHTTPRequestHandler):
    """A service for texts, as far as it takes them."""

    texts: list[tuple[str, str]] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        to = parse_qs(urlsplit(self.path).query)["to"][0]
        if self.status == 200:
            self.texts.append((to, body["message"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(f"refused {to}".encode() if self.status != 200 else b"")

    def log_message(self, *_: object) -> None:
        """Nothing beside the tests' own words."""


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[list[tuple[str, str]]]:
    """What the service was given, with this installation set up for it."""
    monkeypatch.setattr(Gateway, "texts", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        # What a field's name begins with tells Apprise where it goes: "-" is a part of the address that is called.
        service = f"json://127.0.0.1:{server.server_address[1]}/texts?-to={{number}}"
        database.config = replace(database.config, text_url=service)
        yield Gateway.texts
        server.shutdown()
        thread.join()


@pytest.fixture
def by_text(texts: list[tuple[str, str]], database: Database) -> FlaskClient:
    return create_app(database.config).test_client()


def deliver(database: Database) -> None:
    """All that waits to be sent, as the workers do."""
    with database.reading() as session:
        waiting = list(session.scalars(select(Mail.id).where(Mail.sent_at.is_(None))))
    for mail_id in waiting:
        assert carry_out(database, "mailing", mail_id) == "worked"


def to_the_code(client: FlaskClient, number: str = "0491 570 156", home: str = "AU") -> str:
    """From the first page to the code. Returns the page on which it is typed."""
    send(client, "/", "/request/start")
    send(client, "/request/rights", rights=["deletion"])
    send(client, "/request/whom", for_whom="me")
    send(client, "/request/residence", residence=home)
    send(client, "/request/ways", ways=["link"])
    send(client, "/request/links", text="https://example.com/me.jpg")
    answer = send(client, "/request/number", number=number)
    assert answer.location.endswith("/request/code"), answer.text
    return str(client.get("/request/code").text)


def test_a_whole_request_by_text(by_text: FlaskClient, database: Database, texts: list[tuple[str, str]]) -> None:
    page = to_the_code(by_text)
    assert WRITTEN in page
    assert "If no text has come" in page
    deliver(database)
    (to, said) = texts.pop()
    code = re.search(r"\d{6}", said)
    assert to == NUMBER
    assert code
    assert send(by_text, "/request/code", code=code.group()).location.endswith("/request/helps")
    send(by_text, "/request/helps", helps="")
    assert WRITTEN in by_text.get("/request/check").text
    send(by_text, "/request/check")
    assert "We text you when there is news." in by_text.get("/request/sent").text
    deliver(database)
    (to, said) = texts.pop()
    with database.writing() as session:
        case = session.scalars(select(Case)).one()
        assert case.contact_confirmed_at is not None
        assert case.reference in said
        assert said.endswith(f"{database.config.address}/case")
        assert NUMBER.encode() not in case.contact  # type: ignore[operator]
        mails.queue_news(session, case)
        mails.queue_ended(session, NUMBER, case)
    assert to == NUMBER
    with database.reading() as session:
        for mail in session.scalars(select(Mail).where(Mail.sent_at.is_(None))):
            letter = mails.open_mail(session, mail)
            assert letter
            assert letter.subject == ""
            assert not re.search("photo|face|delet|found|picture|This organisation", letter.body, re.IGNORECASE)


def test_new_words_come_by_text(by_text: FlaskClient, database: Database, texts: list[tuple[str, str]]) -> None:
    to_the_code(by_text)
    send(by_text, "/request/code", code=trip.newest_code(database))
    send(by_text, "/request/helps", helps="")
    send(by_text, "/request/check")
    with database.reading() as session:
        reference = session.scalars(select(Case.reference)).one()
    assert "mobile number" in by_text.get("/case/lost-words").text
    answer = send(by_text, "/case/lost-words", reference=reference, email="0061 491 570 156")
    assert answer.status_code == 422, "without a country nobody knows which one is meant"
    assert send(by_text, "/case/lost-words", reference=reference, email=NUMBER).location == "/case/lost-words/code"
    deliver(database)
    code = re.search(r"\d{6}", texts[-1][1])
    assert code
    assert send(by_text, "/case/lost-words/code", code=code.group()).location == "/case/new-words"


def test_a_number_is_a_second_sign_beside_an_address(database: Database, texts: list[tuple[str, str]]) -> None:
    """A telephone and a mailbox are seldom lost to the same hands."""
    app = create_app(database.config)
    client = app.test_client()
    trip.begin(client, rights=["copy"])
    send(client, "/request/links", text="https://example.com/me.jpg")
    send(client, "/request/contact", email="anna@example.com")
    send(client, "/request/code", code=trip.newest_code(database))
    send(client, "/request/helps", helps="")
    send(client, "/request/check")
    assert "or a mobile number" in client.get("/case/signs").text
    answer = send(client, "/case/signs", "/case/signs/address", email="0491 570 156")
    assert (answer.status_code, "with the code of the country" in answer.text) == (422, True), "the EU is no country"
    assert send(client, "/case/signs", "/case/signs/address", email=NUMBER).status_code == 303
    deliver(database)
    code = re.search(r"\d{6}", texts[-1][1])
    assert texts[-1][0] == NUMBER
    assert code
    assert send(client, "/case/signs", "/case/signs/code", code=code.group()).status_code == 303
    assert "We have it. Thank you." in client.get("/case/signs").text


@pytest.mark.parametrize(
    ("typed", "home", "said"),
    [
        ("", "AU", "Enter your mobile number"),
        ("0800 efface 1", "AU", "in the right form"),
        ("a number", "AU", "a mobile number, such as"),
        ("0491 570 156", "EU", "with the code of the country"),
        ("(02) 5550 1234", "AU", "cannot get text messages"),
        ("1900 654 321", "AU", "cannot get text messages"),
        ("9" * 400, "AU", "in the right form"),
        ("+61491570156<script>", "AU", "in the right form"),
    ],
)
def test_what_is_no_mobile_number_is_named(by_text: FlaskClient, typed: str, home: str, said: str) -> None:
    send(by_text, "/", "/request/start")
    send(by_text, "/request/residence", residence=home)
    answer = send(by_text, "/request/number", number=typed)
    assert answer.status_code == 422
    assert re.search(said, answer.text)


def test_what_is_typed_on_the_other_page_is_taken_for_what_it_is(by_text: FlaskClient) -> None:
    to_the_code(by_text)
    assert WRITTEN in by_text.get("/request/number").text
    assert WRITTEN not in by_text.get("/request/contact").text
    assert send(by_text, "/request/contact", email=NUMBER).location.endswith("/request/code")
    assert send(by_text, "/request/number", number="anna@example.com").location.endswith("/request/code")
    assert "anna@example.com" in by_text.get("/request/code").text


def test_where_no_texts_are_sent_nobody_is_asked_for_a_number(client: FlaskClient, session: Session) -> None:
    trip.begin(client)
    assert "text messages" not in client.get("/request/contact").text
    assert client.get("/request/number").location.endswith("/request/contact")
    assert 'type="email"' in client.get("/case/lost-words").text
    with pytest.raises(BadInput, match="no text messages"):
        addresses.clean_number(session, NUMBER)


def test_codes_by_text_are_counted_for_all_people_together(database: Database, texts: list[tuple[str, str]]) -> None:
    """Each costs money, and whoever earns by them changes their numbers and their address."""
    app: Flask = create_app(replace(database.config, text_codes=1))
    to_the_code(app.test_client())
    other = app.test_client()
    send(other, "/", "/request/start")
    send(other, "/request/residence", residence="AU")
    answer = send(other, "/request/number", number="0491 570 157")
    assert (answer.status_code, "no more text messages today" in answer.text) == (429, True)
    assert send(other, "/request/contact", email="anna@example.com").location.endswith("/request/code")


def test_a_service_that_refuses_names_nobody(
    by_text: FlaskClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    to_the_code(by_text)
    monkeypatch.setattr(Gateway, "status", 500)
    with database.reading() as session:
        mail_id = session.scalars(select(Mail.id)).one()
    assert carry_out(database, "mailing", mail_id) == "failed"
    with database.reading() as session:
        mail = session.get_one(Mail, mail_id)
        assert (mail.work_state, mail.sent_at) == ("due", None)
        assert mail.problem == "The service for text messages did not take the text."
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "49157" not in printed
    assert not re.search(r"\b\d{6}\b", printed)


def test_where_the_service_was_taken_away_again_the_team_reads_why(
    by_text: FlaskClient, database: Database, texts: list[tuple[str, str]]
) -> None:
    to_the_code(by_text)
    database.config = replace(database.config, text_url="")
    with database.reading() as session:
        mail_id = session.scalars(select(Mail.id)).one()
    assert carry_out(database, "mailing", mail_id) == "failed"
    assert texts == []
    with database.reading() as session:
        assert "EFFACE_TEXT_URL is empty" in (session.get_one(Mail, mail_id).problem or "")


@pytest.mark.parametrize("code", LANGUAGES)
def test_texts_are_short_in_every_language(code: str) -> None:
    """A text takes 160 letters, 70 where one of them is no Latin one; a longer one is sent, and paid, in parts."""
    page, day = "https://faces.example.org/case", date(2026, 9, 30)
    with speaking(code):
        said = [
            text_messages.received("EF-7K3M-Q2WX", day, False, page),
            text_messages.received("EF-7K3M-Q2WX", day, True, page),
            text_messages.news("EF-7K3M-Q2WX", page),
            text_messages.waits("EF-7K3M-Q2WX", day, page),
            text_messages.ended("EF-7K3M-Q2WX", page),
            text_messages.new_words("EF-7K3M-Q2WX", page),
            text_messages.code("123456", "https://faces.example.org"),
        ]
    assert max(map(parts_of, said)) <= 3
    assert said[-1].endswith("\n\n@faces.example.org #123456")
    assert "@" not in text_messages.code("123456", "http://localhost:8000")


def parts_of(text: str) -> int:
    """In how many parts a text travels. Source: 3GPP TS 23.038 and 23.040."""
    latin = text.isascii()
    whole, part = (160, 153) if latin else (70, 67)
    return 1 if len(text) <= whole else -(-len(text) // part)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("twilio://sid:token@+15551234567", "number"),
        ("nonsense://{number}", "no address"),
        ("json://sms.example/?-to={number}", "encrypted"),
        ("jsons://sms.example/?to={number}", "does not pass it on"),
        ("jsons://sms.example/?-to={number}", False),
        ("json://127.0.0.1:9/?-to={number}", False),
        ("vonage://key:secret@15551112222/{number}", False),
    ],
)
def test_the_address_of_a_service_is_checked_at_the_start(service: str, said: str | bool) -> None:
    problem = texting.problem_of(service, {"127.0.0.1"})
    assert said in problem if isinstance(problem, str) and isinstance(said, str) else problem == said


def test_a_number_is_written_in_groups() -> None:
    assert addresses.written(NUMBER) == WRITTEN
    assert addresses.written("anna@example.com") == "anna@example.com"
    assert [addresses.is_number(each) for each in (NUMBER, "+a@example.com", "anna@example.com", "?")] == [
        True,
        *[False] * 3,
    ]

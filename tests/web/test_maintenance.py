"""While the portal is being worked on, leaving quickly before the first question, links that were used, and waiting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from portal.config import Config
from portal.db import Database
from portal.web import create_app, limits
from tests.web import trip
from tests.web.conftest import form_token, send


@pytest.fixture
def closed(config: Config, database: Database) -> FlaskClient:
    return create_app(replace(config, maintenance=True)).test_client()


@pytest.mark.parametrize("path", ["/", "/help", "/case", "/request/rights", "/verify", "/no-such-page"])
def test_people_read_that_it_is_worked_on_and_when_to_come_back(closed: FlaskClient, path: str) -> None:
    answer = closed.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "600"
    assert "We are working on this page" in answer.text
    assert "answers are still there" in answer.text
    assert "Exit this page" in answer.text


def test_nothing_can_be_sent_and_staff_and_machines_go_on(closed: FlaskClient) -> None:
    assert closed.post("/request/start").status_code == 503
    assert closed.get("/staff/sign-in").status_code == 200
    assert closed.get("/healthz").status_code == 200
    assert closed.get("/leave").status_code == 303


def test_staying_safe_comes_first_only_where_it_was_turned_on(config: Config, database: Database) -> None:
    usual = create_app(config).test_client()
    assert send(usual, "/", "/request/start").location.endswith("/request/rights")
    careful = create_app(replace(config, stay_safe=True)).test_client()
    assert send(careful, "/", "/request/start").location.endswith("/stay-safe")
    page = careful.get("/stay-safe").text
    assert "Shift key three times" in page
    assert "does not clear the history" in page
    assert 'href="/request/next"' in page
    assert careful.get("/request/next").location.endswith("/request/rights")


def test_who_helps_people_in_distress_is_named_where_the_organisation_said_so(
    config: Config, database: Database
) -> None:
    assert "somebody to talk to" not in create_app(config).test_client().get("/").text
    lines = "Victim help: 116 006; Women, <day and night>: 08000 116 016"
    client = create_app(replace(config, support=lines, stay_safe=True)).test_client()
    for path in ("/", "/help", "/stay-safe"):
        page = client.get(path).text
        assert '<li dir="auto">Victim help: 116 006</li><li dir="auto">Women, &lt;day and night&gt;: 08000' in page


def test_a_used_link_says_so(client: FlaskClient) -> None:
    answer = client.get("/for-you/used-already")
    assert answer.status_code == 410
    assert "This link has been used" in answer.text


def test_a_request_that_was_sent_cannot_be_gone_on_with(client: FlaskClient) -> None:
    trip.begin(client)
    token = form_token(client.get("/request/links").text)
    with client.session_transaction() as browser:
        browser["draft"] = "0" * 32
    assert client.post("/request/links", data={"csrf_token": token}).status_code == 410


def test_too_many_tries_say_how_long_to_wait(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    most, window = limits.MOST["person-link"]
    monkeypatch.setitem(limits.MOST, "person-link", (1, window))
    assert most > 1
    client.get("/for-you/x")
    answer = client.get("/for-you/x")
    assert answer.status_code == 429
    assert "Please wait 15 minutes." in answer.text
    assert answer.headers["Retry-After"] == "900"

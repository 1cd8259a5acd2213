"""Error pages: the right status, kind words, nothing that gives anything away."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from portal.errors import Conflict, LostLease, StoreUnavailable
from portal.web import health
from portal.web.policy import policy


def _raising(app: Flask, problem: Exception) -> None:
    def view() -> str:
        raise problem

    app.add_url_rule("/broken", "broken", policy("public")(view))


def test_our_own_errors_say_their_sentence(app: Flask) -> None:
    _raising(app, Conflict("Somebody else decided this a moment ago."))
    answer = app.test_client().get("/broken")
    assert answer.status_code == 409
    assert "Somebody else decided this a moment ago." in answer.text


def test_a_store_that_is_away_is_503(app: Flask) -> None:
    _raising(app, StoreUnavailable("The disk is not there."))
    assert app.test_client().get("/broken").status_code == 503


@pytest.mark.parametrize("problem", [ValueError("anna@example.com"), LostLease("anna@example.com")])
def test_an_unforeseen_error_tells_nobody_anything(
    app: Flask, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    _raising(app, problem)
    with caplog.at_level(logging.INFO):
        answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert "anna@example.com" not in answer.text + caplog.text
    reference = caplog.records[-1].getMessage().split()[1]
    assert reference in answer.text
    assert type(problem).__name__ in caplog.text


def test_a_busy_database_is_no_fault_of_the_person(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    _raising(app, OperationalError("INSERT ...", {"email": "anna@example.com"}, Exception("locked")))
    answer = app.test_client().get("/broken")
    assert answer.status_code == 503
    assert "anna@example.com" not in answer.text + caplog.text


def test_the_wrong_way_and_the_wrong_place(client: FlaskClient) -> None:
    assert "Page not found" in client.get("/nowhere").text
    assert client.get("/request/start").status_code == 405


def test_health_needs_no_database_and_readiness_does(client: FlaskClient, app: Flask) -> None:
    assert client.get("/healthz").data == b"ok\n"
    answer = client.get("/readyz")
    # No queue runs in this test.
    assert answer.status_code == 503
    assert answer.json == {"database": "ok", "tables": "ok", "queue": "away", "disk": "ok"}


def test_a_disk_without_room_is_seen_before_it_is_full(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PICTURES_TO_COME", 10**9)
    assert client.get("/readyz").json["disk"] == "full"


def test_missing_tables_are_seen(client: FlaskClient, app: Flask) -> None:
    with app.extensions["database"].engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE scan_error")
    assert client.get("/readyz").json["tables"] == "missing"


def test_an_old_table_is_seen(client: FlaskClient, app: Flask) -> None:
    with app.extensions["database"].engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE scan_error DROP COLUMN sentence")
    assert client.get("/readyz").json["tables"] == "outdated"


def test_an_error_page_leads_to_a_page_that_opens(app: Flask) -> None:
    def press(name: str = "") -> str:
        raise Conflict("Somebody else pressed it.")

    app.config["WTF_CSRF_ENABLED"] = False
    app.add_url_rule("/things/<name>", "thing", policy("public")(lambda name: name))
    app.add_url_rule("/things/<name>/press", "press", policy("public")(press), methods=["POST"])
    app.add_url_rule("/press", "alone", policy("public")(press), methods=["POST"])
    client = app.test_client()
    assert '<a href="/things/x">Open the page again</a>' in client.post("/things/x/press").text
    assert "Open the page again</a>" not in client.post("/press").text, "a button's address opens no page"
    gone = client.get("/request/rights")
    assert gone.status_code == 404
    assert "Open the page again</a>" not in gone.text
    assert '<a href="/">Go to the first page</a>' in gone.text
    assert '<a href="/staff">Go to the first page</a>' in client.get("/staff/nowhere").text

"""The answer on paper says what the page says, no more; and whether it was clear is one click."""

from __future__ import annotations

import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import clock, languages
from portal.db import Database
from portal.tables import Case
from tests.cases.test_paper import words_of
from tests.web import trip
from tests.web.conftest import send
from tests.web.desk import colleague
from tests.web.person.test_following import _answered


def test_the_paper_has_the_words_of_the_page(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    answer = client.get("/case/answer.pdf")
    assert answer.mimetype == "application/pdf"
    words = words_of(answer.data)
    for said in (
        "Your answer",
        "Here is what we hold about you.",
        "planted-store",
        "We hold 5 photographs in 1 store.",
    ):
        assert said in words, said
    assert "/case/answer.pdf" in client.get("/case").text


def test_the_receipt_says_what_was_asked_and_never_the_secret_words(client: FlaskClient, database: Database) -> None:
    trip.whole(client)
    page = client.get("/request/sent").text
    secret = re.search(r'class="ef-words"><bdi>([a-z ]+)<', page)
    assert secret
    assert "/case/receipt.pdf" in page
    assert ("We need two more things from you." in page) is not ("You do not need to do anything else now." in page)
    with database.reading() as session:
        case = session.scalars(select(Case)).one()
        words = words_of(client.get("/case/receipt.pdf").data)
        for said in (case.reference, "Request sent", languages.day(case.due_on), "You can complain to", "/case"):
            assert said in words, said
    assert not any(each in words.split() for each in secret.group(1).split())
    for code in ("ar", "hi"):
        send(client, "/case", "/language", language=code)
        assert client.get("/case/receipt.pdf").status_code == 200, code


def test_in_every_language_it_can_be_written(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    for code in ("es", "fr", "de", "pl", "ar", "hi"):
        send(client, "/case", "/language", language=code)
        assert client.get("/case/answer.pdf").status_code == 200, code


def test_without_an_identity_check_it_is_the_same_for_a_hit_and_a_miss(client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    papers = []
    for state, outcome in (("closed", "fulfilled"), ("closed", "nothing-found"), ("fulfilling", None)):
        with database.writing() as session:
            case = session.scalars(select(Case)).one()
            case.identity, case.state, case.outcome = "not-needed", state, outcome
            case.rights[0].outcome, case.rights[0].decision = outcome, "grant"
            case.due_on = case.rights[0].due_on = clock.now().date()
        papers.append(words_of(client.get("/case/answer.pdf").data))
    assert papers[0] == papers[1] == papers[2]
    assert "planted" not in papers[0]


def test_before_there_is_an_answer_there_is_nothing_to_save_or_to_judge(client: FlaskClient) -> None:
    trip.whole(client)
    assert client.get("/case/answer.pdf").status_code == 404
    assert send(client, "/case", "/case/clear", clear="yes").status_code == 404
    assert "Was this answer clear?" not in client.get("/case").text


def test_what_is_said_is_a_figure_of_the_report(app: Flask, client: FlaskClient, database: Database) -> None:
    _answered(client, database)
    pages = [send(client, "/case", "/case/clear", clear="partly") for _ in range(2)]
    assert [page.status_code for page in pages] == [303, 303]
    assert send(client, "/case", "/case/clear", clear="maybe").status_code == 422
    page = colleague(app, database, "caseworker").get("/staff/reports/")
    counts = re.findall(r'<th scope="row">(Yes|Partly|No)</th><td[^>]*>(\d+)<', page)
    assert counts == [("Yes", "0"), ("Partly", "1"), ("No", "0")]

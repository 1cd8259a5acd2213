"""Letters on the desk and on the person's page: read, sent once, saved as PDF, and never shown to others."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.cases.clocks import extending
from portal.cases.letters import examples, forms
from portal.db import Database
from portal.languages import LANGUAGES
from portal.tables import Case
from portal.web import limits
from tests.cases.making import make_account, to_deciding
from tests.cases.making import send as send_case
from tests.cases.test_paper import words_of
from tests.web.desk import Colleague, case_to_decide, colleague, fill_store


def sign_in_as_person(app: Flask, case_id: str) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as browser:
        browser["case"] = case_id
    return client


def test_a_refusal_is_read_sent_once_and_found_by_the_person(app: Flask, database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = send_case(session, "access").case
        to_deciding(session, case)
        case_id, reference = case.id, case.reference
    desk = f"/staff/cases/{case_id}"
    assert "There is no letter yet" in cora.get(f"{desk}/letters")
    cora.get(f"{desk}/letters/access/refusal", status=404)
    cora.post(
        f"{desk}/decide/access",
        decision="refuse",
        reason="claim_not_covered",
        note="Not there.",
        confirm="yes",
        seen="",
    )
    page = cora.get(f"{desk}/letters/access/refusal")
    assert "Not there." in page
    assert "Send it" not in page
    other = colleague(app, database, "caseworker", name="Olga")
    mark = re.search(r'name="seen" value="([^"]+)"', other.get(f"{desk}/decide"))
    assert mark is not None
    other.post(f"{desk}/decide/access/approve", seen=mark.group(1))
    page = cora.get(f"{desk}/letters/access/refusal")
    digest = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert digest is not None
    cora.post(f"{desk}/letters/access/refusal/send", status=409, seen="something else")
    cora.post(f"{desk}/letters/access/refusal/send", seen=digest.group(1))
    cora.post(f"{desk}/letters/access/refusal/send", status=409, seen=digest.group(1))
    assert "Letter sent" in cora.get(desk)
    person = sign_in_as_person(app, case_id)
    assert "/case/letters/access/refusal.pdf" in person.get("/case").text
    answer = person.get("/case/letters/access/refusal.pdf")
    assert answer.mimetype == "application/pdf"
    words = words_of(answer.data)
    assert reference in words
    assert "Not there." in words
    assert "INTERNAL" not in words


def test_the_internal_copy_names_the_rule_and_who_decided(
    app: Flask, database: Database, cora: Colleague, tmp_path: Path
) -> None:
    with database.writing() as session:
        case = case_to_decide(session, fill_store(session, tmp_path / "s"), "access")
        case_id, rule = case.id, case.rights[0].rule
    cora.post(f"/staff/cases/{case_id}/decide/access", decision="grant", reason="", confirm="yes", seen="")
    answer = cora.client.get(f"/staff/cases/{case_id}/letters/access/answer.pdf?copy=internal")
    words = words_of(answer.data)
    assert f"Rule {rule}, version" in words
    assert "Decided by Cora" in words
    assert "INTERNAL COPY" in words


def test_nobody_else_reads_a_letter(app: Flask, database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        mine, theirs = send_case(session, "access").case, send_case(session, "access").case
        extending.extend(session, mine.rights[0], make_account(session).id, "many")
        case_id, other_id = mine.id, theirs.id
    path = "/case/letters/access/extension.pdf"
    # Written but not sent yet, then sent, then somebody else's.
    assert sign_in_as_person(app, case_id).get(path).status_code == 404
    page = cora.get(f"/staff/cases/{case_id}/letters/access/extension")
    digest = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert digest is not None
    cora.post(f"/staff/cases/{case_id}/letters/access/extension/send", seen=digest.group(1))
    assert sign_in_as_person(app, case_id).get(path).status_code == 200
    assert sign_in_as_person(app, other_id).get(path).status_code == 404
    assert app.test_client().get(path).status_code == 303
    colleague(app, database, "reviewer").get(f"/staff/cases/{case_id}/letters", status=403)
    with database.reading() as session:
        assert session.get_one(Case, case_id).outcome is None


def test_a_person_s_pdfs_are_made_so_often_and_no_more(
    app: Flask, database: Database, cora: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.MOST, "pdf", (2, timedelta(hours=1)))
    with database.writing() as session:
        cases = [send_case(session, "access").case for _ in range(2)]
        for case in cases:
            extending.extend(session, case.rights[0], make_account(session).id, "many")
    path = "/case/letters/access/extension.pdf"
    for case in cases:
        letter = f"/staff/cases/{case.id}/letters/access/extension"
        digest = re.search(r'name="seen" value="([0-9a-f]{64})"', cora.get(letter))
        assert digest is not None
        cora.post(f"{letter}/send", seen=digest.group(1))
    first, second = (sign_in_as_person(app, case.id) for case in cases)
    assert [first.get(path).status_code for _ in range(3)] == [200, 200, 429]
    again = sign_in_as_person(app, cases[0].id)
    assert again.get(path).status_code == 429, "another browser does not help: it is counted by the request"
    assert second.get(path).status_code == 200
    staff = cora.client.get(f"/staff/cases/{cases[0].id}/letters/access/extension.pdf")
    assert staff.status_code == 200


def test_the_texts_of_all_languages_can_be_read_filled_in(app: Flask, database: Database, cora: Colleague) -> None:
    page = cora.get("/staff/letters/")
    assert len(re.findall(r'href="/staff/letters/\w+/\d+"', page)) == len(forms.forms())
    assert page.count("New letters") == len(LANGUAGES)
    for language, version in forms.forms():
        shown = cora.get(f"/staff/letters/{language}/{version}")
        assert examples.REFERENCE in shown
        assert "{" not in shown.split("<main", 1)[1].split("</main>", 1)[0], "every field is filled in"
    assert 'lang="ar" dir="rtl"' in cora.get("/staff/letters/ar/1")
    cora.get("/staff/letters/ar/99", status=404)
    colleague(app, database, "reviewer").get("/staff/letters/", status=403)

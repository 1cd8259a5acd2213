"""The staff's entrance: links, codes and locks through the pages, and who may open which page."""

from __future__ import annotations

import re

import pyotp
import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import accounts, clock
from portal.db import Database
from portal.tables import Account, WebSession
from portal.tables.staff import ROLES
from portal.web.policy import STAFF, policy_of
from tests.web.conftest import form_token
from tests.web.desk import PASSWORD, code_of, colleague, make_account


def try_to_sign_in(app: Flask, email: str, password: str, code: str) -> tuple[int, str]:
    client = app.test_client()
    token = form_token(client.get("/staff/sign-in").text)
    data = {"csrf_token": token, "email": email, "password": password, "code": code}
    answer = client.post("/staff/sign-in", data=data)
    return answer.status_code, answer.text.replace(form_token(answer.text), "") if answer.status_code == 422 else ""


def without_what_was_typed(page: str) -> str:
    return re.sub(r'(value|nonce)="[^"]*"', "", page)


def test_the_answer_to_a_wrong_sign_in_is_the_same_whatever_was_wrong(app: Flask, database: Database) -> None:
    with database.writing() as session:
        _, secret = make_account(session, "ada@example.org", "admin")
    code = code_of(secret)
    wrong = [
        try_to_sign_in(app, "nobody@example.org", PASSWORD, code),
        try_to_sign_in(app, "ada@example.org", "not the password", code),
        try_to_sign_in(app, "ada@example.org", PASSWORD, "000000" if code != "000000" else "111111"),
    ]
    assert {status for status, _ in wrong} == {422}
    assert len({without_what_was_typed(page) for _, page in wrong}) == 1
    assert PASSWORD not in wrong[0][1]


def test_a_code_opens_the_door_once(app: Flask, database: Database) -> None:
    someone = colleague(app, database, "reviewer")
    with database.reading() as session:
        used = session.get_one(Account, someone.id).totp_last_step
    code = pyotp.TOTP(someone.secret).generate_otp(used)
    assert try_to_sign_in(app, someone.email, PASSWORD, code)[0] == 422


def test_failures_are_kept_and_lock_the_account(app: Flask, database: Database) -> None:
    with database.writing() as session:
        account, secret = make_account(session, "ada@example.org", "admin")
    for count in range(1, accounts.FAILURES):
        assert try_to_sign_in(app, "ada@example.org", "wrong wrong wrong", code_of(secret))[0] == 422
        with database.reading() as session:
            assert session.get_one(Account, account.id).failures == count
    assert try_to_sign_in(app, "ada@example.org", "wrong wrong wrong", code_of(secret))[0] == 422
    assert try_to_sign_in(app, "ada@example.org", PASSWORD, code_of(secret))[0] == 422
    with database.reading() as session:
        locked = session.get_one(Account, account.id).locked_until
    assert locked is not None
    assert locked > clock.now()


def test_the_first_run_link_makes_one_admin(app: Flask, database: Database) -> None:
    with database.writing() as session:
        token = accounts.first_run_token(session)
    client = app.test_client()
    page = client.get(f"/join/{token}").text
    assert "<svg" in page
    secret = re.search(r'class="ef-key">([A-Z2-7 ]+)<', page)
    assert secret is not None
    fields = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD, "csrf_token": form_token(page)}
    wrong = client.post(f"/join/{token}", data={**fields, "code": "no"})
    assert wrong.status_code == 422
    assert PASSWORD not in wrong.text
    code = code_of(secret.group(1).replace(" ", ""))
    made = client.post(f"/join/{token}", data={**fields, "code": code, "csrf_token": form_token(wrong.text)})
    assert (made.status_code, made.location) == (303, "/staff")
    assert "Ada" in client.get("/staff").text
    assert app.test_client().get(f"/join/{token}").status_code == 404
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_signing_out_ends_the_session_for_copies_of_the_cookie_too(app: Flask, database: Database) -> None:
    someone = colleague(app, database, "reviewer")
    cookie = someone.client.get_cookie("efface")
    assert cookie is not None
    someone.post("/staff/sign-out")
    thief = app.test_client()
    thief.set_cookie("efface", cookie.value)
    assert thief.get("/staff").status_code == 303
    with database.reading() as session:
        assert (
            session.scalar(select(func.count()).select_from(WebSession).where(WebSession.account_id.isnot(None))) == 0
        )


def test_a_disabled_account_is_out_at_the_next_click(app: Flask, database: Database) -> None:
    boss, someone = colleague(app, database, "admin"), colleague(app, database, "reviewer")
    someone.get("/staff")
    boss.post(f"/staff/accounts/{someone.id}/disable")
    assert someone.client.get("/staff").status_code == 303


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_the_entrance_leads_to_no_other_site(app: Flask, database: Database, target: str) -> None:
    with database.writing() as session:
        _, secret = make_account(session, "ada@example.org", "admin")
    client = app.test_client()
    token = form_token(client.get("/staff/sign-in").text)
    data = {"csrf_token": token, "email": "ada@example.org", "password": PASSWORD, "code": code_of(secret)}
    answer = client.post("/staff/sign-in", query_string={"next": target}, data=data)
    assert answer.location == "/staff"


def staff_routes(app: Flask) -> list[tuple[str, str, frozenset[str]]]:
    with app.test_request_context():
        return [
            (method, re.sub(r"<[^>]+>", "0", rule.rule), policy_of(app, rule.endpoint))
            for rule in app.url_map.iter_rules()
            if rule.rule.startswith("/staff") and rule.endpoint != "staff.sign_in"
            for method in sorted((rule.methods or set()) & {"GET", "POST"})
        ]


def test_each_page_opens_for_its_roles_only(app: Flask, database: Database) -> None:
    routes = staff_routes(app)
    assert len(routes) > 40
    for role in ROLES:
        someone = colleague(app, database, role)
        token = form_token(someone.get("/staff"))
        for method, path, allowed in routes:
            if "sign-out" in path or STAFF in allowed or role in allowed:
                continue
            answer = someone.client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
            assert answer.status_code == 403, (role, method, path, answer.status_code)


def test_nobody_opens_a_staff_page_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for method, path, _ in staff_routes(app):
        answer = client.open(path, method=method)
        assert answer.status_code == 303, (method, path)
        assert answer.location.startswith("/staff/sign-in")


def test_home_shows_the_tasks_of_ones_roles(app: Flask, database: Database) -> None:
    page = colleague(app, database, "reviewer").get("/staff")
    assert "Compare pictures" in page
    assert "Image stores" not in page
    page = colleague(app, database, "admin", "caseworker", "auditor").get("/staff")
    for title in ("Image stores", "Requests that wait for you", "The log"):
        assert title in page

"""What every answer carries, what forms are refused, and what pages must not contain."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import clock
from portal.config import Config
from portal.web import create_app, limits
from tests.web import trip
from tests.web.conftest import form_token, send

PAGES = ["/", "/help", "/privacy", "/comparison", "/accessibility", "/verify-help", "/case/sign-in", "/no-such-page"]
IN_A_REQUEST = ["rights", "whom", "residence", "ways", "links", "accounts", "contact", "helps", "files", "consent"]


@pytest.fixture
def pages(client: FlaskClient) -> dict[str, str]:
    """All public pages that a person meets, by address."""
    found = {path: client.get(path).text for path in PAGES}
    trip.begin(client, ways=["face", "link", "file", "account"])
    found |= {f"/request/{name}": client.get(f"/request/{name}").text for name in IN_A_REQUEST}
    trip.whole(client)
    return found | {path: client.get(path).text for path in ("/request/sent", "/case", "/case/withdraw")}


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/readyz", "/public-key", "/leave", "/request/rights"])
def test_headers_of_every_answer(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for part in ("base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'", "connect-src 'self'"):
        assert part in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_every_page_is_there(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        assert len(re.findall(r"<h1[ >]", page)) == 1, path
        assert "Error:" not in page, path


def test_no_script_without_a_nonce_and_no_style_in_an_attribute(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        assert all('nonce="' in tag for tag in re.findall(r"<script[^>]*>", page)), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), path


def test_a_nonce_is_used_once(client: FlaskClient) -> None:
    first, second = client.get("/"), client.get("/")
    nonce = re.search(r"'nonce-([^']+)'", first.headers["Content-Security-Policy"])
    assert nonce
    assert f'nonce="{nonce.group(1)}"' in first.text
    assert nonce.group(1) not in second.headers["Content-Security-Policy"]


def test_no_page_names_another_site(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        shown = page.replace("https://example.com/", "")
        assert not re.search(r"""(?:href|src|action|srcset)=["'](?:https?:)?//""", shown), path
        assert "http://" not in shown.replace('xmlns="http://www.w3.org', ""), path


def test_files_are_packed_and_kept_until_they_change(client: FlaskClient) -> None:
    address = re.search(r'href="(/static/theme\.css\?v=\w+)"', client.get("/").text)
    assert address
    answer = client.get(address.group(1), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert "url(http" not in client.get("/static/theme.css").text


def test_the_first_view_weighs_less_than_150_kilobytes(client: FlaskClient) -> None:
    page = client.get("/").text
    files = re.findall(r'(?:href|src)="(/(?:static|bootstrap)/[^"]+)"', page)
    packed = sum(len(client.get(file, headers={"Accept-Encoding": "gzip"}).data) for file in files)
    assert len(files) >= 4
    assert packed + len(page) < 150_000


def test_a_form_without_its_token_gets_a_kind_page(client: FlaskClient) -> None:
    trip.begin(client)
    answer = client.post("/request/rights", data={"rights": ["access"]})
    assert answer.status_code == 400
    assert "This page was open too long" in answer.text
    assert 'value="deletion" checked' in client.get("/request/rights").text


def test_a_form_from_another_browser_is_refused(app: Flask, client: FlaskClient) -> None:
    token = form_token(client.get("/").text)
    other = app.test_client()
    other.get("/")
    assert other.post("/request/start", data={"csrf_token": token}).status_code == 400


def test_a_form_from_before_signing_out_is_refused(client: FlaskClient) -> None:
    trip.whole(client)
    old = form_token(client.get("/case").text)
    send(client, "/case", "/case/sign-out")
    assert client.post("/request/start", data={"csrf_token": old}).status_code == 400


def test_an_old_form_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    trip.begin(client)
    token = form_token(client.get("/request/rights").text)
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later.timestamp())
    answer = client.post("/request/rights", data={"csrf_token": token, "rights": ["access"]})
    assert answer.status_code == 400


@pytest.mark.parametrize(("origin", "status"), [("cross-site", 400), ("same-site", 400), ("same-origin", 303)])
def test_browsers_that_say_a_form_came_from_elsewhere_are_believed(
    client: FlaskClient, origin: str, status: int
) -> None:
    token = form_token(client.get("/").text)
    answer = client.post("/request/start", data={"csrf_token": token}, headers={"Sec-Fetch-Site": origin})
    assert answer.status_code == status


def test_behind_https_the_cookie_is_bound_to_this_host(config: Config, database: object) -> None:
    secure = replace(config, public_url="https://photos.example")
    answer = create_app(secure).test_client().get("/", base_url="https://photos.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-efface=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_leaving_leads_where_the_installation_says(config: Config, database: object, client: FlaskClient) -> None:
    assert client.get("/leave").location == config.exit_url
    elsewhere = replace(config, exit_url="https://recipes.example/soup")
    assert create_app(elsewhere).test_client().get("/leave").location == "https://recipes.example/soup"


def test_a_foreign_host_name_is_refused(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 400


def test_too_many_tries_are_told_kindly(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.MOST, "draft", (2, timedelta(minutes=10)))
    answers = [send(client, "/", "/request/start").status_code for _ in range(3)]
    assert answers == [303, 303, 429]
    assert "Please wait 10 minutes" in send(client, "/", "/request/start").text


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_a_network_is_counted_and_not_an_address(address: str, network: str) -> None:
    assert limits.network(address) == network

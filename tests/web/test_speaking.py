"""Each page is in the language of the person who reads it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from babel.messages.catalog import Catalog
from babel.support import NullTranslations
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from sqlalchemy import select

from portal import languages
from portal.config import Config, check_config
from portal.db import Database
from portal.errors import UnsafeConfig
from portal.languages import LANGUAGES, texts
from portal.languages.catalogues import compiled
from portal.tables import Case
from portal.web import create_app
from tests.web import trip
from tests.web.conftest import send


def _language(client: FlaskClient, path: str = "/", asked: str = "") -> str:
    page = client.get(path, headers={"Accept-Language": asked} if asked else {})
    html = page.text.split("<html ", 1)[1].split(">", 1)[0]
    code = page.headers["Content-Language"]
    assert f'lang="{code}" dir="{LANGUAGES[code].direction}"' in html
    return code


@pytest.mark.parametrize(
    ("asked", "found"),
    [("", "en"), ("de", "de"), ("fr-CA,fr;q=0.9", "fr"), ("nl, ar;q=0.8, en;q=0.5", "ar"), ("nl", "en")],
)
def test_a_page_is_in_the_language_the_browser_asks_for(client: FlaskClient, asked: str, found: str) -> None:
    assert _language(client, asked=asked) == found


def test_the_installation_says_which_language_is_for_all_others(config: Config, database: Database) -> None:
    client = create_app(replace(config, language="pl")).test_client()
    assert _language(client, asked="nl") == "pl"
    with pytest.raises(UnsafeConfig, match="EFFACE_LANGUAGE"):
        check_config(replace(config, language="nl"))


def test_what_the_person_chooses_counts_before_what_the_browser_asks_for(client: FlaskClient) -> None:
    answer = send(client, "/help", "/language", language="hi", back="/help")
    assert answer.headers["Location"] == "/help"
    assert _language(client, asked="de") == "hi"
    send(client, "/", "/language", language="nl")
    assert _language(client) == "hi"


def test_a_link_can_say_the_language_and_the_pages_after_it_keep_it(client: FlaskClient) -> None:
    page = client.get("/help", headers={"Accept-Language": "de"}).text
    offered = re.findall(r'<link rel="alternate" hreflang="(\w+)" href="([^"]+)">', page)
    assert [code for code, _ in offered] == list(LANGUAGES)
    assert _language(client, dict(offered)["ar"], asked="de") == "ar"
    assert _language(client, asked="de") == "ar"
    assert _language(client, "/?language=nl", asked="de") == "ar"
    assert "hreflang" not in client.get("/case/sign-in").text, "one address for what is a person's own"


def test_each_language_is_offered_by_its_own_name(client: FlaskClient) -> None:
    page = client.get("/", headers={"Accept-Language": "fr"}).text
    for one in LANGUAGES.values():
        assert f'value="{one.code}" lang="{one.code}" dir="{one.direction}"' in page
        assert f">{one.name}</button>" in page


def test_pages_of_staff_are_in_english(client: FlaskClient) -> None:
    assert _language(client, "/staff/sign-in", "ar") == "en"


def test_after_a_request_the_thread_speaks_english_again(client: FlaskClient) -> None:
    client.get("/", headers={"Accept-Language": "ar"})
    assert languages.current().code == "en"


def test_the_language_is_kept_in_the_request_and_can_be_changed_there(client: FlaskClient, database: Database) -> None:
    send(client, "/", "/language", language="es")
    trip.whole(client)
    with database.reading() as session:
        assert session.scalars(select(Case.language)).all() == ["es"]
    send(client, "/case", "/language", language="ar")
    with database.reading() as session:
        assert session.scalars(select(Case.language)).all() == ["ar"]


def test_pages_and_forms_take_their_texts_from_the_one_catalogue(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = Catalog(locale="de")
    german.add("Help", "Hilfe")
    german.add("Enter your reference", "Geben Sie Ihr Aktenzeichen ein")
    for module in (languages, texts):
        monkeypatch.setattr(module, "catalogue", lambda code: compiled(german) if code == "de" else NullTranslations())
    assert "<h1>Help</h1>" in client.get("/help").text
    send(client, "/help", "/language", language="de")
    assert "<h1>Hilfe</h1>" in client.get("/help").text
    assert "Geben Sie Ihr Aktenzeichen ein" in send(client, "/case/sign-in", reference="", secret="x").text


def test_values_in_texts_are_escaped_and_keep_their_direction(app: Flask) -> None:
    with app.test_request_context("/"):
        text = render_template_string('{{ _("Write to %(organisation)s.", organisation=name|bdi) }}', name="<b>")
    assert text == "Write to <bdi>&lt;b&gt;</bdi>."


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 year of &lt;b&gt;"), (2.0, "2 years of &lt;b&gt;"), (1234, "1,234 years of &lt;b&gt;")]
)
def test_numbers_in_texts_are_written_as_people_do(app: Flask, number: float, said: str) -> None:
    page = '{{ ngettext("%(num)s year of %(name)s", "%(num)s years of %(name)s", number, name="<b>") }}'
    with app.test_request_context("/"):
        assert render_template_string(page, number=number) == said

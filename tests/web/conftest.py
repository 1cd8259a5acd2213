"""A web application on a throw-away installation, and a browser without a window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.config import Config
from portal.db import Database
from portal.web import create_app

if TYPE_CHECKING:
    from tests.web.desk import Colleague


@pytest.fixture
def app(config: Config, database: Database) -> Flask:
    return create_app(config)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def cora(app: Flask, database: Database) -> Colleague:
    """A caseworker who is signed in."""
    # The desk fills in the forms of pages, as below.
    from tests.web.desk import colleague

    return colleague(app, database, "caseworker", name="Cora Worker")


@pytest.fixture
def boss(app: Flask, database: Database) -> Colleague:
    """An admin who is signed in."""
    from tests.web.desk import colleague

    return colleague(app, database, "admin", name="Ada Min")


def form_token(page: str) -> str:
    """The hidden token of the forms on a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the page has no form"
    return found.group(1)


def send(client: FlaskClient, path: str, to: str | None = None, **fields: Any) -> Any:
    """Open the page at `path` and send its form, as a person would."""
    token = form_token(client.get(path).text)
    return client.post(to or path, data={"csrf_token": token, **fields})

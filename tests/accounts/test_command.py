"""`efface account`, as a person types it."""

from __future__ import annotations

import json

import pyotp
import pytest
from click.testing import CliRunner

from portal import accounts
from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.errors import NotFound

pytestmark = pytest.mark.migrated


@pytest.fixture
def run(config: Config, database: Database, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    return CliRunner()


def test_invite_prints_a_link_that_works(run: CliRunner, database: Database) -> None:
    result = run.invoke(efface, ["account", "invite", "--role", "admin", "--role", "reviewer"])
    assert result.exit_code == 0, result.output
    link = result.output.strip()
    assert link.startswith("http://127.0.0.1:8000/join/")
    with database.reading() as session:
        assert accounts.begin(session, link.rsplit("/", 1)[1]).roles == ["admin", "reviewer"]


def test_list_teaches_when_there_is_nobody(run: CliRunner) -> None:
    assert "efface account invite" in run.invoke(efface, ["account", "list"]).output
    assert json.loads(run.invoke(efface, ["account", "list", "--json"]).output) == []


def test_an_unknown_role_is_named(run: CliRunner) -> None:
    result = run.invoke(efface, ["account", "invite", "--role", "owner"])
    assert result.exit_code == 2
    assert "owner" in result.output


def test_disable_names_an_address_nobody_has(run: CliRunner) -> None:
    result = run.invoke(efface, ["account", "disable", "nobody@example.org"])
    assert isinstance(result.exception, NotFound)
    assert "nobody@example.org" in result.exception.sentence


def test_an_account_is_listed_reset_and_disabled(run: CliRunner, database: Database) -> None:
    with database.writing() as session:
        for email, role in (("ada@example.org", "admin"), ("bob@example.org", "reviewer")):
            token = accounts.invite(session, [role])
            secret = accounts.begin(session, token).totp_secret
            code = pyotp.TOTP(secret).now()
            accounts.accept_invitation(session, token, email, "Somebody", "four words make sense", secret, code)
    assert "/join/" in run.invoke(efface, ["account", "reset", "Bob@example.org"]).output
    assert run.invoke(efface, ["account", "disable", "bob@example.org"]).exit_code == 0
    listed = json.loads(run.invoke(efface, ["account", "list", "--json"]).output)
    assert [(one["email"], one["disabled"]) for one in listed] == [
        ("ada@example.org", False),
        ("bob@example.org", True),
    ]
    assert "(disabled)" in run.invoke(efface, ["account", "list"]).output
    assert run.invoke(efface, ["account", "disable", "ada@example.org"]).exit_code != 0

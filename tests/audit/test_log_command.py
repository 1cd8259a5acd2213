"""`efface log` and `efface certificate public-key` against an installation on disk."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select

from portal import audit
from portal.audit import heads, merkle, notes
from portal.audit.checkpoint import read_head, read_proof
from portal.cli import certificate as certificate_commands
from portal.cli import log as log_commands
from portal.config import Config
from portal.db import Database
from portal.errors import Conflict, NotFound
from portal.keys import keys_in
from portal.tables import Entry

pytestmark = pytest.mark.migrated


@pytest.fixture(autouse=True)
def installation(database: Database, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(log_commands.command, list(arguments))


def grow(database: Database) -> None:
    with database.writing() as session:
        for number in range(3):
            audit.append(session, "test", {"number": number})


def test_the_public_key_is_one_line(config: Config) -> None:
    result = CliRunner().invoke(certificate_commands.command, ["public-key"])
    verifier = notes.read_key_line(result.output.strip())
    assert verifier.public == keys_in(config.data).public_key
    assert verifier.name == heads.origin_of(verifier.public)


def test_a_proof_can_be_checked_with_the_head_it_carries(database: Database, config: Config) -> None:
    grow(database)
    proof = read_proof(run("prove", "1").output)
    public = keys_in(config.data).public_key
    head = read_head(notes.open_note(proof.checkpoint, [notes.verifier_of(heads.origin_of(public), public)]).text)
    with database.reading() as session:
        leaf = session.scalars(select(Entry.leaf_hash).filter_by(position=1)).one()
    assert merkle.verify_inclusion(leaf, proof.index, head.size, proof.path, head.root)


def test_the_head_is_printed_as_it_is_signed(database: Database, config: Config) -> None:
    assert isinstance(run("checkpoint").exception, NotFound)
    grow(database)
    result = run("checkpoint")
    assert result.output == heads.read(heads.folder_of(config))
    assert json.loads(run("checkpoint", "--json").output)["size"] == 3


def test_a_whole_log_is_said_to_be_whole(database: Database) -> None:
    grow(database)
    assert "The log is whole. None of its entries is signed yet" in run("check").output
    run("checkpoint")
    assert "The log is whole. 3 of its entries are signed" in run("check").output
    assert json.loads(run("check", "--json").output) == {"problems": [], "signed": 3}


def test_a_rewritten_log_fails_the_check(database: Database) -> None:
    grow(database)
    run("checkpoint")
    with database.writing() as session:
        session.execute(delete(Entry).where(Entry.position == 1))
    result = run("check")
    assert isinstance(result.exception, Conflict)
    assert "Entry 1 is missing" in result.output
    assert isinstance(run("prove", "0").exception, Conflict)

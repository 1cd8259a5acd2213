"""`efface order` from a terminal: plan, show, approve by two logins, status, statement; checked by another command."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from portal import audit, clock
from portal.cli import efface
from portal.db import Database
from portal.errors import NotAllowed
from portal.orders import making
from tests.orders.scene import Scene
from tests.web.desk import PASSWORD, make_account

pytestmark = pytest.mark.migrated

SAID = ["--reason", "Order C-4743", "--signatory", "Ann Example", "--position", "Head", "--oath", "california"]


def run(*words: str) -> Result:
    return CliRunner().invoke(efface, ["order", *words], catch_exceptions=False)


def test_an_order_from_a_terminal(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(database.config.data))
    monkeypatch.setenv("EFFACE_COOLING_HOURS", "0")
    monkeypatch.setenv("EFFACE_REDIS_URL", f"unix://{tmp_path}/no-queue.sock")
    scene = Scene(database, tmp_path / "photographs", loose=2, shards=1, in_shard=2)
    photo = tmp_path / "mine.jpg"
    photo.write_bytes(scene.bytes_of("loose", "00001.jpg"))
    planned = run("plan", "source", "The site", *SAID)
    short = planned.output.split()[1].rstrip(".")
    with database.reading() as session:
        order_id = making.find(session, short).id
    scene.run(order_id)
    shown = json.loads(run("show", short, "--json").output)
    assert (shown["images"], shown["state"]) == (4, "planned")
    with database.writing() as session:
        logins = [make_account(session, f"{name}@staff.example", "admin") for name in ("one", "two")]
    for name, (_, secret) in zip(("one", "two"), logins, strict=True):
        words = ("approve", short, "--digest", shown["digest"], "--as", f"{name}@staff.example")
        code = pyotp.TOTP(secret).at(clock.now())
        with pytest.raises(NotAllowed):
            run(*words, "--password", "wrong", "--code", code)
        said = run(*words, "--password", PASSWORD, "--code", code).output
    assert said == "Approved.\n"
    scene.run(order_id)
    assert json.loads(run("status", short, "--json").output)["state"] == "settled"
    assert "Done. The statement is issued. All of it is done" in run("list").output
    for more, name in (([], "whole"), (["--photo", str(photo)], "mine"), (["--pdf"], "paper")):
        assert run("statement", short, "--out", str(tmp_path / name), *more).exit_code == 0
    assert (tmp_path / "paper").read_bytes().startswith(b"%PDF")
    with database.reading() as session:
        key = audit.verifier_key(session)
    check = ["certificate", "verify", "--key", key]
    told = CliRunner().invoke(efface, [*check, str(tmp_path / "whole")], catch_exceptions=False).output
    assert "under penalty of perjury under the laws of the State of California" in told
    own = CliRunner().invoke(efface, [*check, str(tmp_path / "mine"), "--photo", str(photo)], catch_exceptions=False)
    assert f"{photo} is one of them: deleted." in own.output

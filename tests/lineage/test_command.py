"""`efface lineage`, as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound
from tests.matching.making import make_image, make_store

pytestmark = pytest.mark.migrated


@pytest.fixture
def run(config: Config, database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    with database.writing() as session:
        store = make_store(session, name="okc")
        for number in range(3):
            make_image(session, store, f"{number}.jpg")
    runner = CliRunner()
    return lambda line: runner.invoke(efface, ["lineage", *line.split()])


def test_from_a_source_to_a_recipient(run: Callable[[str], Result]) -> None:
    for line in (
        "source add OkC --from-whom site --received-on 2014-05-01 --terms none --consent none",
        "dataset add faces v1 --created-on 2014-05-01",
        "dataset put faces v1 --store okc",
        "model add demog 2 --purpose age",
        "training-use add --model demog 2 --dataset faces v1 --trained-on 2014-06-01 --in-use-from 2014-07-01",
        "product add API --model demog 2",
        "recipient add Police --contact desk@example.org --country DE",
        "disclosure add --recipient Police --dataset faces v1 --on 2015-01-01 --basis contract",
        "disclosure add --recipient Police --model demog 2 --on 2016-01-01 --basis contract",
    ):
        result = run(line)
        assert result.exit_code == 0, (line, result.output, result.exception)
    traced = json.loads(run("trace --store okc --image 0.jpg --image 1.jpg --json").output)
    assert [one["name"] for one in traced["models"]] == ["demog 2"]
    assert [one["name"] for one in traced["recipients"]] == ["Police"]
    text = run("trace --store okc --image 0.jpg").output
    assert "Dataset faces v1 contains 1 of these photographs; model demog 2 was trained on it on 1 June 2014." in text
    assert json.loads(run("dataset put faces v1 --store okc --json").output) == {
        "added": 0,
        "already": 3,
        "kept_out": 0,
    }


def test_what_is_wrong_is_said(run: Callable[[str], Result]) -> None:
    assert len(json.loads(run("dataset add faces v1 --created-on 2014-05-01 --json").output)["id"]) == 32
    assert isinstance(run("dataset add faces v1 --created-on 2014-05-01").exception, Conflict)
    assert isinstance(run("dataset add faces v2 --created-on 2999-05-01").exception, BadInput)
    assert isinstance(run("product add API --model demog 2").exception, NotFound)
    assert isinstance(run("trace --store okc --image none.jpg").exception, NotFound)
    run("recipient add Police --contact x")
    assert isinstance(run("disclosure add --recipient Police --on 2015-01-01 --basis x").exception, BadInput)

"""The experiments of reliability, as small as they can be: one house in which everything goes wrong, in turn."""

from __future__ import annotations

import inspect
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.experiments import __main__ as commands
from tests.experiments import erasing, hurried, kill, queue_loss, residue, resume, syscalls, zombie
from tests.experiments.erasing import Photograph, Scene, is_over, wait_for
from tests.experiments.small_house import Running, running_house

IMAGES = 30
CLOCKS = "1.0,0.25,0.3"
MISSING = syscalls.what_is_missing()


@pytest.fixture(scope="module")
def planted() -> list[Photograph]:
    return [residue.marked(one) for one in erasing.photographs(IMAGES)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, planted: list[Photograph]) -> Scene:
    """One deletion of marked photographs, which takes some seconds."""
    return erasing.build(tmp_path_factory.mktemp("small"), erasing.Size(IMAGES, thick=True), planted)


@pytest.fixture(scope="module")
def house(scene: Scene) -> Iterator[Running]:
    database = scene.open()
    hurried.watch(database)
    database.close()
    with running_house(scene.config, "erasing", "erasing", "mailing", clocks=CLOCKS) as house:
        yield house


def test_everything_goes_wrong_and_the_end_is_the_same_once(
    scene: Scene, house: Running, planted: list[Photograph]
) -> None:
    database, chance = scene.open(), random.Random(5)
    sought = residue.sought_in(planted)
    erasing.approve_all(database)

    assert resume.resumed(house, database, chance) < resume.LIMIT
    met = [zombie.meet(house, database, chance) for _ in range(2)]
    kills = kill.kill_all_along(house, database, 1, chance)
    assert queue_loss.kill(house)
    queue_loss.flush(house)
    wait_for(lambda: is_over(database) and residue.mails_of(scene) == 1, "the end")

    counts = erasing.reckon(scene)
    assert erasing.is_well(counts), (counts, met, kills)
    assert counts["items"] == 5 * IMAGES
    assert (hurried.stale_writes(database), hurried.done_twice(database)) == (0, 0)
    # The only thing that is left in the clear is the mail to the person, for a week.
    assert residue.seen_in(scene, sought) == {"contact 0"}
    residue.purge_later(database)
    assert residue.seen_in(scene, sought) == set()
    database.close()


def test_what_is_left_is_seen(tmp_path: Path, planted: list[Photograph]) -> None:
    """Before the erasure each marker is found, else finding none after it would prove nothing."""
    scene = erasing.build(tmp_path, erasing.Size(2, thick=True), planted[:2])
    counts = erasing.reckon(scene)
    assert (counts["lost"], counts["left"]) == (10, 12), counts
    assert not erasing.is_well(counts)
    sought = residue.sought_in(planted[:2])
    # Addresses are sealed from the beginning.
    assert residue.seen_in(scene, sought) == {marker for marker in sought if not marker.startswith("contact")}


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_kill_or_an_error_at_any_system_call_leads_to_the_same_end() -> None:
    facts = syscalls.measure(points=5, seed=3)
    assert facts["ok"], facts
    assert facts["counts"]["struck"] >= 4
    # Reading, writing through to the disk, taking away and telling the queue are all among the points.
    assert {"openat", "fdatasync", "unlinkat", "sendto"} <= set(facts["counts"]["calls"])


def test_every_name_can_be_measured_small_and_in_full() -> None:
    for name, one in commands.EXPERIMENTS.items():
        assert one.small.keys() == one.full.keys(), name
        assert one.small.keys() <= inspect.signature(one.measure).parameters.keys(), name
        flags = {flag for parameter in commands.experiments.commands[name].params for flag in parameter.opts}
        assert {"--full", "--json"} <= flags, name


def test_all_writes_a_row_for_each_and_fails_when_one_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        _python, _m, _module, name, _json, file, *more = command
        assert more == ["--full"]
        if name != "desk":
            facts = {"name": name, "figure": {"lost": 0}, "target": 0, "ok": name != "kill"}
            Path(file).write_text(json.dumps(facts))
        return subprocess.CompletedProcess(command, 0, "", "Error: there is no browser")

    monkeypatch.setattr(subprocess, "run", run)
    result = CliRunner().invoke(commands.experiments, ["all", "--full", "--json", str(tmp_path / "all.json")])
    rows = {line.split("|")[1].strip(): line for line in result.output.splitlines()[2:]}
    assert list(rows) == list(commands.EXPERIMENTS)
    assert "| lost 0 | 0 | yes |" in rows["zombie"]
    assert "| no |" in rows["kill"]
    assert "not measured: Error: there is no browser" in rows["desk"]
    said = {facts["name"]: facts["ok"] for facts in json.loads((tmp_path / "all.json").read_text())}
    assert said == {name: name not in {"kill", "desk"} for name in commands.EXPERIMENTS}
    assert result.exit_code == 1

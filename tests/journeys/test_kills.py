"""Any process may be killed at any instant, any number of times, and the same end is reached, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portal.cli.demo.judging import judge_until_decided
from portal.cli.demo.running import Installation, installation
from portal.cli.demo.staff import Admin, Caseworker, Reviewer
from portal.cli.demo.subject import Request, Subject
from portal.cli.demo.waiting import until
from portal.jobs import KINDS
from portal.processes import PidFile
from tests.experiments.small_house import send
from tests.fakes import drawn_jpeg
from tests.journeys.staffed import Team, judge_of

pytestmark = pytest.mark.photographs
COPIES = 12


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    """An installation of one's own: it is treated badly."""
    with installation(tmp_path / "data", EFFACE_COOLING_HOURS="0") as house:
        yield house


def named(house: Installation, program: str) -> list[psutil.Process]:
    """The processes of the installation that are listed under a name, and whatever they forked."""
    found = []
    for process in everybody(house):
        try:
            if process.name().startswith(program):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def everybody(house: Installation) -> list[psutil.Process]:
    """All processes of the installation."""
    found: list[psutil.Process] = psutil.Process(house.process.pid).children(recursive=True)
    return found


def kill(house: Installation, program: str) -> int:
    """SIGKILL a program of the installation and whatever it forked. Returns how many processes that were."""
    return sum(send(victim, signal.SIGKILL) for victim in named(house, program))


def test_workers_and_queue_are_killed_all_along_and_nothing_is_lost_or_done_twice(
    house: Installation, tmp_path: Path, photographs: Path
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    mine = (photographs / "obama2.jpg").read_bytes()
    others = {f"other-{number}.jpg": drawn_jpeg(number, seed=number) for number in range(COPIES)}
    for number in range(COPIES):
        # Trailing bytes change the file and not the picture.
        (archive / f"mine-{number}.jpg").write_bytes(mine + bytes([number]) * 8)
    for name, data in others.items():
        (archive / name).write_bytes(data)
    admin = Admin(house, "ada", house.join)
    team = Team(
        admin,
        [Reviewer(house, name, admin.invites(name, "reviewer")) for name in ("rita", "ravi")],
        Caseworker(house, "carl", admin.invites("carl", "caseworker")),
        Caseworker(house, "cleo", admin.invites("cleo", "caseworker")),
    )

    store = admin.adds_store("archive", archive, "")
    kills = 0
    for look in admin.scans(store):
        if kills < 2 and look["state"] == "running":
            kills += kill(house, "scanning") > 0
    assert kills == 2
    assert look["seen"].startswith(str(2 * COPIES))
    assert int(look["new"]) + int(look["unreadable"]) == 2 * COPIES, look

    person = Subject(house)
    selfie = (photographs / "obama.jpg").read_bytes()
    person.asks(Request(("copy", "deletion"), selfie=selfie, email="k@mail.example"))
    case = team.caseworker.finds_case(person.reference)
    team.caseworker.asks_for_face(case)
    person.shows_face(selfie)
    assert kill(house, "valkey")
    team.caseworker.confirms_identity(case)
    assert kill(house, "searching")
    until(team.reviewers[0].waits, seconds=90, what="the search after the queue was killed")
    judge = judge_of({mine: True, **{data: False for data in others.values()}})
    assert judge_until_decided(team.reviewers, team.caseworker, case, judge, 90) == [COPIES, COPIES]

    team.caseworker.grants(case, ("copy", "deletion"))
    [plan] = team.caseworker.plans(case)
    team.approver.approves(plan)
    for _ in range(2):
        kill(house, "erasing")
        kill(house, "packing")
        until(lambda: True, pause=0.4)
    until(lambda: team.caseworker.is_past_machine(plan), 120, "the erasure after its worker was killed")
    assert {path.name for path in archive.iterdir()} == set(others)
    until(person.is_closed, what="the answer")
    person.signs_in()
    assert len(person.fetches_certificates()) == 1
    assert house.efface("log", "check").returncode == 0


def test_a_killed_portal_leaves_no_orphan_and_comes_up_again_alone_and_stops_cleanly(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with installation(data) as first:
        until(lambda: len(everybody(first)) > len(KINDS), what="the workers")
        children = everybody(first)
        Admin(first, "ada", first.join)
        first.process.kill()
        _, alive = psutil.wait_procs(children, timeout=15)
        # Elsewhere than on Linux nobody tells a child that its parent was killed: the next start ends it.
        assert not alive or os.uname().sysname != "Linux", alive
    with installation(data) as second:
        assert not [process for process in children if process.is_running() and process.status() != "zombie"]
        assert second.join == "", "there is an account, so there is no first-run link any more"
        third = second.efface("up")
        assert third.returncode == 1
        assert "running already" in third.stderr
        if os.uname().sysname == "Linux":
            # Whoever forks the workers may be killed, too.
            until(lambda: len(named(second, "mailing")) == 1, what="the workers")
            [mailing] = named(second, "mailing")
            parent = mailing.parent()
            assert parent is not None
            parent.kill()
            until(lambda: named(second, "mailing") not in ([], [mailing]), what="the workers again")
        children = everybody(second)
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(40) == 0
        _, alive = psutil.wait_procs(children, timeout=1)
        assert not alive
    assert not (data / "efface.pid").exists()


def test_leftovers_of_a_killed_run_are_found_by_the_pid_file_and_ended(tmp_path: Path) -> None:
    """What macOS would leave behind: a child that nobody told."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pids = PidFile(tmp_path / "efface.pid")
    pids.write([child.pid])
    text = pids.path.read_text().replace(str(child.pid), str(stranger.pid))
    (tmp_path / "stale.pid").write_text(text.replace('"started": ', '"started": 1'))
    assert PidFile(tmp_path / "stale.pid").end_leftovers() == 0, "a number used again is somebody else's process"
    assert pids.end_leftovers() == 1
    assert not psutil.pid_exists(child.pid)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()

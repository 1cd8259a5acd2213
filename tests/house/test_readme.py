"""The README says what is so: commands, settings, the map and the life of a case are compared with the code."""

from __future__ import annotations

import re
from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from portal.cases.lifecycle import MOVES
from portal.cli import GROUPS, efface
from portal.config import Config
from tests.house.test_imports import ROOT

README = (ROOT / "README.md").read_text()


def life_of_a_case() -> str:
    """The picture of a case's life, drawn from the table of allowed moves."""
    lines = ["stateDiagram-v2", "    [*] --> received"]
    for move in MOVES:
        for source in move.sources:
            outcome = f": {', '.join(sorted(move.outcomes))}" if move.outcomes else f": {move.kind}"
            lines.append(f"    {source.replace('-', '_')} --> {move.to.replace('-', '_')}{outcome}")
    return "\n".join(lines)


def test_the_two_commands_head_the_page() -> None:
    head = README[:1500]
    assert "make demo" in head
    assert "make test" in head


def test_the_life_of_a_case_is_the_table_of_moves() -> None:
    assert life_of_a_case() in README, f"put this into the README:\n{life_of_a_case()}"


@pytest.mark.parametrize("setting", [item.name for item in fields(Config)])
def test_every_setting_is_explained(setting: str) -> None:
    assert f"`EFFACE_{setting.upper()}`" in README


def test_no_setting_is_explained_that_is_not_there() -> None:
    known = {f"EFFACE_{item.name.upper()}" for item in fields(Config)}
    assert set(re.findall(r"`(EFFACE_[A-Z_]+)`", README)) - {"EFFACE_"} <= known | {f"{name}_FILE" for name in known}


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_every_command_is_named_and_answers_help(group: str) -> None:
    assert f"`efface {group}" in README
    shown = CliRunner().invoke(efface, [group, "--help"])
    assert shown.exit_code == 0, shown.output


def test_commands_that_are_named_exist() -> None:
    for line in re.findall(r"`efface ([a-z-]+(?: [a-z-]+)?)", README):
        words = line.split()
        command = efface.get_command(click.Context(efface), words[0])
        assert command is not None, line
        if isinstance(command, click.Group) and len(words) > 1:
            assert command.get_command(click.Context(command), words[1]) is not None, line


@pytest.mark.parametrize("room", sorted(path.stem for path in (ROOT / "portal").iterdir() if path.suffix != ".pyc"))
def test_every_room_is_on_the_map(room: str) -> None:
    if not room.startswith("__"):
        assert re.search(rf"\b{re.escape(room)}\b", README), f"{room} is not on the map of the house"


def test_pictures_that_are_shown_exist() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path

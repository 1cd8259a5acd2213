"""`efface demo`: the main job end to end, on real photographs, with the real servers and workers."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from portal.cli.demo.photographs import CACHE, fetch
from portal.cli.demo.running import Installation, installation
from portal.cli.demo.staff import PASSWORD
from portal.cli.demo.stage import Stage, copy_stage, set_stage
from portal.cli.demo.story import Report, Story
from portal.errors import BadInput


@click.command()
@click.option("--photos", type=click.Path(path_type=Path), help="your own folder; it is copied, never touched")
@click.option("--selfie", type=click.Path(path_type=Path), help="a photograph of the person to look for")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), help="where the demo keeps its things")
@click.option("--report", type=click.Path(path_type=Path), default=Path("demo-report.json"), help="what was seen")
@click.option("--serve", is_flag=True, help="leave the portal open afterwards, with the accounts listed")
@click.option("--fetch-only", is_flag=True, help="only download and check the photographs")
def command(
    photos: Path | None, selfie: Path | None, folder: Path, report: Path, serve: bool, fetch_only: bool
) -> None:
    """Start the portal, act as each person over HTTP, and write down what was seen.

    Exit 0 only when everything was as it should be.
    """
    if (photos is None) != (selfie is None):
        raise BadInput("--photos and --selfie go together.")
    if fetch_only:
        fetch(CACHE)
        return
    console = Console(highlight=False)
    started = time.monotonic()
    stage = _stage(photos, selfie, folder)
    shutil.rmtree(folder / "data", ignore_errors=True)
    settings = {"EFFACE_COOLING_HOURS": "0", "EFFACE_ORGANISATION": "The demo organisation"}
    with installation(folder / "data", **settings) as house:
        seen = _play(house, stage, folder, console)
        seen.steps.insert(0, {"name": "photographs, stage and start", "seconds": _rest(seen, started)})
        report.write_text(json.dumps(seen.as_json(), indent=1) + "\n")
        _tell(console, seen, report, time.monotonic() - started)
        if serve:
            _leave_open(house, console)
    sys.exit(0 if seen.as_json()["ok"] else 1)


def _stage(photos: Path | None, selfie: Path | None, folder: Path) -> Stage:
    if photos is not None and selfie is not None:
        return copy_stage(photos, selfie, folder)
    return set_stage(fetch(CACHE), folder)


def _play(house: Installation, stage: Stage, folder: Path, console: Console) -> Report:
    columns = (TextColumn("  scan"), BarColumn(), TextColumn("{task.fields[seen]} seen, {task.fields[faces]} faces"))
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("scan", total=100, visible=False, seen="0", faces="0")

        def watch(look: dict[str, str]) -> None:
            running = look["state"] == "running"
            bars.update(bar, completed=int(look["percent"]), visible=running, seen=look["seen"], faces=look["faces"])
            if not running:
                bars.console.print(f"  {look['seen']} photographs, {look['faces']} faces, {look['stopped']} stopped")

        story = Story(house, stage, folder, bars.console.print, watch)
        try:
            return story.run()
        except Exception as problem:
            # The report must say how far it came, whatever went wrong.
            story.report.wrong.append(str(problem))
            return story.report


def _rest(seen: Report, started: float) -> float:
    played: float = sum(step["seconds"] for step in seen.steps)
    return round(time.monotonic() - started - played, 2)


def _tell(console: Console, seen: Report, report: Path, seconds: float) -> None:
    console.print(" ".join(f"{name}={count}" for name, count in seen.counts.items()), markup=False)
    for sentence in seen.wrong:
        console.print(f"WRONG: {sentence}", markup=False)
    ending = "All as it should be." if seen.as_json()["ok"] else "Not as it should be."
    console.print(f"{ending} {seconds:.0f} s. See {report}.")


def _leave_open(house: Installation, console: Console) -> None:
    console.print(f"The portal stays open at {house.address}. Ctrl-C ends it.")
    for name, roles in (("ada", "admin"), ("rita", "reviewer"), ("carl", "caseworker"), ("cleo", "caseworker")):
        console.print(f"  {name}@staff.example  {PASSWORD}  ({roles})")
    try:
        house.process.wait()
    except KeyboardInterrupt:
        console.print("Ending.")

"""`python -m tests.experiments NAME [--full] [--json FILE]`: what is promised, measured on the real thing.

Each prints its figures as JSON with `name, figure, target, ok` and the counts behind them, and fails where a promise is
not kept. Without `--full` it measures as much as fits into a minute or two. `all` runs every one, one after another,
and writes one table in Markdown.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tests.browser.chromium import what_is_missing as no_browser
from tests.experiments import (
    blind,
    buckets,
    copies,
    desk,
    gate,
    gate_faces,
    history,
    kill,
    order,
    order_kill,
    queue_loss,
    residue,
    restore,
    resume,
    review,
    syscalls,
    zombie,
)


@dataclass(frozen=True)
class Experiment:
    """What measures it, with how much for a small and a full run, and what says what this machine lacks for it."""

    measure: Callable[..., dict[str, Any]]
    small: dict[str, Any]
    full: dict[str, Any]
    missing: Callable[[], str] = str


# One line for each name. Every size is an option of the command, too.
EXPERIMENTS = {
    "kill": Experiment(kill.measure, {"kills": 5, "images": 20}, {"kills": 200, "images": 1000}),
    "syscalls": Experiment(syscalls.measure, {"points": 40}, {"points": 0}, syscalls.what_is_missing),
    "queue-loss": Experiment(queue_loss.measure, {"cases": 12, "points": 4}, {"cases": 200, "points": 20}),
    "resume": Experiment(resume.measure, {"kills": 2, "lanes": 2}, {"kills": 48, "lanes": 6}),
    "zombie": Experiment(zombie.measure, {"zombies": 2, "lanes": 1}, {"zombies": 50, "lanes": 5}),
    "residue": Experiment(residue.measure, {"markers": 50}, {"markers": 1000}),
    "gate": Experiment(gate.measure, {"files": 500, "photos": ""}, {"files": 100_000, "photos": ""}),
    "gate-faces": Experiment(gate_faces.measure, {"people": ""}, {"people": ""}),
    "restore": Experiment(restore.measure, {"erasures": 5}, {"erasures": 500}),
    "order": Experiment(order.measure, {"images": 3000, "grow": 0}, {"images": 3_000_000, "grow": 1}),
    "order-kill": Experiment(order_kill.measure, {"kills": 4, "images": 3000}, {"kills": 100, "images": 100_000}),
    "log": Experiment(
        history.measure, {"rewrites": 50, "mutations": 500}, {"rewrites": 1000, "mutations": 10_000}
    ),
    "versions": Experiment(buckets.measure_versions, {"keys": 20}, {"keys": 1000}),
    "copies": Experiment(copies.measure, {"photographs": 3}, {"photographs": 300}),
    "flaky-store": Experiment(buckets.measure_flaky, {"keys": 5, "share": 0.3}, {"keys": 100, "share": 0.3}),
    "blind": Experiment(blind.report, {"submissions": 400}, {"submissions": 4000}),
    "desk": Experiment(desk.report, {"cases": 20, "submissions": 400}, {"cases": 200, "submissions": 4000}, no_browser),
    "review": Experiment(review.report, {"waiting": 500, "looks": 20}, {"waiting": 10_000, "looks": 100}),
}  # fmt: skip


@click.group(help=__doc__)
def experiments() -> None:
    # There is no queue in some of them, and nobody needs to read that.
    logging.disable(logging.WARNING)
    click.get_current_context().call_on_close(lambda: logging.disable(logging.NOTSET))


def _command(name: str, one: Experiment) -> click.Command:
    def run(full: bool, file: Path | None, **given: Any) -> None:
        missing = one.missing()
        if missing:
            raise click.ClickException(missing)
        sizes = one.full if full else one.small
        facts = one.measure(**{**sizes, **{size: value for size, value in given.items() if value is not None}})
        click.echo(json.dumps(facts, indent=2))
        if file is not None:
            file.write_text(json.dumps(facts, indent=2) + "\n")
        if not facts["ok"]:
            raise SystemExit(1)

    options: list[click.Parameter] = [
        click.Option([f"--{size}"], type=type(value), help=f"{value}, and {one.full[size]} in full")
        for size, value in one.small.items()
    ]
    options.append(click.Option(["--full"], is_flag=True, help="Measure as much as the promise is about."))
    place = click.Path(dir_okay=False, path_type=Path)
    options.append(click.Option(["--json", "file"], type=place, help="Write the figures here, too."))
    said = (sys.modules[one.measure.__module__].__doc__ or "").partition("\n")[0]
    return click.Command(name, callback=run, params=options, help=said)


for each, experiment in EXPERIMENTS.items():
    experiments.add_command(_command(each, experiment))


@experiments.command("all")
@click.option("--full", is_flag=True, help="Measure as much as the promises are about: some hours.")
@click.option("--table", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here, too.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
def run_all(full: bool, table: Path | None, file: Path | None) -> None:
    """Run every experiment, each in a process of its own, and write one table."""
    every = [_facts(name, full) for name in EXPERIMENTS]
    rows = [_row(facts) for facts in every]
    lines = ["| experiment | figure | target | kept | seconds |", "| --- | --- | --- | --- | ---: |", *rows]
    click.echo("\n".join(lines))
    if table is not None:
        table.write_text("\n".join(lines) + "\n")
    if file is not None:
        file.write_text(json.dumps(every, indent=2) + "\n")
    if not all(facts["ok"] for facts in every):
        raise SystemExit(1)


def _facts(name: str, full: bool) -> dict[str, Any]:
    """What the experiment says, and the seconds it took; where it broke off, its last words as the figure."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facts.json"
        arguments = [name, "--json", str(file), *(["--full"] if full else [])]
        command = [sys.executable, "-m", "tests.experiments", *arguments]
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        broken = {"name": name, "figure": f"not measured: {said}", "target": "", "ok": False}
        facts: dict[str, Any] = json.loads(file.read_text()) if file.exists() else broken
    return {**facts, "seconds": round(time.monotonic() - begun)}


def _row(facts: dict[str, Any]) -> str:
    cells = [facts["name"], _plain(facts["figure"]), _plain(facts["target"]), "yes" if facts["ok"] else "no"]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} | {facts['seconds']} |"


def _plain(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    experiments()

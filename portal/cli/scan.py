"""`efface scan`: start scans, watch them, pause, resume and cancel them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from portal.cli.opening import opened
from portal.cli.showing import shown
from portal.db import Database
from portal.errors import Unavailable
from portal.stores import adding, scans
from portal.stores.scans import Wish
from portal.tables import Scan

POLL_SECONDS = 0.5
COUNTS = {
    "new": "new",
    "changed": "changed",
    "unchanged": "unchanged",
    "unreadable": "unreadable",
    "stopped": "stopped at the gate",
    "fallback": "with faces that only the second detector saw",
    "faceless": "without a face",
    "too_small": "with small faces only",
    "gone": "gone",
}


@click.group()
def command() -> None:
    """Scans: looking through a store once, for new and changed photographs."""


@command.command()
@click.argument("store")
@click.option("--retry", is_flag=True, help="Only what the last scan could not use.")
@click.option("--watch", is_flag=True, help="Show how far it is until it is over.")
@click.option("--despite", default="", help="Why it is read although its source has no ground. Goes into the log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def start(store: str, retry: bool, watch: bool, despite: str, as_json: bool) -> None:
    """Start a scan of STORE. The workers carry it out: `efface up` runs them."""
    begin = scans.retry_errors if retry else scans.start_scan
    with opened() as database:
        with database.writing() as session:
            scan_id = begin(session, adding.find_store(session, store), None, despite).id
        if watch:
            _watch(database, store, scan_id, bar=not as_json)
        elif not as_json:
            click.echo(f"Started. See how far it is with: efface scan status {store}")
        if as_json or watch:
            _print(_progress(database, scan_id), store, scan_id, as_json)


@command.command()
@click.argument("store", required=False)
@click.option("--watch", is_flag=True, help="Go on showing it until it is over.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each store.")
def status(store: str | None, watch: bool, as_json: bool) -> None:
    """How far the newest scan of STORE is, or of all stores."""
    with opened() as database:
        with database.reading() as session:
            known = [adding.find_store(session, store)] if store else adding.list_stores(session)
            found = [(one.name, scan.id) for one in known if (scan := scans.last_scan(session, one)) is not None]
        if store and not found:
            click.echo(f"{store} has not been scanned yet. Start with: efface scan start {store}")
        for name, scan_id in found:
            if watch:
                _watch(database, name, scan_id, bar=not as_json)
            _print(_progress(database, scan_id), name, scan_id, as_json)


@command.command()
@click.argument("store")
def pause(store: str) -> None:
    """Pause the scan of STORE. What it has seen is kept."""
    _ask(store, "pause", "The scan pauses.")


@command.command()
@click.argument("store")
def resume(store: str) -> None:
    """Go on with the scan of STORE where it stopped."""
    _ask(store, "resume", "The scan goes on.")


@command.command()
@click.argument("store")
def cancel(store: str) -> None:
    """End the scan of STORE. What it has seen is kept; nothing is called gone."""
    _ask(store, "cancel", "The scan ends.")


@command.command()
@click.argument("store")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def errors(store: str, as_csv: bool, as_json: bool) -> None:
    """List what the newest scan of STORE could not use, and why."""
    with opened() as database, database.reading() as session:
        scan = scans.need_scan(session, adding.find_store(session, store))
        if as_csv:
            click.echo(scans.errors_csv(session, scan), nl=False)
            return
        found = scans.errors_of(session, scan)
    if as_json:
        click.echo(json.dumps([{"key": one.key, "kind": one.kind, "sentence": one.sentence} for one in found]))
        return
    for one in found:
        click.echo(f"{shown(one.key)}  {one.kind}  {one.sentence}")


def _ask(store: str, wish: Wish, said: str) -> None:
    with opened() as database, database.writing() as session:
        scans.ask(session, scans.need_scan(session, adding.find_store(session, store)), wish)
    click.echo(said)


def _progress(database: Database, scan_id: str) -> scans.Progress:
    with database.reading() as session:
        return scans.progress(session.get_one(Scan, scan_id))


def _watch(database: Database, store: str, scan_id: str, bar: bool) -> None:
    """Wait until the scan is not running any more. Raises Unavailable when it waits for a person."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), disable=not bar) as shown_progress:
        task = shown_progress.add_task(store, total=None, text="waiting for a worker")
        while True:
            progress = _progress(database, scan_id)
            _update(shown_progress, task, progress)
            if progress.state != "running":
                return
            if progress.stuck:
                raise Unavailable(f"{progress.problem} When it is mended: efface scan resume {store}")
            time.sleep(POLL_SECONDS)


def _update(bar: Progress, task: TaskID, progress: scans.Progress) -> None:
    bar.update(task, total=progress.expected, completed=progress.seen, text=_line(progress))


def _line(progress: scans.Progress) -> str:
    """Such as `1,200 of 5,000 photographs, 24.1 a second, 1,311 faces, 2 min left, 3 truncated`."""
    of = f" of {progress.expected:,}" if progress.expected is not None else ""
    parts = [f"{progress.seen:,}{of} photographs"]
    if progress.per_second:
        parts.append(f"{progress.per_second:.1f} a second")
    parts.append(f"{progress.faces:,} faces")
    if progress.seconds_left is not None and progress.state == "running":
        parts.append(_left(progress.seconds_left))
    parts += [f"{count:,} {kind}" for kind, count in progress.errors.items()]
    if progress.problem:
        parts.append(f"trouble: {progress.problem}")
    return ", ".join(parts)


def _left(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def _print(progress: scans.Progress, store: str, scan_id: str, as_json: bool) -> None:
    if as_json:
        facts: dict[str, Any] = {"store": store, "scan": scan_id, **asdict(progress)}
        click.echo(json.dumps(facts))
        return
    click.echo(f"{store}: {progress.state}, {_line(progress)}")
    click.echo("  " + ", ".join(f"{getattr(progress, name):,} {said}" for name, said in COUNTS.items()))

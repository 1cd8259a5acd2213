"""`efface encoder`: add an encoder beside the built-in one, watch its gallery being filled, give up on it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cli.opening import opened
from portal.db import Database
from portal.errors import Conflict, Unavailable
from portal.matching import encoders
from portal.matching.encoder_settings import BadEncoder, read_settings
from portal.tables import Encoder, Reencoding, Template

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
POLL_SECONDS = 0.5


@click.group()
def command() -> None:
    """Encoders: what turns a face into a template."""


@command.command()
@click.argument("file", type=FILE)
@click.option("--settings", type=FILE, help="its TOML; without this, the file of the same name with .toml")
@click.option("--watch", is_flag=True, help="Show how far it is until its gallery is searched.")
def add(file: Path, settings: Path | None, watch: bool) -> None:
    """Add the network in FILE (ONNX). Its gallery is filled from the photographs that are held.

    Until that is done the old gallery is searched; then the new one, and the old templates are deleted.
    """
    beside = settings or file.with_suffix(".toml")
    try:
        read = read_settings(beside.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise BadEncoder(f"The settings {beside.name} cannot be read. Say where they are with --settings.") from problem
    with opened() as database:
        _try(file, beside)
        digest = encoders.put_file(database.config, file.read_bytes())
        try:
            with database.writing() as session:
                work_id = encoders.add(session, read, digest, None).id
        except Conflict:
            with database.reading() as session:
                encoders.forget_file(session, database.config, digest)
            raise
        click.echo(f"Added {read.name} {read.version}. Its gallery is being filled.")
        if watch:
            _watch(database, work_id)
        else:
            click.echo("See how far it is with: efface encoder list")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_encoders(as_json: bool) -> None:
    """All encoders, what becomes of their galleries, and how far the newest is."""
    with opened() as database, database.reading() as session:
        rows = [_facts(session, one) for one in session.scalars(select(Encoder).order_by(Encoder.id))]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        far = f", {row['seen']:,} of {row['expected'] or 0:,} photographs" if row["state"] == "coming" else ""
        missed = f", {row['missed']:,} not there any more" if row["missed"] else ""
        click.echo(f"{row['name']} {row['version']}: {row['state']}, {row['templates']:,} templates{far}{missed}")
    if not rows:
        click.echo("No faces were looked for yet. Scan a store first.")


@command.command()
def cancel() -> None:
    """Give up on the encoder that is coming. The gallery that is searched stays as it is."""
    with opened() as database, database.writing() as session:
        work = encoders.cancel(session)
        click.echo(f"Gave up on {work.encoder.name} {work.encoder.version}. Its templates are deleted.")


def _facts(session: Session, encoder: Encoder) -> dict[str, Any]:
    work = session.scalar(select(Reencoding).filter_by(encoder_id=encoder.id))
    return {
        "name": encoder.name,
        "version": encoder.version,
        "dimensions": encoder.dimensions,
        "metric": encoder.metric,
        "state": encoder.state,
        "templates": session.scalar(select(func.count()).where(Template.encoder_id == encoder.id)),
        "seen": work.seen if work else None,
        "expected": work.expected if work else None,
        "missed": work.missed if work else None,
        "problem": work.problem if work else None,
    }


def _try(file: Path, settings: Path) -> None:
    """Make the network once, in a process apart: this one loads none. Raises BadEncoder."""
    asked = [sys.executable, "-m", "workers.encoder.added", str(file), str(settings)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BadEncoder(said[-1] if said else f"The network {file.name} ends the process that reads it.")


def _watch(database: Database, work_id: str) -> None:
    """Wait until the gallery is filled. Raises Unavailable when it waits for a person."""
    with Progress(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True)) as bars:
        bar = bars.add_task("filling the gallery", total=None)
        while True:
            with database.reading() as session:
                work = session.get_one(Reencoding, work_id)
            bars.update(bar, total=work.expected, completed=work.seen)
            if work.state != "running":
                click.echo(f"{work.state}: {work.encoded:,} templates, {work.missed:,} photographs not there any more.")
                return
            if work.work_state == "failed":
                raise Unavailable(f"{work.problem} When it is mended, cancel it and add the encoder again.")
            time.sleep(POLL_SECONDS)

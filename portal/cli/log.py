"""`efface log`: check the tamper-evident log, prove an entry, show the signed head."""

from __future__ import annotations

import json
from pathlib import Path

import click

from portal import audit
from portal.audit import consistency as between
from portal.cli.opening import opened
from portal.errors import Conflict, NotFound
from portal.orders import heads

NOTHING_SIGNED = "The log is whole. None of its entries is signed yet: the clockwork does that in time."


@click.group()
def command() -> None:
    """The tamper-evident log."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as JSON.")
def check(as_json: bool) -> None:
    """Hash every entry again and compare with all signed heads. Exit 1 when something is wrong."""
    with opened() as database, database.reading() as session:
        problems = audit.fsck(session)
        newest = audit.newest_checkpoint(session)
    if as_json:
        click.echo(json.dumps({"problems": problems, "signed": newest.size if newest else 0}))
    elif problems:
        click.echo("\n".join(problems), err=True)
    else:
        size = newest.size if newest else 0
        click.echo(f"The log is whole. {size:,} of its entries are signed so far." if size else NOTHING_SIGNED)
    if problems:
        raise Conflict(f"The log is not whole: {len(problems)} things are wrong.", "log-broken")


@command.command()
@click.argument("position", type=click.IntRange(min=0))
def prove(position: int) -> None:
    """Print the proof that the entry at POSITION is in the log (C2SP tlog-proof)."""
    with opened() as database:
        with database.writing() as session:
            audit.publish(session)
        with database.reading() as session:
            click.echo(audit.prove(session, position), nl=False)


@command.command()
@click.argument("old", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def consistency(old: Path, new: Path) -> None:
    """Print the proof that the head in the certificate OLD is the beginning of the one in NEW."""
    with opened() as database, database.reading() as session:
        key = audit.verifier_key(session)
        sizes = sorted(heads.head_of(path.read_bytes(), key).size for path in (old, new))
        click.echo(between.prove(session, *sizes), nl=False)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def checkpoint(as_json: bool) -> None:
    """Print the newest signed head, signing a new one when there are new entries (C2SP tlog-checkpoint)."""
    with opened() as database:
        with database.writing() as session:
            audit.publish(session)
        with database.reading() as session:
            newest = audit.newest_checkpoint(session)
    if newest is None:
        raise NotFound("The log has no entries yet.")
    if as_json:
        click.echo(json.dumps({"size": newest.size, "root": newest.root.hex(), "note": newest.note}))
    else:
        click.echo(newest.note, nl=False)

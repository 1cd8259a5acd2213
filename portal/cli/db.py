"""`efface db`: the tables."""

from __future__ import annotations

import sys

import click

from portal import schema
from portal.cli.opening import opened


@click.group()
def command() -> None:
    """Make or change the tables."""


@command.command()
def upgrade() -> None:
    """Bring the tables to the newest shape. `efface up` does this, too."""
    with opened(check=False) as database:
        schema.upgrade(database)
    click.echo("The tables are up to date.")


@command.command()
def check() -> None:
    """Exit 0 when the tables are up to date, 1 when not."""
    with opened(check=False) as database:
        if not schema.is_current(database):
            click.echo("The tables are not up to date. Run: efface db upgrade", err=True)
            sys.exit(1)
    click.echo("The tables are up to date.")

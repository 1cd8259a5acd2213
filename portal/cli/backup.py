"""`efface backup`: a copy of the database, made while the portal goes on."""

from __future__ import annotations

from pathlib import Path

import click

from portal.backups import copies, waiting
from portal.cli.opening import opened
from portal.errors import Conflict


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make a copy of the database in a new folder below FOLDER.

    The keys are not in it, nor the log's copy beside the database: save the folders `keys` and `log` elsewhere.
    """
    with opened() as database:
        if waiting.is_waiting(database):
            raise Conflict(
                "The database is older than its log. Make a copy once `efface restore` is through.", "restoring"
            )
        copy = copies.save(database, folder)
        data = database.config.data
        days = database.config.backup_days
    click.echo(f"Copied into {copy.folder}")
    click.echo(
        f"It can be put back for {days} days, and only with the keys and the log beside it: "
        f"save {data / 'keys'} and {data / 'log'} elsewhere, too."
    )

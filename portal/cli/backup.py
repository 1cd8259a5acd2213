"""`efface backup`: a copy of the database, made while the portal goes on."""

from __future__ import annotations

from pathlib import Path

import click

from portal.backups import copies
from portal.cli.opening import opened


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make a copy of the database in a new folder below FOLDER.

    The keys are not in it, nor the log's copy beside the database: save the folders `keys` and `log` elsewhere.
    """
    with opened() as database:
        copy = copies.save(database, folder)
        data = database.config.data
        days = database.config.backup_days
    click.echo(f"Copied into {copy.folder}")
    click.echo(
        f"It can be put back for {days} days, and only with the keys and the log beside it: "
        f"save {data / 'keys'} and {data / 'log'} elsewhere, too."
    )

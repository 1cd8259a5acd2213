"""`efface restore-check`: try a copy out beside the installation. Neither it nor any store is touched."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from portal import schema
from portal.backups import copies, finishing
from portal.cli.opening import answering
from portal.cli.showing import show_report
from portal.config import Config, read_config
from portal.db import Database
from portal.errors import Conflict

BESIDE = ("keys", "log")


@click.command()
@click.argument("copy", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(copy: Path, as_json: bool) -> None:
    """See whether the copy in the folder COPY could be put back, and what would be erased again.

    Exit 0: all of it; 1: something would still be there; 2: this copy cannot be put back.
    """
    config = read_config()
    found = copies.read_copy(config, copy)
    with tempfile.TemporaryDirectory(prefix="efface-check-") as place, answering():
        report = _try(config, found, Path(place))
    show_report(report, as_json)
    if report.left:
        raise Conflict(f"{report.left} things that were erased are there again.", "not-gone")


def _try(config: Config, copy: copies.Copy, place: Path) -> finishing.Report:
    beside = replace(config, data=place)
    for name in BESIDE:
        if (config.data / name).is_dir():
            shutil.copytree(config.data / name, place / name)
    copies.put_back(beside, copy)
    with closing(Database(beside)) as database:
        schema.upgrade(database)
        return finishing.finish(database, in_stores=False)

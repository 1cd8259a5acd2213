"""`efface restore`: put a copy back. Nothing is served until what was erased since is erased again and checked."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from portal import schema
from portal.backups import copies, finishing
from portal.cli.opening import answering, make_data_folder
from portal.cli.showing import show_report
from portal.cli.up import alone
from portal.config import read_config
from portal.db import Database


@click.command()
@click.argument("copy", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--without-log", is_flag=True, help="The folder log is lost: what was erased since comes back.")
def command(copy: Path, as_json: bool, without_log: bool) -> None:
    """Put the copy in the folder COPY in the place of the database. The portal must not be running.

    What was added since the copy was made is lost, but for the log, the erasures and the orders: these are carried
    out again.
    """
    config = read_config()
    make_data_folder(config)
    with alone(config.data), answering():
        copies.put_back(config, copies.read_copy(config, copy))
        with closing(Database(config)) as database:
            schema.upgrade(database)
            report = finishing.finish(database, without_log=without_log)
    show_report(report, as_json)

"""`efface restore-check`: try a copy out beside the installation. Neither it nor any store is touched."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import click

from portal import schema
from portal.backups import copies, finishing
from portal.cli.opening import answering
from portal.cli.showing import show_report
from portal.config import Config, read_config
from portal.db import Database
from portal.errors import Conflict, Unavailable

BESIDE = ("keys", "log")
PREFIX, LOCK = "efface-check-", "held"


@click.command()
@click.argument("copy", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(copy: Path, as_json: bool) -> None:
    """See whether the copy in the folder COPY could be put back, and what would be erased again.

    Exit 0: all of it; 1: something would still be there; 2: this copy cannot be put back.
    """
    config = read_config()
    found = copies.read_copy(config, copy)
    with _place() as place, answering():
        report = _try(config, found, place)
    show_report(report, as_json)
    if report.left:
        raise Conflict(f"{report.left} things that were erased are there again.", "not-gone")


@contextmanager
def _place() -> Iterator[Path]:
    """A folder for a while. Keys and a database are in it, so those that killed tries left behind go first."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if left.lstat().st_uid != os.getuid():
            continue
        with suppress(OSError), (left / LOCK).open("r") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, (Path(folder) / LOCK).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(folder)
    except OSError as problem:
        raise Unavailable(
            f"The copy cannot be tried out in {tempfile.gettempdir()}: {problem}.", "no-room"
        ) from problem


def _copied(source: str, target: str) -> None:
    """The portal goes on meanwhile, and what it has just removed is not needed."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _try(config: Config, copy: copies.Copy, place: Path) -> finishing.Report:
    beside = replace(config, data=place)
    for name in BESIDE:
        if (config.data / name).is_dir():
            shutil.copytree(config.data / name, place / name, copy_function=_copied)
    copies.put_back(beside, copy)
    with closing(Database(beside)) as database:
        schema.upgrade(database)
        return finishing.finish(database, in_stores=False)

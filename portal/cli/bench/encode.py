"""`efface bench encode`: finding and encoding faces, against face_recognition itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from portal.errors import EffaceError

Result = dict[str, Any]


class NotMeasured(EffaceError):
    """The measuring process ended without figures."""

    code = "not-measured"


def measured(what: str, photos: Path, limit: int | None = None) -> Result:
    """The figures, from a process of their own: this one must not load the networks. Raises NotMeasured."""
    asked = [sys.executable, "-m", "workers.measuring", what, str(photos), *([str(limit)] if limit else [])]
    with Console(stderr=True).status("Measuring; nothing else should run meanwhile"):
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NotMeasured(said[-1] if said else "The measuring process ended without a word.")
    figures: Result = json.loads(done.stdout.splitlines()[-1])
    return figures


def show(figures: Result, json_file: Path | None) -> None:
    """Print the figures as a table, and write them where asked."""
    table = Table("", "")
    for key, value in figures.items():
        table.add_row(key, f"{value:,.4g}" if isinstance(value, float) else str(value))
    Console(highlight=False).print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
PHOTOS = click.option("--photos", type=FOLDER, required=True, help="a folder of photographs")
JSON = click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures there")


@click.command("encode")
@PHOTOS
@click.option("--limit", type=click.IntRange(1), help="so many of the photographs, evenly spread")
@JSON
def command(photos: Path, limit: int | None, json_file: Path | None) -> None:
    """Find and encode the faces of the same files as a scan does and as face_recognition does, 2 processes each."""
    show(measured("encode", photos, limit), json_file)

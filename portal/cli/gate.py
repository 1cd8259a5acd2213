"""`efface gate`: may these files come in?"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from portal import images
from portal.cli.opening import opened
from portal.errors import BadPicture, EffaceError
from portal.suppression import Gate

SHOW_PROGRESS = 20


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all that was found.")
def command(paths: tuple[Path, ...], as_json: bool) -> None:
    """Say which files may not come in, because people had them erased.

    PATHS are files and folders. Exit 0: all may come in. 1: at least one is stopped. 2: it is not known, because a
    file or the installation could not be read.
    """
    files, unreadable = _files(paths)
    gate = _gate()
    found: dict[str, list[str]] = {"stopped": [], "no_picture": [], "unreadable": unreadable}
    counts = Counter(checked=0)
    with images.Opener() as opener:
        for path in _with_progress(files):
            try:
                data = path.read_bytes()
            except OSError as problem:
                unreadable.append(_named(problem))
                continue
            counts["checked"] += 1
            near = _near_digest(opener, data)
            if near is None:
                found["no_picture"].append(str(path))
            if gate.stops(hashlib.sha256(data).digest(), near):
                found["stopped"].append(str(path))
    _report(found, counts["checked"], as_json)
    sys.exit(2 if unreadable else 1 if found["stopped"] else 0)


def _gate() -> Gate:
    """The gate of this installation. Without one nothing is known, which must not look like "stopped"."""
    try:
        with opened() as database, database.reading() as session:
            return Gate(session)
    except EffaceError as problem:
        click.echo(f"efface: {problem.sentence}", err=True)
        sys.exit(2)


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """All files below `paths` in order, and what is wrong with the paths that are none."""
    files: list[Path] = []
    unreadable: list[str] = []
    for path in paths:
        if path.is_dir():
            for folder, _, names in os.walk(path, onerror=lambda problem: unreadable.append(_named(problem))):
                files += sorted(Path(folder) / name for name in names)
        elif path.exists():
            files.append(path)
        else:
            unreadable.append(f"{path}: there is no such file")
    return files, unreadable


def _named(problem: OSError) -> str:
    return f"{problem.filename}: {problem.strerror}"


def _near_digest(opener: images.Opener, data: bytes) -> bytes | None:
    """None for what is no picture: it is compared by its exact bytes only."""
    try:
        return images.near_digest(opener.open(data).pixels)
    except BadPicture:
        return None


def _with_progress(files: list[Path]) -> Iterator[Path]:
    """A bar on stderr when there are many files, so that stdout stays clean."""
    console = Console(stderr=True)
    if len(files) < SHOW_PROGRESS or not console.is_terminal:
        yield from files
        return
    yield from track(files, "At the gate", console=console)


def _report(found: dict[str, list[str]], checked: int, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"checked": checked, **found}, ensure_ascii=False))
        return
    for path in found["stopped"]:
        click.echo(path)
    for path in found["no_picture"]:
        click.echo(f"not a picture, compared by its exact bytes only: {path}", err=True)
    for problem in found["unreadable"]:
        click.echo(f"could not be read: {problem}", err=True)
    click.echo(f"Files checked: {checked}. Stopped: {len(found['stopped'])}.", err=True)

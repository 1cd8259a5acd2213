"""`efface pairs`: photographs of which it is known whom they show, for reviewers to practise and be measured on."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from portal import audit
from portal.cli.demo.photographs import CACHE, fetch
from portal.cli.opening import opened
from portal.db import Database
from portal.errors import BadInput
from portal.matching import known, practice
from portal.matching.known import Shown
from portal.matching.labels import read_labels
from portal.tables.known import BASES

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
DEMO = "The demo's photographs: official and press portraits, NASA"
OF_DEMO = {
    "obama.jpg": "44",
    "obama2.jpg": "44",
    "obama3.jpg": "44",
    "obama_partial_face.jpg": "44",
    "obama_partial_face2.jpg": "44",
    "biden.jpg": "46",
    "collins.png": "astronaut",
}


@click.group()
def command() -> None:
    """Pairs with a known answer, for reviewers."""


@command.command()
@click.argument("folder", type=FOLDER)
@click.option("--labels", type=FILE, required=True, help="CSV with the columns path and person")
@click.option("--basis", type=click.Choice(BASES), required=True, help="Why they may be used for this.")
@click.option("--source", required=True, help="Where they come from; by this they are taken out again.")
@click.option("--most", type=click.IntRange(2, 5000), default=400, show_default=True, help="How many pairs.")
def add(folder: Path, labels: Path, basis: str, source: str, most: int) -> None:
    """Make pairs from a labelled folder. Use only photographs of people who agreed, or that anybody may use."""
    read_labels(folder, labels)
    with opened() as database:
        _add(database, folder, labels, basis, source, most)


@command.command()
@click.option(
    "--photos", type=click.Path(path_type=Path), default=CACHE, show_default=True, help="Where they are kept."
)
def demo(photos: Path) -> None:
    """Make pairs from the public-domain photographs of the demo. They are few, and not hard."""
    folder = fetch(photos)
    with tempfile.TemporaryDirectory(prefix="efface-") as place, opened() as database:
        labels = Path(place) / "labels.csv"
        with labels.open("w", newline="") as file:
            csv.writer(file).writerows([("path", "person"), *OF_DEMO.items()])
        _add(database, folder, labels, "public-domain", DEMO, 400)


@command.command()
@click.argument("source")
def remove(source: str) -> None:
    """Delete all photographs of a source. What reviewers answered about them stays: it shows nobody."""
    with opened() as database:
        with database.writing() as session:
            count = known.take_out(session, source)
            audit.append(session, "known-pairs-removed", {"photographs": count})
        database.forget_deleted_bytes()
    click.echo(f"{count} photographs are deleted.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """Say how many there are, from where, and whether new reviewers can be asked to practise."""
    with opened() as database, database.reading() as session:
        held, applies = known.stock(session), practice.gate_applies(session)
    if as_json:
        click.echo(json.dumps({"same": held.same, "different": held.different, "gate": applies}))
        return
    click.echo(f"{held.same} pairs of one person, {held.different} of two.")
    for source, basis, count in held.sources:
        click.echo(f"  {source} ({basis}): {count} photographs")
    if not applies:
        click.echo(f"Too few for the gate, which needs {practice.GATE}: answers of new reviewers count at once.")


def _add(database: Database, folder: Path, labels: Path, basis: str, source: str, most: int) -> None:
    photos, pairs = _made(folder, labels, most)
    if not pairs:
        raise BadInput(
            "No pair can be made: it takes photographs with one face in each, two of one person.", "no-pairs"
        )
    with database.writing() as session:
        new = known.add(session, photos, pairs, basis, source)
        audit.append(session, "known-pairs-added", {"pairs": new, "photographs": len(photos), "basis": basis})
    click.echo(f"{new} new pairs from {len(photos)} photographs with one face in each.")


def _made(folder: Path, labels: Path, most: int) -> tuple[list[Shown], list[tuple[int, int, bool]]]:
    """Photographs and pairs, made in a process of its own. The pictures lie in a file only this account can read."""
    with tempfile.TemporaryDirectory(prefix="efface-") as place:
        file = Path(place) / "pictures.npz"
        asked = [sys.executable, "-m", "workers.pairing", str(folder), str(labels), str(file), str(most)]
        with Console(stderr=True).status("Finding and comparing the faces of the folder"):
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise BadInput(said[-1] if said else "The process that compares ended without a word.", "no-pairs")
        made = json.loads(done.stdout.splitlines()[-1])
        with np.load(file) as kept:
            photos = [
                Shown(*(kept[f"{part}-{at}"].tobytes() for part in ("digest", "crop", "whole")))
                for at in range(made["photos"])
            ]
    return photos, [(one, other, same) for one, other, same in made["pairs"]]

"""`efface calibrate`: error rates of the encoder on the faces that are held, and the threshold that follows."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit
from portal.cli.opening import opened
from portal.cli.templates import templates_of
from portal.db import Database
from portal.errors import BadInput
from portal.matching import calibration, thresholds
from portal.matching.calibration import GRID, Curve, Rates
from portal.matching.labels import read_labels
from portal.matching.thresholds import Measured
from portal.stores import adding, seeing
from portal.tables import Calibration, Encoder, Template

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SHOWN = (0.40, 0.45, 0.50, 0.55, 0.60)


@click.command()
@click.option("--candidates", type=float, default=20.0, show_default=True, help="strangers a search may return")
@click.option("--store", "store_name", help="only this store; a labelled folder has the person as account")
@click.option("--folder", type=FOLDER, help="a labelled folder of photographs instead; it is not kept")
@click.option("--labels", type=FILE, help="its CSV, with path, person and columns that name groups")
@click.option("--json", "as_json", is_flag=True, help="print the curve as JSON")
def command(candidates: float, store_name: str | None, folder: Path | None, labels: Path | None, as_json: bool) -> None:
    """Measure how often the encoder errs on your own faces, and keep the threshold for so many candidates a case.

    Accounts come from manifests, or people from the labels of a folder. Searches use the threshold for the gallery as
    large as it then is; EFFACE_THRESHOLD stays the upper end. The worst group decides.
    """
    if (folder is None) != (labels is None) or (folder and store_name):
        raise BadInput("Give --folder and --labels together, or --store, or none of them.", "options-do-not-fit")
    with opened() as database:
        measured = (
            _measured_folder(database, folder, labels) if folder and labels else _measured_held(database, store_name)
        )
        with database.writing() as session:
            kept = thresholds.keep(session, measured, candidates)
            audit.append(session, "calibrated", {"calibration": kept.id, "threshold": kept.threshold})
        curve = measured.curve
    click.echo(json.dumps({"threshold": kept.threshold, **kept.curve}) if as_json else _in_words(kept, curve))


def _measured_held(database: Database, store_name: str | None) -> Measured:
    with database.reading() as session:
        store = adding.find_store(session, store_name) if store_name else None
        return thresholds.measure(session, encoder_in_use(session), store)


def _measured_folder(database: Database, folder: Path, labels: Path) -> Measured:
    """The faces of a labelled folder. The gallery's size stays that of what is held, or else the folder's."""
    said, arrays = templates_of(folder, labels)
    labelled = read_labels(folder, labels)
    seen: NDArray[np.bool_] = np.asarray(~np.isnan(arrays["ours"]).any(axis=1))
    chosen = [one for one, found in zip(labelled, seen, strict=True) if found]
    groups = thresholds.groups_of([one.attributes for one in chosen])
    people = [one.person for one in chosen]
    curve = calibration.measure(arrays["ours"][seen], people, groups, arrays["fallback"][seen])
    with database.writing() as session:
        encoder = seeing.encoder_id(session, said["name"], said["version"], arrays["ours"].shape[1])
        held = session.scalar(select(func.count()).where(Template.encoder_id == encoder)) or 0
    return Measured(encoder, held or int(seen.sum()), curve)


def encoder_in_use(session: Session) -> Encoder:
    """Of the encoders that are searched with, the one with the most templates. Raises BadInput when there is none."""
    held = select(Template.encoder_id).join(Encoder, Encoder.id == Template.encoder_id).where(Encoder.state == "live")
    counted = held.group_by(Template.encoder_id).order_by(func.count().desc()).limit(1)
    encoder = session.scalar(select(Encoder).where(Encoder.id.in_(counted)))
    if encoder is None:
        raise BadInput("There are no faces yet. Scan a store first.", "no-faces")
    return encoder


def _in_words(kept: Calibration, curve: Curve) -> str:
    lines = [_line(name, rates) for name, rates in curve.kinds().items()]
    lines += [_line("fallback", curve.fallback)] if curve.fallback else []
    head = f"{'group':<24} {'people':>7} {'mated':>8} {'non-mated':>11}   FNMR / FMR at " + "  ".join(map(str, SHOWN))
    ending = (
        f"Threshold {kept.threshold} for at most {kept.candidates:g} strangers a search in {kept.gallery_size} faces."
        if kept.threshold is not None
        else "Too few pairs to promise so few strangers. Searches use the best guess, at most EFFACE_THRESHOLD."
    )
    return "\n".join([head, *lines, f"{curve.odd_ones} faces were unlike their account and left out.", ending])


def _line(name: str, rates: Rates) -> str:
    cells = []
    for threshold in SHOWN:
        at = int(abs(GRID - threshold).argmin())
        cells.append(f"{rates.fnmr[at]:.3f}/{rates.fmr[at]:.1e}")
    return f"{name:<24} {rates.people:>7} {rates.mated:>8} {rates.non_mated:>11}   " + "  ".join(cells)

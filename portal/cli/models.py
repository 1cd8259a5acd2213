"""`efface models`: was a model trained again without what was erased?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from portal.cli.opening import opened
from portal.erasure import retraining
from portal.errors import Conflict
from portal.lineage import records
from portal.orders import absences


@click.group()
def command() -> None:
    """Training runs that were made without what was erased."""


@command.command()
@click.argument("name")
@click.argument("version")
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--run", required=True, help="The id of the new training run in its own system.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrained(name: str, version: str, manifest: Path, run: str, as_json: bool) -> None:
    """Go through the MANIFEST of a new run (CSV or .jsonl with a column sha256) and name what is still in it.

    Names of files alone prove nothing: a manifest without digests is refused.

    When nothing is, its root and a proof for each photograph of every open plan and order are kept as evidence. Exit 1:
    something that was erased is still in it.
    """
    with opened() as database:
        with database.reading() as session:
            model = records.find_model(session, name, version)
            found = retraining.check(session, manifest)
        if found:
            _tell_what_is_in_it(found, as_json)
            raise Conflict(f"{len(found)} lines are of photographs that were erased or opted out.", "still-in")
        with database.writing() as session:
            checked = retraining.record(session, model, run, manifest)
            absences.record(session, checked, manifest)
            said = {"root": checked.root, "photographs": checked.photographs, "run": run}
    if as_json:
        click.echo(json.dumps({"still_in": [], **said}))
    else:
        click.echo(f"None of {said['photographs']:,} photographs was erased or opted out. Root: {said['root']}")


def _tell_what_is_in_it(found: list[retraining.Found], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"still_in": [vars(one) for one in found]}))
    else:
        click.echo("\n".join(f"line {one.line}: {one.certificate}" for one in found))

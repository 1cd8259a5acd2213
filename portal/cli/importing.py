"""`efface lineage import`: take in what other systems know."""

from __future__ import annotations

import json
from pathlib import Path

import click

from portal.cli.opening import opened
from portal.lineage import importing
from portal.lineage.importing import Report
from portal.stores import adding

Named = tuple[str, str]


@click.command("import")
@click.argument("path", metavar="FILE|DIR", type=click.Path(path_type=Path))
@click.option("--format", "name", type=click.Choice(importing.FORMATS), help="Without it, the file itself tells.")
@click.option("--store", help="Only for a manifest: the store whose keys are in it.")
@click.option("--dataset", nargs=2, metavar="NAME VERSION", help="Only for a manifest: where its lines name none.")
@click.option("--despite", default="", help="Why it is written down without a ground. Goes into the log.")
@click.option("--dry-run", is_flag=True, help="Say what would be added, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    path: Path, name: str | None, store: str | None, dataset: Named | None, despite: str, dry_run: bool, as_json: bool
) -> None:
    """Take in a manifest, Croissant, MLflow, DVC or OpenLineage. Once more adds nothing."""
    with opened() as database:
        store_id = None
        if store:
            with database.reading() as session:
                store_id = adding.find_store(session, store).id
        name, report = importing.take(database, path, name, store_id, dataset, despite, dry_run)
    _print(report, name, dry_run, as_json)


def _print(report: Report, name: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"format": name, "dry_run": dry_run, **vars(report)}))
        return
    for what, counts in (("would be added" if dry_run else "added", report.added), ("known already", report.known)):
        listed = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing"
        click.echo(f"{name}: {listed} {what}.")
    for sentence in report.left_out:
        click.echo(f"  {sentence}")
    more = report.left_out_count - len(report.left_out)
    if more > 0:
        click.echo(f"  ... and {more:,} more that could not be matched.")

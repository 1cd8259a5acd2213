"""`efface store drift`: where stores and what is known of them differ."""

from __future__ import annotations

import json

import click

from portal.cli.opening import opened
from portal.cli.showing import shown
from portal.stores import adding, drift
from portal.tables import Store

WORDS = {
    "file-without-row": "file that no scan has seen",
    "row-without-file": "photograph that is known, and whose file is gone",
    "vector-without-row": "face whose photograph is gone",
    "row-without-vector": "face that no search can find",
}


@click.command("drift")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """What the last round through the store NAME, or all stores, found. Ends with 1 where something differs."""
    with opened() as database, database.reading() as session:
        store = adding.find_store(session, name) if name else None
        found = drift.findings(session, store.id if store else None)
        names = {one.store_id: session.get_one(Store, one.store_id).name for one in found}
    rows = [
        {"store": names[one.store_id], "kind": one.kind, "what": one.what, "since": str(one.first_at)} for one in found
    ]
    if as_json:
        click.echo(json.dumps(rows))
    for row in rows if not as_json else ():
        click.echo(f"{row['store']}  {WORDS[row['kind']]}: {shown(row['what'])}")
    if not rows and not as_json:
        click.echo("No differences were found.")
    if rows:
        raise click.exceptions.Exit(1)

"""`efface store`: add and test image stores, attach manifests."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cli import drift
from portal.cli.opening import opened
from portal.cli.showing import shown
from portal.errors import BadInput
from portal.lineage import records
from portal.stores import KINDS, Check, adding, manifests
from portal.stores.manifest_files import read_manifest
from portal.tables import Image, Store

# What the place of a store is called in its settings, where it is not a folder.
PLACES = {"sql": "url", "sql-files": "url", "s3": "bucket", "http-manifest": "manifest"}


@click.group()
def command() -> None:
    """Image stores."""


command.add_command(drift.command)


@command.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="The folder with the photographs.")
@click.option("--tar", type=click.Path(path_type=Path), help="A folder of .tar files, plain or WebDataset shards.")
@click.option("--parquet", type=click.Path(path_type=Path), help="A folder of .parquet files with columns of pictures.")
@click.option("--sql", help="URL of a database with pictures in a table: SQLite or PostgreSQL, without a password.")
@click.option("--sql-files", help="URL of a database as with --sql, with the paths of the pictures' files in a table.")
@click.option("--table", help="With --sql and --sql-files: the table, or schema.table.")
@click.option("--key", help="With --sql and --sql-files: the column with the key of each picture.")
@click.option("--image", help="With --sql: the column with the pictures.")
@click.option("--path", help="With --sql-files: the column with the paths.")
@click.option("--files", type=click.Path(path_type=Path), help="With --sql-files: the folder with the files.")
@click.option(
    "--erase",
    type=click.Choice(["empty", "row"]),
    help="With --sql and --sql-files: empty the column or delete the row.",
)
@click.option("--s3", help="A bucket of S3 or of a server that speaks as S3 does. Access keys: AWS_... or a profile.")
@click.option("--prefix", help="With --s3: only objects whose keys begin so, such as photos/.")
@click.option("--endpoint", help="With --s3: the server's address, such as https://s3.example.org; without, Amazon's.")
@click.option("--region", help="With --s3: the bucket's region, such as eu-central-1.")
@click.option(
    "--addressing", type=click.Choice(["auto", "path", "virtual"]), help="With --s3: where the bucket's name goes."
)
@click.option("--profile", help="With --s3: the profile in ~/.aws that has the access keys.")
@click.option(
    "--http-manifest",
    type=click.Path(path_type=Path),
    help="A .csv or .jsonl file with url and sha256 of pictures that somebody else holds (EFFACE_HOLDER_HOSTS).",
)
@click.option("--holder", help="With --http-manifest: the recipient who holds the pictures and is asked to erase.")
@click.option(
    "--copies",
    multiple=True,
    help="With --folder and --s3, any number: files made of one, as thumbs/{folder}/{stem}_*.jpg.",
)
@click.option("--may-erase", is_flag=True, help="Files may be deleted here when a deletion is approved.")
@click.option("--source", help="Name of the source the photographs came from.")
@click.option("--despite", default="", help="Why it is read although its source has no ground. Goes into the log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(
    name: str, may_erase: bool, source: str | None, holder: str | None, despite: str, as_json: bool, **asked: Any
) -> None:
    """Add a store and find out what may be done in it."""
    kind, settings = _kind_of(asked)
    with opened() as database:
        check = adding.try_out(database.config, name, kind, settings, may_erase)
        with database.writing() as session:
            source_id = records.find_source(session, source).id if source else None
            holder_id = records.find_recipient(session, holder).id if holder else None
            store = adding.add_store(session, name, kind, settings, may_erase, source_id, check, despite, holder_id)
    if as_json:
        click.echo(json.dumps({"id": store.id, "name": store.name, "check": asdict(check)}))
        return
    click.echo(f"Added {store.name}.")
    _print_check(check, may_erase)
    click.echo(f"Next: efface scan start {store.name} --watch")


@command.command("source")
@click.argument("store")
@click.argument("source")
def set_source(store: str, source: str) -> None:
    """Say that the photographs of STORE came from SOURCE."""
    with opened() as database, database.writing() as session:
        adding.set_source(session, adding.find_store(session, store), records.find_source(session, source))
    click.echo(f"Written down: {store} came from {source}.")


@command.command()
@click.argument("store")
@click.argument("reads", type=click.IntRange(0))
def pace(store: str, reads: int) -> None:
    """Let scans read at most READS photographs a second from STORE; 0: as many as they can."""
    with opened() as database, database.writing() as session:
        adding.set_pace(session, adding.find_store(session, store), reads or None)
    click.echo(f"{store} is read {f'{reads:,} times a second at most' if reads else 'as fast as it can be'}.")


def _kind_of(asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The one kind of store that was asked for, and its settings. Raises BadInput."""
    given = {name: value if isinstance(value, tuple) else str(value) for name, value in asked.items() if value}
    kinds = [kind for kind in KINDS if kind.replace("-", "_") in given]
    if len(kinds) != 1:
        raise BadInput(f"Say one kind of store: {' or '.join(f'--{kind}' for kind in KINDS)}.")
    place = given.pop(kinds[0].replace("-", "_"))
    if "files" in given:
        given["folder"] = given.pop("files")
    return kinds[0], {PLACES.get(kinds[0], "folder"): place, **given}


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(name: str, as_json: bool) -> None:
    """Try again what may be done in a store. Exit 1 when something that is needed is missing."""
    with opened() as database:
        with database.reading() as session:
            store = adding.find_store(session, name)
        check = adding.try_store(store)
        with database.writing() as session:
            adding.remember_check(adding.find_store(session, name), check)
    if as_json:
        click.echo(json.dumps(asdict(check)))
    else:
        _print_check(check, store.may_erase)
    if not (check.readable and check.listable and (check.erasable or not store.may_erase)):
        raise click.exceptions.Exit(1)


def _print_check(check: Check, may_erase: bool) -> None:
    for what, can in (("list", check.listable), ("read", check.readable), ("erase", check.erasable)):
        asked = what != "erase" or may_erase
        click.echo(f"  {what:6} {'yes' if can else 'NO' if asked else 'not allowed'}")
    for note in check.notes:
        click.echo(f"  {note}")
    if check.sample:
        click.echo(f"  For example: {', '.join(shown(key) for key in check.sample[:3])}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the stores."""
    with opened() as database, database.reading() as session:
        rows = [_row(session, store) for store in adding.list_stores(session)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        erasing = "may erase" if row["may_erase"] else "may not erase"
        click.echo(f"{row['name']}  {row['kind']}  {row['images']:,} photographs  {erasing}")
    if not rows:
        click.echo("No stores yet. Add one with: efface store add NAME --folder PATH")


def _row(session: Session, store: Store) -> dict[str, object]:
    live = select(func.count()).select_from(Image).where(Image.store_id == store.id, Image.state == "live")
    return {
        "id": store.id,
        "name": store.name,
        "kind": store.kind,
        "settings": store.settings,
        "may_erase": store.may_erase,
        "reads_per_second": store.reads_per_second,
        "images": session.scalar(live),
        "checked_at": store.checked_at.isoformat() if store.checked_at else None,
    }


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def manifest(name: str, file: Path, as_json: bool) -> None:
    """Attach a manifest: FILE says for each key whose account and which page a photograph came from."""
    lines = read_manifest(file.name, file.read_bytes())
    with opened() as database, database.writing() as session:
        attached = manifests.attach(session, adding.find_store(session, name), file.name, lines)
    if as_json:
        click.echo(json.dumps(asdict(attached)))
        return
    click.echo(f"{attached.rows:,} lines: {attached.new:,} new, {attached.changed:,} changed.")
    if attached.without_image:
        click.echo(f"{attached.without_image:,} of the keys have no photograph yet. Scan the store to find them.")

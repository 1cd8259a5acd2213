"""`efface lineage`: write down where photographs came from and went to, and trace them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import lineage
from portal.cli import importing
from portal.cli.opening import opened
from portal.errors import NotFound
from portal.lineage import Reached, members, outputs, records
from portal.lineage.outputs import About
from portal.stores import adding
from portal.tables import Image, StoredOutput
from portal.tables.lineage import CONSENTED, MAY_SHARE, OUTPUT_KINDS

Rule = Callable[[Session], Any]
Named = tuple[str, str]
DAY = click.DateTime(["%Y-%m-%d"])
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DESPITE = click.option("--despite", default="", help="Why it is written down without a ground. Goes into the log.")
MODEL = click.option("--model", nargs=2, metavar="NAME VERSION", required=True, help="The model and its version.")


@click.group()
def command() -> None:
    """Sources, datasets, models, products, recipients."""


command.add_command(importing.command)


@command.group()
def source() -> None:
    """Where collections came from."""


@command.group()
def dataset() -> None:
    """Named collections at a version."""


@command.group()
def model() -> None:
    """Models."""


@command.group("training-use")
def training_use() -> None:
    """Which model was trained on which dataset."""


@command.group()
def output() -> None:
    """What models said about people, where somebody kept it."""


@command.group()
def product() -> None:
    """What was built on a model."""


@command.group()
def recipient() -> None:
    """Who received something."""


@command.group()
def disclosure() -> None:
    """Who received which dataset or model."""


def _of_ground(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a source that may become known later than the source itself."""
    for option in (
        click.option("--consented", type=click.Choice(CONSENTED), help="Whether the people in them agreed."),
        click.option("--consent-scope", help="To which use they agreed."),
        click.option("--may-share", type=click.Choice(MAY_SHARE), help="Whether the giver had the right to share."),
        click.option("--right-to-share", help="Who had the right to share them, and why."),
        click.option("--interest", help="What the giver had in whoever took them, such as shares."),
    ):
        command = option(command)
    return command


@source.command("add")
@click.argument("name")
@click.option("--from-whom", required=True, help="Who gave the photographs.")
@click.option("--received-on", required=True, type=DAY)
@click.option("--terms", required=True, help="Under what terms.")
@click.option("--consent", required=True, help="What the people in them were asked, and what they said.")
@_of_ground
@JSON
def add_source(name: str, received_on: datetime, as_json: bool, **said: str | None) -> None:
    """Write down a source. Without a consent or a right to share, its photographs may not be used anew."""
    given: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
    _add(lambda session: records.add_source(session, name, received_on=received_on.date(), **given), as_json)


@source.command("change")
@click.argument("name")
@click.option("--from-whom")
@click.option("--terms")
@click.option("--consent")
@_of_ground
@JSON
def change_source(name: str, as_json: bool, **said: str | None) -> None:
    """Write down what became known of a source later, such as a consent that was found or taken back."""
    given = {field: value for field, value in said.items() if value is not None}
    _add(lambda session: records.change_source(session, records.find_source(session, name), **given), as_json)


@dataset.command("add")
@click.argument("name")
@click.argument("version")
@click.option("--created-on", required=True, type=DAY)
@click.option("--description", default="")
@JSON
def add_dataset(name: str, version: str, created_on: datetime, description: str, as_json: bool) -> None:
    """Write down a dataset."""
    _add(lambda session: records.add_dataset(session, name, version, created_on.date(), description), as_json)


@dataset.command("put")
@click.argument("name")
@click.argument("version")
@click.option("--store", required=True, help="Put all photographs of this store into the dataset.")
@DESPITE
@JSON
def put(name: str, version: str, store: str, despite: str, as_json: bool) -> None:
    """Say that a dataset contains the photographs of a store. Who opted out is kept out."""
    with opened() as database, database.writing() as session:
        done = members.put_in_dataset(
            session, records.find_dataset(session, name, version), adding.find_store(session, store), despite
        )
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        click.echo(f"{done.added:,} added, {done.already:,} were in it already, {done.kept_out:,} kept out.")


@model.command("add")
@click.argument("name")
@click.argument("version")
@click.option("--weights-digest", default="", help="SHA-256 of the weights.")
@click.option("--purpose", default="", help="What it is for.")
@JSON
def add_model(name: str, version: str, weights_digest: str, purpose: str, as_json: bool) -> None:
    """Write down a model."""
    _add(lambda session: records.add_model(session, name, version, weights_digest, purpose), as_json)


@training_use.command("add")
@MODEL
@click.option("--dataset", nargs=2, metavar="NAME VERSION", required=True, help="The dataset and its version.")
@click.option("--trained-on", required=True, type=DAY)
@click.option("--in-use-from", type=DAY)
@click.option("--in-use-to", type=DAY)
@click.option("--run", default="", help="Id of the training run in its own system.")
@DESPITE
@JSON
def add_training_use(
    model: Named,
    dataset: Named,
    trained_on: datetime,
    in_use_from: datetime | None,
    in_use_to: datetime | None,
    run: str,
    despite: str,
    as_json: bool,
) -> None:
    """Write down that a model was trained on a dataset."""
    _add(
        lambda session: records.add_training_use(
            session,
            records.find_model(session, *model),
            records.find_dataset(session, *dataset),
            trained_on.date(),
            in_use_from.date() if in_use_from else None,
            in_use_to.date() if in_use_to else None,
            run,
            despite,
        ),
        as_json,
    )


@output.command("add")
@MODEL
@click.option("--kind", required=True, type=click.Choice(OUTPUT_KINDS), help="What they tell about people.")
@click.option("--kept-at", required=True, help="Where they are kept.")
@click.option("--count", type=int, default=1, show_default=True, help="How many are kept.")
@click.option("--store", help="With --image or --account: the store it is in.")
@click.option("--image", "key", default="", help="Key of the photograph they are about, or")
@click.option("--account", default="", help="the account they are about (kept as a keyed digest only), or")
@click.option("--dataset", nargs=2, metavar="NAME VERSION", help="the dataset whose photographs they are about.")
@click.option("--made-on", type=DAY)
@JSON
def add_output(
    model: Named,
    kind: str,
    kept_at: str,
    count: int,
    store: str | None,
    key: str,
    account: str,
    dataset: Named | None,
    made_on: datetime | None,
    as_json: bool,
) -> None:
    """Write down that something a model said about people is kept."""

    def add(session: Session) -> StoredOutput:
        about = About(
            adding.find_store(session, store) if store else None,
            key,
            account,
            records.find_dataset(session, *dataset) if dataset else None,
        )
        found = records.find_model(session, *model)
        return outputs.add_output(session, found, kind, about, count, kept_at, made_on.date() if made_on else None)

    _add(add, as_json)


@product.command("add")
@click.argument("name")
@MODEL
@click.option("--description", default="")
@JSON
def add_product(name: str, model: Named, description: str, as_json: bool) -> None:
    """Write down a product."""
    _add(lambda session: records.add_product(session, name, records.find_model(session, *model), description), as_json)


@recipient.command("add")
@click.argument("name")
@click.option("--contact", required=True, help="How to reach them.")
@click.option("--country", default="")
@JSON
def add_recipient(name: str, contact: str, country: str, as_json: bool) -> None:
    """Write down a recipient."""
    _add(lambda session: records.add_recipient(session, name, contact, country), as_json)


@disclosure.command("add")
@click.option("--recipient", required=True, help="Name of the recipient.")
@click.option("--dataset", nargs=2, metavar="NAME VERSION", help="The dataset they received, or")
@click.option("--model", nargs=2, metavar="NAME VERSION", help="the model they received.")
@click.option("--on", "day", required=True, type=DAY)
@click.option("--basis", required=True, help="Contract, law or other ground.")
@DESPITE
@JSON
def add_disclosure(
    recipient: str,
    dataset: Named | None,
    model: Named | None,
    day: datetime,
    basis: str,
    despite: str,
    as_json: bool,
) -> None:
    """Write down that a recipient received a dataset or a model."""
    _add(
        lambda session: records.add_disclosure(
            session,
            records.find_recipient(session, recipient),
            records.find_dataset(session, *dataset) if dataset else None,
            records.find_model(session, *model) if model else None,
            day.date(),
            basis,
            despite,
        ),
        as_json,
    )


@command.command()
@click.option("--store", required=True, help="Name of the store.")
@click.option("--image", "keys", required=True, multiple=True, help="Key of a photograph. May be given again.")
@JSON
def trace(store: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Show everything that photographs came from and went to."""
    with opened() as database, database.reading() as session:
        found = lineage.trace(session, _image_ids(session, store, keys))
    if as_json:
        click.echo(json.dumps({**asdict(found), "spans": [asdict(span) for span in lineage.spans_of(found)]}))
        return
    lists: dict[str, list[Reached]] = vars(found)
    for name, reached in lists.items():
        click.echo(f"{name}: {len(reached)}")
        for one in reached:
            click.echo(f"  {one.via}")
    click.echo("from when to when:")
    for span in lineage.spans_of(found):
        click.echo(f"  {span.since} to {span.until or 'this day'}: {span.what} {span.name}")


def _image_ids(session: Session, store: str, keys: tuple[str, ...]) -> list[int]:
    store_id = adding.find_store(session, store).id
    images = session.scalars(select(Image).where(Image.store_id == store_id, Image.key.in_(keys))).all()
    for key in set(keys) - {image.key for image in images}:
        raise NotFound(f"No scan of {store} has seen a photograph called {key!r}.")
    return [image.id for image in images]


def _add(rule: Rule, as_json: bool) -> None:
    with opened() as database, database.writing() as session:
        row = rule(session)
    click.echo(json.dumps({"id": row.id}) if as_json else "Written down.")

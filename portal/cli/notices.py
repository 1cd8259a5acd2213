"""`efface notices`: what recipients were told and answered, how they are reached, and their signed receipts."""

from __future__ import annotations

import json
from pathlib import Path

import click
from sqlalchemy import select

from portal.cli.opening import opened
from portal.errors import BadInput
from portal.lineage import records
from portal.notices import answering, chasing, registering, wire, wording
from portal.orders import recipients
from portal.tables import Notice


@click.group()
def command() -> None:
    """What recipients were told, and what they answered."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_notices(as_json: bool) -> None:
    """All notices, oldest first."""
    with opened() as database, database.reading() as session:
        rows = session.scalars(select(Notice).order_by(Notice.made_at))
        found = [
            {
                "id": one.id,
                "recipient": one.recipient.name,
                "state": one.state,
                "result": one.result,
                "signed": one.signed,
                "photographs": one.photographs,
                "made_at": one.made_at.isoformat(timespec="seconds"),
                "tried": wording.all_sentences(one.facts),
            }
            for one in rows
        ]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in found:
        click.echo(f"{str(line['id'])[:8]}  {line['state']:<12}  {line['recipient']}")


@command.command()
@click.argument("recipient")
@click.option("--endpoint", default="", help="https address for signed notices; empty: none.")
@click.option("--key", default="", help="Public key with which they sign answers; empty: none.")
def reach(recipient: str, endpoint: str, key: str) -> None:
    """Write down how RECIPIENT is reached by machine."""
    with opened() as database, database.writing() as session:
        registering.register(session, records.find_recipient(session, recipient), endpoint, key, "command")
    click.echo(f"How to reach {recipient} is written down.")


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def receipt(file: Path) -> None:
    """Take in a signed answer: a receipt of `efface purge`, or what a recipient sent by mail."""
    try:
        with file.open("rb") as opening:
            text = opening.read(wire.LARGEST_ANSWER + 1).decode()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{file} is not a text that can be read.") from problem
    with opened() as database:
        with database.writing() as session:
            notices = answering.take_signed(session, text)
            lines = [f"{one.id[:8]}  {one.state:<12}  {one.recipient.name}" for one in notices]
        # It may have been the last answer that a certificate waited for: then seals were purged.
        database.forget_deleted_bytes()
    click.echo("\n".join(lines))


@command.command()
def look() -> None:
    """Ask now who else received one of the photographs, instead of once a day; remind whom it is time to remind."""
    with opened() as database, database.writing() as session:
        done = chasing.keep_up(session, look_now=True)
        orders = recipients.look_for_others(session, look_now=True)
        recipients.take_up(session)
    click.echo(f"{done['found']} notices made, {done['chased']} seen to.")
    if orders:
        click.echo(f"{orders} orders have somebody who was not told. A worker tells them.")

"""`efface order`: erase a source, a store, a dataset, accounts, or what is too old."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from portal import accounts
from portal.cli.opening import opened
from portal.db import Database
from portal.errors import NotAllowed, Unavailable
from portal.jobs import make_due
from portal.orders import absences, certificate, making, paper, people, planning
from portal.orders.outcomes import outcomes
from portal.orders.preview import preview
from portal.orders.progress import WORDS, progress
from portal.tables import Order
from portal.tables.orders import OATHS, ORDER_KINDS, SUPPRESSES

POLL_SECONDS = 0.5


@click.group()
def command() -> None:
    """Orders: a plan, two approvals, the erasing, and a sworn statement."""


@command.command()
@click.argument("kind", type=click.Choice(ORDER_KINDS))
@click.argument("target", default="")
@click.option("--reason", required=True, help="By whose order and on what ground. No names of people: it is public.")
@click.option("--signatory", required=True, help="Who signs the statement on paper.")
@click.option("--position", required=True, help="Their position.")
@click.option("--accounts", "names", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One a line.")
@click.option("--before", default="", help="For retention: taken or first seen before this day, as 2014-12-31.")
@click.option("--days", type=int, help="For retention: older than so many days.")
@click.option("--store", "stores", multiple=True, help="For retention: only in this store. May be given again.")
@click.option("--suppress", type=click.Choice(SUPPRESSES), default="near", show_default=True, help="Stopped after.")
@click.option("--oath", type=click.Choice(OATHS), default="statement", show_default=True, help="By which law.")
@click.option("--watch", is_flag=True, help="Show how far the plan is until it is made.")
def plan(names: Path | None, watch: bool, suppress: str, **given: Any) -> None:
    """Plan to erase TARGET: a source, a store or a dataset ("NAME VERSION"). Nothing is erased before two approvals."""
    listed = names.read_bytes() if names is not None else b""
    wish = making.Wish(accounts=listed, suppresses=suppress, **given)
    with opened() as database:
        with database.writing() as session:
            order_id = making.make(session, wish, None).id
        click.echo(f"Order {order_id[:8]}. Read its plan with: efface order show {order_id[:8]}")
        if watch:
            _watch(database, order_id)


@command.command("list")
def list_() -> None:
    """List the orders, the newest first."""
    with opened() as database, database.reading() as session:
        orders = making.newest_first(session)
        ended = outcomes(session, orders)
        for order in orders:
            end = "".join(f". {one.words}" for one in ended.get(order.id, [])[:1])
            click.echo(f"{order.id[:8]}  {making.title(session, order)}  {WORDS[order.state]}{end}")


@command.command()
@click.argument("order_id", metavar="ORDER")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(order_id: str, as_json: bool) -> None:
    """The plan of an order: what it holds, whom it reached, and the digest to approve."""
    with opened() as database, database.reading() as session:
        order = making.find(session, order_id)
        told = preview(session, order)
    if as_json:
        click.echo(json.dumps(asdict(told)))
        return
    click.echo(f"{told.title}\n{told.reason}\n{WORDS[told.state]}")
    for name, count in told.counts:
        click.echo(f"  {name}: {count:,}")
    for kind, name, how in told.reached:
        click.echo(f"  {kind} {name}. {how}")
    if told.digest:
        click.echo(f"Digest to approve: {told.digest}")


@command.command()
@click.argument("order_id", metavar="ORDER")
@click.option("--digest", required=True, help="The digest of the plan you have read.")
@click.option("--as", "email", required=True, help="Your email address. Your password and code are asked for.")
@click.password_option(confirmation_prompt=False)
@click.option("--code", prompt="Code of your authenticator", help="Six digits.")
def approve(order_id: str, digest: str, email: str, password: str, code: str) -> None:
    """Approve exactly the plan with this digest. Two people must, each by their own login."""
    with opened() as database:
        with database.writing() as session:
            account = accounts.sign_in(session, email, password, code)
        if account is None or "admin" not in account.roles:
            raise NotAllowed("This login is not right, or its account may not approve orders.", "not-signed-in")
        with database.writing() as session:
            order = making.find(session, order_id)
            making.approve(session, order, account.id, digest)
            state = order.state
    click.echo("Approved." if state == "cooling" else "Approved. A second person must approve it, too.")


@command.command()
@click.argument("order_id", metavar="ORDER")
def again(order_id: str) -> None:
    """Plan an order anew that has not begun. Its approvals are forgotten."""
    with opened() as database, database.writing() as session:
        order = making.find(session, order_id)
        planning.plan_again(session, order)
        make_due(session, order)
    click.echo("The plan is made anew.")


@command.command()
@click.argument("order_id", metavar="ORDER")
def pause(order_id: str) -> None:
    """Stop after the batch that is being erased. What is done stays done."""
    _do(order_id, making.pause, "The order pauses.")


@command.command()
@click.argument("order_id", metavar="ORDER")
def resume(order_id: str) -> None:
    """Go on where it stopped."""
    _do(order_id, making.resume, "The order goes on.")


@command.command()
@click.argument("order_id", metavar="ORDER")
def cancel(order_id: str) -> None:
    """End an order that has not begun."""
    _do(order_id, making.cancel, "The order is cancelled. Nothing was erased.")


@command.command()
@click.argument("order_id", metavar="ORDER")
@click.option("--watch", is_flag=True, help="Go on showing it until nothing moves any more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(order_id: str, watch: bool, as_json: bool) -> None:
    """How far an order is: photographs, how many a second, time left."""
    with opened() as database:
        with database.reading() as session:
            found = making.find(session, order_id).id
        if watch:
            _watch(database, found)
        with database.reading() as session:
            order = session.get_one(Order, found)
            told, waiting = progress(order), len(people.open_items(session, order))
    if as_json:
        click.echo(json.dumps({"order": found, **asdict(told), "unanswered": waiting}))
        return
    click.echo(_line(told))
    if waiting and told.state == "notifying":
        click.echo(f"{waiting} models, products and recipients have no answer yet.")


@command.command()
@click.argument("order_id", metavar="ORDER")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Write it here.")
@click.option("--pdf", is_flag=True, help="On paper, to be signed by hand.")
@click.option("--part", type=int, help="The photographs of one chunk, by its number from 0.")
@click.option("--photo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="About this file alone.")
@click.option("--run", default="", help="With --photo: that it is not in the manifest of this training run.")
def statement(order_id: str, out: Path, pdf: bool, part: int | None, photo: Path | None, run: str) -> None:
    """Write the sworn statement of an order. Anybody checks it with: efface certificate verify FILE --key KEY"""
    with opened() as database, database.writing() as session:
        order = making.find(session, order_id)
        found = certificate.of_order(session, order)
        if pdf:
            data = paper.as_pdf(*certificate.read(session, found), order.signatory)
        elif photo is not None and run:
            data = absences.proof_for(session, order, run, photo.read_bytes())
        elif photo is not None:
            data = certificate.part_with(session, found, photo.read_bytes())
        elif part is not None:
            data = certificate.part_of(session, found, part)
        else:
            data = certificate.file_of(session, found)
    # After the commit: a head that was not kept does not count.
    out.write_bytes(data)
    click.echo(f"Written to {out}.")


def _do(order_id: str, wish: Any, said: str) -> None:
    with opened() as database, database.writing() as session:
        wish(session, making.find(session, order_id))
    click.echo(said)


def _watch(database: Database, order_id: str) -> None:
    """Wait while something moves. Raises Unavailable when it waits for a person to mend something."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Order", total=None, text="waiting for a worker")
        while True:
            with database.reading() as session:
                order = session.get_one(Order, order_id)
                told, moving = progress(order), order.work_state in ("due", "leased")
            bar.update(task, total=told.of, completed=told.done, text=_line(told))
            if told.stuck:
                raise Unavailable(f"{told.problem} When it is mended: efface order resume {order_id[:8]}")
            if not moving:
                return
            time.sleep(POLL_SECONDS)


def _line(told: Any) -> str:
    of = f" of {told.of:,}" if told.of is not None else ""
    parts = [f"{WORDS[told.state]}{' (paused)' if told.paused else ''}: {told.done:,}{of} photographs"]
    if told.per_second:
        parts.append(f"{told.per_second:,.0f} a second")
    if told.seconds_left is not None:
        parts.append(f"{told.seconds_left / 60:.0f} min left")
    if told.problem:
        parts.append(f"trouble: {told.problem}")
    return ", ".join(parts)

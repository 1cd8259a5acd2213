"""Printing what comes from stores, and what was done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    # `efface purge` prints names, too, and must start without a database.
    from portal.backups.finishing import Report


def shown(text: str) -> str:
    """A key as it may be printed: a name of a file could hold signs that command a terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def show_report(report: Report, as_json: bool) -> None:
    """What was done to make a copy fit to serve."""
    if as_json:
        click.echo(json.dumps(vars(report)))
        return
    click.echo(f"{report.entries} lines of the log were put back.")
    orders = f" and {report.orders} orders" if report.orders else ""
    done = f"{report.erasures} erasures{orders} were carried out again"
    click.echo(f"{done}, {report.back} of them had been undone by the copy.")
    click.echo(f"{report.notices} notices to recipients and {report.feed_lines} lines of removal feeds were put back.")
    click.echo(f"{report.left} things are still there, {report.refused} are another photograph by now.")
    click.echo(f"{report.ended} requests had ended since, and have ended again.")
    click.echo(f"{report.forgotten} things that people had sent or had us forget were back, and are deleted again.")
    click.echo(f"{report.purged} rows of what people sent had had their time, and are deleted.")

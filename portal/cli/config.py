"""`efface config`: the settings."""

from __future__ import annotations

import json
import os
from dataclasses import fields

import click

from portal.config import Config, read_config


@click.group()
def command() -> None:
    """The settings."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def show(as_json: bool) -> None:
    """Every setting, its value and where the value comes from. Secrets are not shown."""
    rows = settings(read_config())
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']:<28} {row['value']!s:<28} ({row['from']})  {row['help']}")


def settings(config: Config) -> list[dict[str, str]]:
    rows = []
    for item in fields(Config):
        name = f"EFFACE_{item.name.upper()}"
        value = getattr(config, item.name)
        shown = "(set, not shown)" if item.metadata["secret"] and value else str(value)
        origin = "environment" if name in os.environ else "file" if f"{name}_FILE" in os.environ else "default"
        rows.append({"name": name, "value": shown, "from": origin, "help": item.metadata["help"]})
    return rows

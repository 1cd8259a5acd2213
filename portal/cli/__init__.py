"""The `efface` command: one module per group of subcommands."""

from __future__ import annotations

import importlib
import logging
import sys

import click

from portal.errors import BadInput, EffaceError, UnsafeConfig

# A group is loaded when it is called for: `efface certificate verify` needs no database and must start at once.
GROUPS = {
    "account": "staff logins",
    "backup": "copy the database while the portal goes on",
    "bench": "measure a part of the portal against what it is compared with",
    "calibrate": "choose the threshold from the faces that are held",
    "certificate": "verify a certificate",
    "config": "show the settings",
    "db": "make or change the tables",
    "demo": "run the main job end to end on real photographs",
    "encoder": "add a stronger encoder and fill its gallery",
    "feed": "what was taken out of a dataset, for holders of copies",
    "gate": "may these files come in?",
    "lineage": "sources, datasets, models, products, recipients",
    "log": "check the tamper-evident log",
    "notices": "what recipients were told, and what they answered",
    "models": "was a model trained again without what was erased?",
    "order": "erase a source, a store, a dataset, accounts, or what is too old",
    "pairs": "pairs with a known answer, for reviewers to practise and be measured on",
    "restore": "put a copy back, and erase again what was erased since",
    "restore-check": "try a copy out, beside the installation",
    "purge": "for holders of copies: erase what a removal feed names",
    "scan": "start and watch scans",
    "store": "add and test image stores",
    "up": "start the portal",
    "worker": "serve one queue, or be the clockwork",
}


class Groups(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(GROUPS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in GROUPS:
            return None
        command: click.Command = importlib.import_module(f"portal.cli.{name.replace('-', '_')}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(GROUPS.items()))


@click.group(cls=Groups)
@click.version_option(package_name="efface")
def efface() -> None:
    """Efface: people ask whether their photographs were used, and have them erased."""


def main() -> None:
    """Entry point. Exit 0: done; 1: it did not work; 2: the input or the settings are wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        # Without click's standalone mode an exit code asked for with `context.exit` comes back as the result.
        sys.exit(efface(standalone_mode=False))
    except click.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(2)
    except EffaceError as problem:
        click.echo(f"efface: {problem.sentence}", err=True)
        sys.exit(2 if isinstance(problem, BadInput | UnsafeConfig) else 1)

"""`efface bench`: measure a part of the portal against what it is compared with, in one run on one machine."""

from __future__ import annotations

import importlib

import click

# Each is loaded when it is called for: what one of them needs the others may lack.
BENCHES = {
    "encode": "finding and encoding faces against face_recognition",
    "encoder": "templates alone against dlib",
    "find": "photographs missed, against plain face_recognition at equal work",
    "lineage": "traces through many dataset versions against one read of the same bytes",
    "scan": "scans of a drawn store: the first, one that is killed and resumed, a second",
    "search": "one search of the gallery against one pass over its bytes",
}


class Benches(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(BENCHES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in BENCHES:
            return None
        command: click.Command = importlib.import_module(f"portal.cli.bench.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(BENCHES.items()))


@click.group(cls=Benches)
def command() -> None:
    """Measure a part of the portal against what it is compared with, in one run."""

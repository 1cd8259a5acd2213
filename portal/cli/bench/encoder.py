"""`efface bench encoder`: templates alone, against dlib on the same chips."""

from __future__ import annotations

from pathlib import Path

import click

from portal.cli.bench.encode import JSON, PHOTOS, measured, show


@click.command("encoder")
@PHOTOS
@JSON
def command(photos: Path, json_file: Path | None) -> None:
    """Encode the same cut-out faces with one thread each, and say how far the templates are apart."""
    show(measured("encoder", photos), json_file)

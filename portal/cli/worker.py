"""`efface worker QUEUE`."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.argument("queue")
def command(queue: str) -> None:
    """Serve one QUEUE, or be the clockwork or keeping.

    Queues: scanning, reencoding, probing, searching, erasing, packing, mailing.
    """
    # Workers load what the other commands never need, so they are a program of their own.
    os.execv(sys.executable, [sys.executable, "-m", "workers", queue])  # noqa: S606

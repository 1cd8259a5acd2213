"""`efface feed`: the removal feeds of datasets, for holders of copies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
from sqlalchemy.orm import Session

from portal.cli.opening import opened
from portal.errors import BadInput
from portal.notices import feeds, links
from portal.tables import Dataset, Feed


@click.group()
def command() -> None:
    """What was taken out of a dataset version, signed, for holders of copies."""


@command.command()
@click.argument("dataset", metavar="DATASET@VERSION")
@click.argument("path", type=click.Path(path_type=Path))
def write(dataset: str, path: Path) -> None:
    """Write the feed of DATASET@VERSION to a file, or into a folder that a web server can give out as it is."""
    name, _, version = dataset.rpartition("@")
    if not name or not version:
        raise BadInput("Name the dataset and its version with an @ between them, such as Faces@2014.")
    with opened() as database, database.reading() as session:
        feed = feeds.find(session, name, version)
        parts = _folder(session, feed) if path.is_dir() else _file(session, feed)
        for part, text in parts:
            _put(path / part if part else path, text)
        address = links.feed(session, session.get_one(Dataset, feed.dataset_id))
        click.echo(f"{feed.size:,} entries written to {path}. The portal gives the same out at {address}")


def _folder(session: Session, feed: Feed) -> Iterator[tuple[str, str]]:
    """The head goes last: whoever reads meanwhile finds at least the entries that their head speaks of."""
    for number, text in enumerate(feeds.pages(session, feed)):
        yield str(number), text
    yield "head", feed.note


def _file(session: Session, feed: Feed) -> Iterator[tuple[str, str]]:
    yield "", feed.note + "\n" + "".join(feeds.pages(session, feed))


def _put(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as problem:
        raise BadInput(f"{path} cannot be written: {problem.strerror}.") from problem

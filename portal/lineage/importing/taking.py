"""Taking a file in from its beginning to its end, for the command and for the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from portal.db import Database
from portal.lineage.importing import formats, places
from portal.lineage.importing.facts import Named
from portal.lineage.importing.writing import Report, write
from portal.tables import Store


def take(
    database: Database,
    path: Path,
    name: str | None = None,
    store_id: str | None = None,
    dataset: Named | None = None,
    despite: str = "",
    dry_run: bool = False,
) -> tuple[str, Report]:
    """Take in a file or folder, and say its format and what came of it. With `dry_run` nothing is written.

    `store_id` and `dataset` (name and version) are for manifests: whose keys they are, and where lines name none. A
    manifest is written by 20,000 lines, each lot at once: interrupted, it is given again. Of all else, all or nothing.
    Raises BadInput, TooLarge, NotFound, Conflict, NotAllowed.
    """
    name = name or formats.format_of(path)
    if name == formats.MANIFEST:
        return name, _take_manifest(database, path, store_id, dataset, despite, dry_run)
    # Reading may take long and needs no session: nobody waits for the write lock meanwhile.
    facts = formats.read(path, name)
    with _writing(database, dry_run) as session:
        return name, write(session, facts, despite)


def _take_manifest(
    database: Database, path: Path, store_id: str | None, dataset: Named | None, despite: str, dry_run: bool
) -> Report:
    """Checked to its end first, then written page by page."""
    with database.reading() as session:
        places.check(session, path, session.get(Store, store_id) if store_id else None, dataset, despite)
    report = Report()
    for page in places.pages(path, dataset):
        with _writing(database, dry_run) as session:
            places.write_page(session, report, session.get(Store, store_id) if store_id else None, page, despite)
    return report


@contextmanager
def _writing(database: Database, dry_run: bool) -> Iterator[Session]:
    with database.writing() as session:
        yield session
        if dry_run:
            session.rollback()

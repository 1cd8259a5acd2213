"""How long a large manifest takes, and how much memory: `python -m tests.lineage.large_manifest 300000 3000000`.

Each number of lines is done in a process of its own: a store with as many photographs, a manifest with a line for each,
taken in twice by the rules that `efface lineage import` follows. Prints a line for each step.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from sqlalchemy import insert

from portal import clock, schema
from portal.config import Config
from portal.db import Database
from portal.lineage import records
from portal.lineage.importing import Report, places
from portal.tables import Image, Store
from tests.matching.making import make_store

BATCH = 50_000
DATASET = ("faces", "1")


def measure(lines: int, folder: Path) -> None:
    database = Database(Config(data=folder))
    schema.upgrade(database)
    with database.writing() as session:
        store_id = make_store(session, name="okc").id
        records.add_dataset(session, *DATASET, date(2014, 5, 1))
    _fill(database, store_id, lines)
    manifest = folder / "places.csv"
    with manifest.open("w") as file:
        file.write("key\n")
        file.writelines(f"photos/{number:09}.jpg\n" for number in range(lines))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what in ("first", "second"):
        begun = time.monotonic()
        report = _take(database, manifest, store_id)
        took, peak = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(  # noqa: T201
            f"{lines:>9,} lines, {what} time: {took:.1f} s, {lines / took:,.0f} lines/s, "
            f"peak memory {peak / 1024:.0f} MiB ({before / 1024:.0f} before), "
            f"{report.added['places']:,} added, {report.known['places']:,} known",
            flush=True,
        )
    database.close()


def _fill(database: Database, store_id: str, lines: int) -> None:
    now = clock.now()
    seen = {"store_id": store_id, "state": "live", "coverage": "searched", "first_seen_at": now, "last_seen_at": now}
    for first in range(0, lines, BATCH):
        rows = [seen | {"key": f"photos/{number:09}.jpg"} for number in range(first, min(first + BATCH, lines))]
        with database.writing() as session:
            session.execute(insert(Image), rows)


def _take(database: Database, manifest: Path, store_id: str) -> Report:
    with database.reading() as session:
        places.check(session, manifest, session.get_one(Store, store_id), DATASET)
    report = Report()
    for page in places.pages(manifest, DATASET):
        with database.writing() as session:
            places.write_page(session, report, session.get_one(Store, store_id), page)
    return report


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        with tempfile.TemporaryDirectory() as name:
            measure(int(sys.argv[2]), Path(name))
    else:
        for asked in sys.argv[1:] or ["30000", "300000"]:
            subprocess.run([sys.executable, "-m", "tests.lineage.large_manifest", "--one", asked], check=True)

"""`efface bench scan`: the first scan of a drawn store, one that is killed half way and resumed, and a second scan."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from portal import clock, images, schema
from portal.cli.bench.encode import NotMeasured
from portal.config import Config
from portal.db import Database
from portal.errors import EffaceError
from portal.stores import adding, scans
from portal.tables import Scan

Result = dict[str, Any]
A_FOLDER = 1000
POLL_SECONDS = 0.05


class WrongCount(EffaceError):
    """A scan did not count what there is."""

    code = "wrong-count"


@click.command("scan")
@click.option("--images", "count", type=click.IntRange(100, 10_000_000), default=2000, show_default=True)
@click.option("--grow", is_flag=True, help="also with a tenth and a hundredth of the images")
@click.option("--size", type=click.IntRange(16, 4000), default=64, show_default=True, help="their longer side, in px")
@click.option("--distinct", type=click.IntRange(1), help="so many of them differ, the others are copies; all if none")
@click.option("--folder", type=click.Path(path_type=Path), help="where all lies meanwhile; a temporary one if none")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures there")
def command(
    count: int, grow: bool, size: int, distinct: int | None, folder: Path | None, json_file: Path | None
) -> None:
    """Scan drawn photographs without faces: the first time, killed half way and resumed, and again."""
    console = Console(highlight=False)
    results = []
    for number in [max(100, count // 100), max(100, count // 10), count] if grow else [count]:
        results.append(measure(number, size, distinct or number, folder, console))
        _show(console, results)
    if json_file is not None:
        json_file.write_text(json.dumps({**results[-1], "growth": results}, indent=1) + "\n")


def measure(count: int, size: int, distinct: int, folder: Path | None, console: Console) -> Result:
    """Seconds of each scan of one store, in which `distinct` photographs differ. Raises NotMeasured, WrongCount."""
    place = Path(tempfile.mkdtemp(prefix="efface-bench-", dir=folder))
    config = Config(data=place / "data")
    try:
        with console.status(f"Drawing {count:,} photographs"):
            _draw(place / "photographs", count, size, distinct)
        with console.status(f"Scanning {count:,} photographs"), closing(Database(config)) as database:
            schema.upgrade(database)
            with database.writing() as session:
                adding.add_store(session, "drawn", "folder", {"folder": str(place / "photographs")}, may_erase=False)
            return _measure(database, count)
    finally:
        shutil.rmtree(place)


def _measure(database: Database, count: int) -> Result:
    first = _scan_killed_half_way(database, count)
    second = _scan(database)
    if second.pop("unchanged") != count or first.pop("new") != count:
        raise WrongCount("A scan did not count each photograph once.")
    return {
        "images": count,
        **{f"first_{key}": value for key, value in first.items() if key != "machine"},
        "first_images_per_s": count / first["seconds"],
        "second_seconds": second["seconds"],
        "second_images_per_s": count / second["seconds"],
        **first["machine"],
    }


def _scan_killed_half_way(database: Database, count: int) -> Result:
    """One scan; its worker is killed when half is seen, and another goes on."""
    scan_id = _begin(database)
    worker = _worker(database, scan_id)
    seen = 0
    while seen < count // 2:
        try:
            worker.wait(POLL_SECONDS)
            raise NotMeasured("The scan was over before it could be killed half way. Take more images.")
        except subprocess.TimeoutExpired:
            seen = _row(database, scan_id).seen
    worker.kill()
    worker.wait()
    with database.writing() as session:
        # What the sweep would find some seconds later: the lease of a worker that is gone.
        session.get_one(Scan, scan_id).lease_until = clock.now()
    killed = _row(database, scan_id)
    said = _finish(database, scan_id)
    row = _row(database, scan_id)
    return {
        "seconds": row.working_seconds,
        "resumed_seconds": said.pop("seconds"),
        "seen_when_killed": killed.seen,
        "new": row.new,
        "encoded": row.encoded,
        "faceless": row.faceless,
        "machine": {key: value for key, value in said.items() if key != "result"},
    }


def _scan(database: Database) -> Result:
    scan_id = _begin(database)
    said = _finish(database, scan_id)
    return {"seconds": said["seconds"], "unchanged": _row(database, scan_id).unchanged}


def _begin(database: Database) -> str:
    with database.writing() as session:
        return scans.start_scan(session, adding.find_store(session, "drawn"), None).id


def _worker(database: Database, scan_id: str) -> subprocess.Popen[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("EFFACE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "workers.measuring", "scan", scan_id],
        env=environ | {"EFFACE_DATA": str(database.config.data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _finish(database: Database, scan_id: str) -> Result:
    said, _ = _worker(database, scan_id).communicate()
    figures: Result = json.loads(said.splitlines()[-1]) if said else {}
    if figures.get("result") != "worked":
        raise NotMeasured(f"The worker ended with {figures.get('result', 'nothing')}.")
    return figures


def _row(database: Database, scan_id: str) -> Scan:
    with database.reading() as session:
        return session.get_one(Scan, scan_id)


def _draw(folder: Path, count: int, size: int, distinct: int) -> None:
    """Grey patches, in folders of a thousand; the first `distinct` photographs differ, then they come again."""
    for number in range(count):
        random = np.random.default_rng(number % distinct)
        path = folder / f"{number // A_FOLDER:05}" / f"{number:08}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        patches = random.integers(60, 200, (4, 4, 1), np.uint8).repeat(size // 4, axis=1).repeat(size // 5, axis=0)
        path.write_bytes(images.to_jpeg(patches.repeat(3, axis=2), quality=80))


def _show(console: Console, results: list[Result]) -> None:
    table = Table("", *(f"{result['images']:,} images" for result in results))
    for key, value in results[-1].items():
        if isinstance(value, int | float):
            table.add_row(key, *(f"{result[key]:,.4g}" if isinstance(value, float) else f"{result[key]:,}"
                                 for result in results))  # fmt: skip
    console.print(table)

"""Does the gate stop what was erased, and nothing else? One run of `efface gate` over so many files.

A hundredth of the photographs is erased. Each of those comes again as it was and saved anew; all others are other
photographs. Drawn ones, or with `--photos DIR` those of a folder, each many times under other names.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from portal import images, schema
from portal.config import Config
from portal.db import Database
from portal.errors import BadPicture
from portal.suppression import suppress
from tests.fakes import draw_photograph
from tests.suppression.rows import an_erasure, put_image

DISTINCT = 2000
ERASED = 0.01
PIXELS = 96
# What is still the same photograph by its near digest (portal/images/nearness.py).
QUALITIES = (40, 60, 90)


def measure(files: int, photos: str = "") -> dict[str, Any]:
    """Figure: files that are stopped and were never erased; and erased ones that come through."""
    with tempfile.TemporaryDirectory(prefix="gate-") as place:
        folder, config = Path(place) / "in", Config(data=Path(place) / "data")
        found = [*_photographs(photos)]
        gone = max(1, round(len(found) * ERASED))
        _promise(config, found[:gone])
        wanted = {str(path) for path in _write(folder, found, gone, files)}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        stopped, checked = _ask(config, folder)
        seconds = time.monotonic() - begun
        memory = max(0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    counts = {
        "files": files,
        "checked": checked,
        "distinct": len(found),
        "erased": gone,
        "false_stops": len(stopped - wanted),
        "came_through": len(wanted - stopped),
        "seconds": round(seconds, 1),
        "files_per_s": round(checked / seconds, 1),
        "peak_memory_mib": memory // 1024,
        "processor_seconds": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime, 1),
    }
    figure = {"false_stops": counts["false_stops"], "came_through": counts["came_through"]}
    ok = not any(figure.values()) and checked == files
    return {"name": "gate", "figure": figure, "target": dict.fromkeys(figure, 0), "ok": ok, "counts": counts}


def _photographs(photos: str) -> Iterator[images.Pixels]:
    if not photos:
        yield from (draw_photograph(number % 24, size=(PIXELS, PIXELS), seed=number) for number in range(DISTINCT))
        return
    with images.Opener() as opener:
        for path in sorted(Path(photos).rglob("*")):
            try:
                if path.is_file():
                    yield opener.open(path.read_bytes()).pixels
            except BadPicture:
                continue


def _promise(config: Config, erased: list[images.Pixels]) -> None:
    with closing(Database(config)) as database:
        schema.upgrade(database)
        with database.writing() as session:
            erasure = an_erasure(session)
            for number, pixels in enumerate(erased):
                suppress(session, erasure.id, put_image(session, f"erased-{number}.jpg", pixels))


def _write(folder: Path, found: list[images.Pixels], gone: int, files: int) -> Iterator[Path]:
    """Write so many files. Yields those that the gate must stop: the erased ones as they were, and saved anew."""
    kept: dict[tuple[int, int], bytes] = {}
    for number in range(files):
        which, turn = number % len(found), number // len(found) % (len(QUALITIES) + 1)
        if (which, turn) not in kept:
            quality = 85 if turn == 0 else QUALITIES[turn - 1]
            kept[which, turn] = images.to_jpeg(found[which], quality=quality)
        path = folder / f"{number // 1000:04}" / f"{number:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kept[which, turn])
        if which < gone:
            yield path


def _ask(config: Config, folder: Path) -> tuple[set[str], int]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EFFACE_")}
    command = [sys.executable, "-m", "portal.cli", "gate", "--lines", str(folder)]
    environ |= {"EFFACE_DATA": str(config.data)}
    stopped, checked = set(), 0
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as asked:
        assert asked.stdout is not None
        for line in asked.stdout:
            answer = json.loads(line)
            checked += 1
            if answer["stopped"]:
                stopped.add(answer["path"])
    return stopped, checked

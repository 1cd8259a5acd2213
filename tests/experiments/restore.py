"""Does a restored copy serve anybody who was erased since? So many deletions are carried out after the copy was made.

Then the copy is put in the place of the database, as by hand, and the photographs in the place where they were. The
portal is started for real; at its first answer everything must be gone again. Before that the log is asked to sign
100 times: it must refuse each time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from portal import audit
from portal.backups import copies
from portal.config import Config
from portal.db import Database
from portal.errors import Conflict
from tests.experiments import erasing
from tests.experiments.erasing import Scene
from workers import carry_out

TRIES = 100


def measure(erasures: int) -> dict[str, Any]:
    """Figure: deletions that were carried out again before the first request was answered."""
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        scene = erasing.build(Path(folder), erasing.Size(erasures, cases=erasures))
        pictures = {path: path.read_bytes() for path in scene.folders[0].rglob("*.jpg")}
        with_copy = _erase_after_a_copy(scene, Path(folder) / "copies")
        for path, data in pictures.items():
            path.write_bytes(data)
        shutil.copyfile(with_copy / copies.DATABASE, scene.config.data / copies.DATABASE)
        refused = _refusals(scene.config)
        seconds = _first_answer(scene.config)
        back = sum(path.exists() for path in pictures)
        counts: dict[str, Any] = erasing.reckon(scene)
        with Database(scene.config).reading() as session:
            problems = audit.fsck(session)
    counts |= {"refused_to_sign": refused, "seconds_to_first_answer": seconds, "back_in_store": back}
    counts["problems_of_the_log"] = len(problems)
    done = erasures - back
    ok = done == erasures and refused == TRIES and not problems and erasing.is_well(counts)
    return {"name": "restore", "figure": done, "target": erasures, "ok": ok, "counts": counts}


def _erase_after_a_copy(scene: Scene, folder: Path) -> Path:
    database = Database(scene.config)
    copy = copies.save(database, folder)
    for erasure_id in erasing.approve_all(database):
        carry_out(database, "erasing", erasure_id)
    with database.writing() as session:
        audit.publish(session)
    database.forget_deleted_bytes()
    database.close()
    return copy.folder


def _refusals(config: Config) -> int:
    """How often, of so many tries, the log refuses to sign the older database."""
    database, refused = Database(config), 0
    for _ in range(TRIES):
        try:
            with database.writing() as session:
                audit.append(session, "test", {})
                audit.publish(session)
        except Conflict as problem:
            refused += problem.code == "log-forked"
    database.close()
    return refused


def _first_answer(config: Config) -> float:
    """Start the portal, and stop it right after its first page. Seconds from the start to that page."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EFFACE_")}
    environ |= {"EFFACE_DATA": str(config.data), "EFFACE_PORT": "0"}
    command = [sys.executable, "-m", "portal.cli", "up", "--with-parent"]
    begun = time.monotonic()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as portal:
        assert portal.stdout is not None
        said = "Efface is running at "
        address = next((line.removeprefix(said).strip() for line in portal.stdout if line.startswith(said)), "")
        if not address:
            raise RuntimeError(f"The portal did not start: see {config.data / 'logs'}.")
        with urlopen(address) as answer:
            seconds = time.monotonic() - begun
            assert answer.status == 200
        portal.terminate()
        portal.stdout.read()
    return round(seconds, 1)

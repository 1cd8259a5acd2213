"""`efface bench search`: searches of a drawn gallery, against one pass over the same bytes in the same run."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import delete

from portal.cli.bench.drawing import ENCODER, draw_templates, fill_apart
from portal.config import Config
from portal.db import Database
from portal.errors import EffaceError
from portal.matching import shared
from portal.matching.gallery import Gallery, load_gallery
from portal.matching.nearness import cores
from portal.tables import Face

THRESHOLD = 0.6
ROUNDS = 20
PROBES = 64
Result = dict[str, Any]
T = TypeVar("T")


class WrongAnswer(EffaceError):
    """The search and the plain formula do not find the same."""

    code = "wrong-answer"


@click.command()
@click.option("--faces", type=click.IntRange(1000, 100_000_000), default=300_000, show_default=True)
@click.option("--grow", is_flag=True, help="also with a tenth and a hundredth of the faces")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="where the tables lie meanwhile; a temporary one if none"
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures there")
def command(faces: int, grow: bool, folder: Path | None, json_file: Path | None) -> None:
    """Search a drawn gallery, and compare with one pass over its bytes, a plain NumPy loop, and faiss where it is."""
    console = Console(highlight=False)
    sizes = [faces // 100, faces // 10, faces] if grow else [faces]
    results = []
    for size in sizes:
        results.append(measure(size, folder, console))
        _show(console, results)
    if json_file is not None:
        growth = {"growth": results} if grow else {}
        json_file.write_text(json.dumps({**results[-1], **_machine(), **growth}, indent=1) + "\n")


def measure(faces: int, folder: Path | None, console: Console) -> Result:
    """All figures for one size of gallery, in seconds and bytes. Raises WrongAnswer."""
    data = Path(tempfile.mkdtemp(prefix="efface-bench-", dir=folder))
    config = Config(data=data)
    try:
        with console.status(f"Sealing {faces:,} drawn templates"):
            fill_apart(config, faces)
        _forget_cached_pages(data)
        with closing(Database(config)) as database:
            return _measure(database, faces, console)
    finally:
        shared.forget(config)
        shutil.rmtree(data)


def _measure(database: Database, faces: int, console: Console) -> Result:
    with Progress(console=console, transient=True) as bars:
        bar = bars.add_task(f"Unsealing {faces:,} templates", total=faces)
        cold, gallery = _timed(
            lambda: load_gallery(database, *ENCODER, lambda done, of: bars.update(bar, completed=done, total=of))
        )
    attach, other = _timed(lambda: load_gallery(database, *ENCODER))
    other.close()
    with closing(gallery):
        result: Result = {"faces": len(gallery), "raw_bytes": gallery.rows.vectors[:faces].size * 4}
        result |= _search(gallery) | {"cold_start_s": cold, "second_process_s": attach}
        result["rss_bytes"] = psutil.Process().memory_info().rss
        result |= _compare(gallery) | {"erased_s": _erase_one(database, gallery)}
    result["rss_to_raw"] = result["rss_bytes"] / result["raw_bytes"]
    return result


def _search(gallery: Gallery) -> Result:
    """Passes and searches by turns, so that whatever else the machine does meets both."""
    probes = probes_near(gallery, PROBES)
    passes, ones, many = [], [], []
    flat = np.array_split(gallery.rows.table.reshape(-1), cores())
    with ThreadPoolExecutor(cores()) as pool:
        for turn in range(ROUNDS):
            passes.append(_timed(lambda: list(pool.map(lambda part: np.dot(part, part), flat)))[0])
            ones.append(_timed(lambda at=turn: gallery.search(probes[at : at + 1], THRESHOLD))[0])  # type: ignore[misc]
            if turn % 4 == 0:
                many.append(_timed(lambda: gallery.search(probes, THRESHOLD))[0])
    one, one_pass = float(np.median(ones)), float(np.median(passes))
    return {
        "search_s_p50": one,
        "search_s_p95": float(np.percentile(ones, 95)),
        "pass_s": one_pass,
        "ratio_to_pass": one / one_pass,
        "search_64_s_p50": float(np.median(many)),
        "ratio_64_to_one": float(np.median(many)) / one,
    }


def probes_near(gallery: Gallery, count: int) -> NDArray[np.float32]:
    """Probes (count, d), each near a face that is in the gallery."""
    places = np.random.default_rng(7).integers(0, len(gallery), count)
    noise = draw_templates(count, seed=8) - draw_templates(count, seed=9)
    return gallery.rows.vectors[places] + noise * np.float32(0.25)


def _compare(gallery: Gallery) -> Result:
    """What other ways of searching take, and that they find the same."""
    probe = probes_near(gallery, 1)
    found = {face.face_id for face in gallery.search(probe, THRESHOLD)}
    seconds, plain = _timed(lambda: _plain(gallery, probe[0]))
    if set(plain) != found:
        raise WrongAnswer(f"The search found {len(found)} faces, the plain formula {len(plain)}.")
    result: Result = {"numpy_s": seconds, "found": len(found)}
    if importlib.util.find_spec("faiss"):
        index = importlib.import_module("faiss").IndexFlatL2(gallery.rows.dimensions)
        index.add(np.ascontiguousarray(gallery.rows.vectors))
        index.range_search(probe, THRESHOLD**2)
        result["faiss_s"] = _timed(lambda: index.range_search(probe, THRESHOLD**2))[0]
    return result


def _plain(gallery: Gallery, probe: NDArray[np.float32]) -> list[int]:
    """What anybody would write first. A drawn face has the id of its template."""
    found: list[int] = []
    vectors = gallery.rows.vectors
    for start in range(0, len(vectors), 65_536):
        distances = np.linalg.norm(vectors[start : start + 65_536] - probe, axis=1)
        found += gallery.rows.ids[start + np.flatnonzero(distances <= THRESHOLD)].tolist()
    return found


def _erase_one(database: Database, gallery: Gallery) -> float:
    """Seconds from the commit that deletes a template until its bytes are overwritten."""
    row = len(gallery) // 2
    with database.writing() as session:
        session.execute(delete(Face).where(Face.id == int(gallery.rows.ids[row])))
    seconds, _ = _timed(lambda: gallery.keep_up(thorough=True))
    if gallery.rows.vectors[row].any():
        raise WrongAnswer("A deleted template was not overwritten.")
    return seconds


def _timed(act: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def _forget_cached_pages(data: Path) -> None:
    """A start is cold only when the tables are read from the disk."""
    if hasattr(os, "posix_fadvise"):
        with (data / "efface.sqlite").open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _machine() -> Result:
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "shared_memory": shared.TMPFS.is_dir(),
    }


def _show(console: Console, results: list[Result]) -> None:
    table = Table("", *(f"{result['faces']:,} faces" for result in results))
    for key in results[-1]:
        table.add_row(key, *(f"{result[key]:,.4g}" if key.endswith("_s") or isinstance(result[key], float)
                             else f"{result[key]:,}" for result in results))  # fmt: skip
    console.print(table)

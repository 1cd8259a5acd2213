"""`efface bench lineage`: trace photographs through drawn dataset versions, against one read of the same bytes."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from portal import clock, lineage
from portal.config import Config
from portal.db import Database
from portal.errors import EffaceError
from portal.tables import (
    Base,
    Dataset,
    DatasetChunk,
    Disclosure,
    Image,
    Product,
    Recipient,
    Store,
    TrainedModel,
    TrainingUse,
)

Result = dict[str, Any]
T = TypeVar("T")
MADE = date(2014, 5, 1)
KINDS = ("random", "contiguous", "growing")
ROUNDS = 5
# Photographs whose tables stand beside the bitmaps: traces look up the stores of those they are about.
WRITTEN_DOWN = 100_000
CASE, ORDER = 200, 100_000


class WrongAnswer(EffaceError):
    """A trace says other than what was drawn."""

    code = "wrong-answer"


@click.command()
@click.option("--images", type=click.IntRange(1000, 100_000_000), default=300_000, show_default=True)
@click.option("--versions", type=click.IntRange(1, 10_000), default=10, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="where the tables lie meanwhile; a temporary one if none"
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the figures there")
def command(images: int, versions: int, folder: Path | None, json_file: Path | None) -> None:
    """Trace photographs through many versions of datasets that are drawn in three ways.

    `random`: half of all photographs, drawn anew for each version. `contiguous`: all of them. `growing`: each version
    has the photographs of the one before and as many more. Every version trains a model with a product, and goes to a
    recipient. What a trace takes is compared with reading all stored bytes of the bitmaps once.
    """
    console = Console(highlight=False)
    results = [_in_a_folder(kind, images, versions, folder, console) for kind in KINDS]
    _show(console, results)
    if json_file is not None:
        json_file.write_text(json.dumps({"images": images, "versions": versions, "kinds": results}, indent=1) + "\n")


def _in_a_folder(kind: str, images: int, versions: int, folder: Path | None, console: Console) -> Result:
    data = Path(tempfile.mkdtemp(prefix="efface-bench-", dir=folder))
    try:
        with closing(Database(Config(data=data))) as database, console.status(f"Drawing {kind} datasets"):
            Base.metadata.create_all(database.engine)
            return measure(database, kind, images, versions)
    finally:
        shutil.rmtree(data)


def measure(database: Database, kind: str, images: int, versions: int) -> Result:
    """All figures for one kind of dataset, in seconds and bytes. Raises WrongAnswer."""
    _write_images(database, min(images, WRITTEN_DOWN))
    drawn = [np.packbits(mask) for mask in draw(kind, images, versions)]
    put = sum(_timed(lambda at=at: _write_version(database, at, drawn[at]))[0] for at in range(versions))  # type: ignore[misc]
    with database.reading() as session:
        size, members = session.execute(_stored()).one()
    result: Result = {"kind": kind, "members": int(members), "stored_bytes": int(size)}
    result |= {"bytes_per_image_and_version": size / (images * versions), "bytes_per_member": size / members}
    result |= {"put_s": put, "file_bytes": _file_bytes(database)} | _trace(database, drawn, images)
    return result | _take_out(database, versions - 1, _ids(drawn[-1]))


def draw(kind: str, images: int, versions: int) -> Iterator[NDArray[np.bool_]]:
    """Of each version whether each image, by its id, is in it. There is no image 0."""
    generator = np.random.default_rng(14)
    for version in range(1, versions + 1):
        last = images * version // versions if kind == "growing" else images
        mask = np.arange(images + 1) <= last
        mask[0] = False
        yield mask & (generator.random(images + 1) < 0.5) if kind == "random" else mask


def _ids(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.flatnonzero(np.unpackbits(packed))


def _write_images(database: Database, images: int) -> None:
    now = clock.now()
    with database.writing() as session:
        session.add(Store(id="drawn", name="drawn", kind="folder", settings={}, created_at=now))
        session.flush()
        for start in range(1, images + 1, 10_000):
            rows = [
                {"id": at, "store_id": "drawn", "key": f"{at}.jpg", "first_seen_at": now, "last_seen_at": now}
                for at in range(start, min(start + 10_000, images + 1))
            ]
            session.execute(insert(Image), rows)


def _write_version(database: Database, at: int, packed: NDArray[np.uint8]) -> None:
    day = MADE + timedelta(days=at)
    with database.writing() as session:
        dataset = Dataset(id=f"d{at}", name="drawn", version=f"{at}", created_on=day)
        session.add_all([dataset, TrainedModel(id=f"m{at}", name="drawn", version=f"{at}")])
        session.add(Recipient(id=f"r{at}", name=f"Recipient {at}", contact="x"))
        session.flush()
        session.add(TrainingUse(model_id=f"m{at}", dataset_id=f"d{at}", trained_on=day, in_use_from=day))
        session.add(Product(name=f"Product {at}", model_id=f"m{at}"))
        session.add(Disclosure(recipient_id=f"r{at}", dataset_id=f"d{at}", disclosed_on=day, basis="drawn"))
        lineage.write_places(session, dataset, _ids(packed))


def _trace(database: Database, drawn: list[NDArray[np.uint8]], images: int) -> Result:
    """Traces and reads by turns, so that whatever else the machine does meets both. Medians.

    `_cpu_s` is what the processor worked for it, which is what a trace takes where nobody else works.
    """
    known = np.random.default_rng(15).permutation(min(images, WRITTEN_DOWN)) + 1
    spread = np.random.default_rng(16).choice(images, min(images, ORDER), replace=False) + 1
    figures: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        one = [int(known[turn])]
        _take_time(database, figures, "read", _read)
        for name, ids in (("trace_1", one), ("trace_200", spread[:CASE]), ("trace_100000", spread)):
            spans = _take_time(database, figures, name, lambda session, ids=ids: _spans(session, list(map(int, ids))))  # type: ignore[misc]
            if ids is one:
                _check(spans, drawn, one[0])
    result = {name: float(np.median(seconds)) for name, seconds in figures.items()}
    for name in ("trace_1", "trace_200", "trace_100000"):
        result[f"{name}_to_read"] = result[f"{name}_cpu_s"] / result["read_cpu_s"]
    return result


def _take_time(database: Database, figures: dict[str, list[float]], name: str, act: Callable[[Session], T]) -> T:
    with database.reading() as session:
        started, worked = time.perf_counter(), time.process_time()
        result = act(session)
        figures.setdefault(f"{name}_s", []).append(time.perf_counter() - started)
        figures.setdefault(f"{name}_cpu_s", []).append(time.process_time() - worked)
    return result


def _take_out(database: Database, newest: int, members: NDArray[np.int64]) -> Result:
    """One erasure of a thousand photographs from one version, the check by the other path, and the next version."""
    gone = np.random.default_rng(17).choice(members, min(1000, len(members)), replace=False).tolist()
    dataset = f"d{newest}"
    with database.writing() as session:
        seconds, taken = _timed(lambda: lineage.take_out(session, dataset, gone, clock.now(), "erasure/drawn"))
        settled, versions = _timed(lambda: lineage.settle_versions(session, "erasure/drawn", clock.now()))
        session.commit()
    with database.reading() as session:
        checked, left = _timed(lambda: lineage.count_in(session, dataset, gone))
    if taken != set(gone) or left or versions[0].left != len(members) - len(gone):
        raise WrongAnswer("What was taken out of a drawn dataset is in it still.")
    return {"take_out_1000_s": seconds, "count_1000_s": checked, "next_version_s": settled}


def _spans(session: Session, image_ids: list[int]) -> list[lineage.Span]:
    return lineage.spans_of(lineage.trace(session, image_ids))


def _check(spans: list[lineage.Span], drawn: list[NDArray[np.uint8]], image_id: int) -> None:
    there = {at for at, packed in enumerate(drawn) if packed[image_id // 8] & (128 >> image_id % 8)}
    for what, letter in (("dataset", "d"), ("model", "m"), ("recipient", "r")):
        if {span.id for span in spans if span.what == what} != {f"{letter}{at}" for at in there}:
            raise WrongAnswer(f"The trace of image {image_id} names other {what}s than were drawn.")


def _read(session: Session) -> int:
    """All stored bytes, once: the limit that a trace of everything is measured against."""
    return sum(len(members) for members in session.scalars(text("SELECT members FROM dataset_chunk")))


def _stored() -> Any:
    return select(func.sum(func.length(DatasetChunk.members)), func.sum(DatasetChunk.images))


def _file_bytes(database: Database) -> int:
    """What the bitmaps take in the file, with their keys, indexes and half-filled pages."""
    tables = "('dataset_chunk', 'sqlite_autoindex_dataset_chunk_1', 'ix_dataset_chunk_dataset_id')"
    with database.reading() as session:
        return int(session.scalar(text(f"SELECT sum(pgsize) FROM dbstat WHERE name IN {tables}")) or 0)  # noqa: S608


def _timed(act: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


def _show(console: Console, results: list[Result]) -> None:
    table = Table("", *(str(result["kind"]) for result in results))
    for key in list(results[0])[1:]:
        table.add_row(
            key,
            *(f"{result[key]:,.4g}" if isinstance(result[key], float) else f"{result[key]:,}" for result in results),
        )
    console.print(table)

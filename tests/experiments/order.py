"""An order over a synthetic store: how fast photographs are erased, and how time, memory and database grow.

The photographs are real, tiny and all different: tar shards of a thousand, and one in ten a loose file. They are
written into the database as a scan would leave them, with a face, a template and a manifest's line each. The plan and
the carrying out run in processes of their own, by the workers' code; the statement is checked in another one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image as Picture
from sqlalchemy import func, insert, select

from portal import audit, clock, lineage, schema
from portal.config import Config
from portal.db import Database
from portal.orders import certificate, making
from portal.stores.seeing import encoder_id
from portal.tables import Dataset, Face, Image, ManifestEntry, Order, OrderCertificate, OrderChunk, Store, Template
from tests.matching.making import make_account

IN_SHARD = 1000
BATCH = 10_000
# As many bytes as a sealed template of 128 numbers has.
TEMPLATE = os.urandom(541)
# The worker's own code. Prints what it said, seconds by the clock and of the processor, its peak of memory in KB.
WORKER = """
import resource, sys, time
from pathlib import Path
import workers
from portal.config import Config
from portal.db import Database
database = Database(Config(data=Path(sys.argv[1]), cooling_hours=0, redis_url="unix:///nowhere.sock"))
started, busy = time.monotonic(), time.process_time()
said = workers.carry_out(database, "ordering", sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(said, time.monotonic() - started, time.process_time() - busy, peak)
"""


def measure(images: int, grow: int = 0) -> dict[str, Any]:
    """Figure: photographs erased and seen to be gone in a second, over an order of `images`. Counts say the rest.

    With `grow` also a hundredth and a tenth of them, to show how time, memory and database grow.
    """
    sizes = [images // 100, images // 10, images] if grow else [images]
    grown = [_measure_in_folder(size) for size in sizes]
    rate = images / grown[-1]["seconds"]
    # How fast is told. That all is gone and the statement genuine is what must hold on any machine.
    ok = all(facts["left_in_stores"] == facts["rows_left"] == 0 and facts["certificate"] == "full" for facts in grown)
    figure = {"name": "order", "figure": f"{rate:,.0f} a second", "target": "nothing left; 2,000 a second", "ok": ok}
    return {**figure, "counts": {**grown[-1], **({"grown": grown} if grow else {})}}


def _measure_in_folder(images: int) -> dict[str, Any]:
    place = Path(tempfile.mkdtemp(prefix="efface-order-"))
    try:
        return {"images": images, **_measure(place, images)}
    finally:
        shutil.rmtree(place)


def _measure(place: Path, images: int) -> dict[str, Any]:
    database = Database(Config(data=place / "data", cooling_hours=0, redis_url="unix:///nowhere.sock"))
    schema.upgrade(database)
    started = time.monotonic()
    fill(database, place, images)
    filled = time.monotonic()
    order_id, people = make_order(database)
    size = _size(place)
    plan = _worker(place, order_id)
    with database.writing() as session:
        order = session.get_one(Order, order_id)
        for person in people:
            making.approve(session, order, person, order.plan_digest or "")
    erased = _worker(place, order_id)
    facts = {"filled_s": filled - started, "database_before_mb": size, **_found(database, place, order_id, images)}
    facts |= {f"plan_{name}": value for name, value in plan.items()} | erased
    facts |= _checked(database, place, order_id)
    facts["database_mb"] = _size(place)
    facts["per_processor_s"] = images / erased["processor_s"]
    database.close()
    return facts


def make_order(database: Database) -> tuple[str, tuple[str, str]]:
    with database.writing() as session:
        people = make_account(session, "one"), make_account(session, "two")
        source_wish = making.Wish("dataset", "An experiment", "Nobody", "Nobody", target="all 1")
        return making.make(session, source_wish, people[0]).id, people


def _worker(place: Path, order_id: str) -> dict[str, float]:
    command = [sys.executable, "-c", WORKER, str(place / "data"), order_id]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said, seconds, busy, peak = done.stdout.split()
    if said != "worked":
        raise RuntimeError(f"the worker said {said}: {done.stderr[-2000:]}")
    return {"seconds": float(seconds), "processor_s": float(busy), "peak_mb": int(peak) / 1024}


def _found(database: Database, place: Path, order_id: str, images: int) -> dict[str, Any]:
    """What is left, read past the connectors, and how long each phase took."""
    with database.reading() as session:
        order = session.get_one(Order, order_id)
        rows = select(func.count()).select_from(Image).where(Image.state != "erased")
        left = sum(
            session.scalar(select(func.count()).select_from(one)) or 0 for one in (Face, Template, ManifestEntry)
        )
        last = select(func.max(OrderChunk.done_at), func.max(OrderChunk.checked_at)).filter_by(order_id=order_id)
        done, checked = session.execute(last).one()
        if order.started_at is None or done is None or checked is None or order.images != images:
            raise RuntimeError("the order did not run, or not over all photographs")
        return {
            "state": order.state,
            "rows_left": (session.scalar(rows) or 0) + left,
            "left_in_stores": left_in_stores(place),
            "erasing_per_s": images / max((done - order.started_at).total_seconds(), 1e-3),
            "checking_per_s": images / max((checked - done).total_seconds(), 1e-3),
        }


def _checked(database: Database, place: Path, order_id: str) -> dict[str, Any]:
    """Check the statement in a process that has nothing but the file and the key."""
    with database.writing() as session:
        found = certificate.of_order(session, session.get_one(Order, order_id))
        file = certificate.file_of(session, found)
        key = audit.verifier_key(session)
    (place / "statement.json").write_bytes(file)
    command = [sys.executable, "-m", "portal.cli", "certificate", "verify", str(place / "statement.json"), "--key", key]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "EFFACE_DATA": "/nowhere"})
    with database.reading() as session:
        kind = session.scalars(select(OrderCertificate.kind)).one()
    return {"certificate": kind, "certificate_kb": len(file) / 1024, "verify_s": time.monotonic() - started}


def fill(database: Database, place: Path, images: int) -> None:
    with database.writing() as session:
        stores = {
            name: Store(
                name=name, kind=kind, settings={"folder": str(place / name)}, may_erase=True, created_at=clock.now()
            )
            for name, kind in (("loose", "folder"), ("shards", "tar"))
        }
        dataset = Dataset(name="all", version="1", created_on=date(2014, 1, 1))
        session.add_all([*stores.values(), dataset])
        session.flush()
        encoder = encoder_id(session, "drawn", "1", 128)
        ids = {name: store.id for name, store in stores.items()}
    loose = images // 10
    made = {"loose": _loose(place / "loose", loose), "shards": _shards(place / "shards", loose, images)}
    for name, photographs in made.items():
        while some := list(islice(photographs, BATCH)):
            _register(database, dataset.id, ids[name], encoder, some)


def _register(
    database: Database, dataset_id: str, store: str, encoder: int, photographs: list[tuple[str, bytes]]
) -> None:
    now = clock.now()
    rows = [
        {
            "store_id": store, "key": key, "state": "live", "coverage": "searched", "digest": digest,
            "near_digest": digest, "size": 700, "width": 16, "height": 16, "encoder_id": encoder, "version": "1",
            "first_seen_at": now, "last_seen_at": now,
        }
        for key, digest in photographs
    ]  # fmt: skip
    with database.writing() as session:
        first = (session.scalar(select(func.max(Image.id))) or 0) + 1
        ids = range(first, first + len(rows))
        session.execute(insert(Image), [{"id": one, **row} for one, row in zip(ids, rows, strict=True)])
        box = {"left": 1, "top": 1, "right": 9, "bottom": 9, "fallback": False}
        session.execute(insert(Face), [{"id": one, "image_id": one, **box} for one in ids])
        session.execute(insert(Template), [{"face_id": one, "encoder_id": encoder, "sealed": TEMPLATE} for one in ids])
        lines = [
            {"store_id": store, "key": key, "account": f"account {one // 3}", "attributes": {"age": 30}}
            for one, (key, _) in zip(ids, photographs, strict=True)
        ]
        session.execute(insert(ManifestEntry), lines)
        lineage.write_places(session, session.get_one(Dataset, dataset_id), ids)


def _loose(root: Path, count: int) -> Iterator[tuple[str, bytes]]:
    root.mkdir()
    for number in range(count):
        folder, name = f"{number // 1000:05}", f"{number:08}.jpg"
        if number % 1000 == 0:
            (root / folder).mkdir()
        data = photograph(number)
        (root / folder / name).write_bytes(data)
        yield f"{folder}/{name}", hashlib.sha256(data).digest()


def _shards(root: Path, first: int, last: int) -> Iterator[tuple[str, bytes]]:
    root.mkdir()
    for start in range(first, last, IN_SHARD):
        shard = f"{start // IN_SHARD:06}.tar"
        with tarfile.open(root / shard, "w", format=tarfile.USTAR_FORMAT) as archive:
            for number in range(start, min(start + IN_SHARD, last)):
                info, data = tarfile.TarInfo(f"{number:08}.jpg"), photograph(number)
                info.size = len(data)
                archive.addfile(info, BytesIO(data))
                yield f"{shard}/{info.name}", hashlib.sha256(data).digest()


def photograph(number: int) -> bytes:
    """A real JPEG of 16 x 16 pixels. A comment makes each another file without drawing each anew."""
    base = _drawn(number % 64)
    comment = b"%020d" % number
    return base[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + base[2:]


_pictures: dict[int, bytes] = {}


def _drawn(number: int) -> bytes:
    if number not in _pictures:
        with BytesIO() as file:
            Picture.new("RGB", (16, 16), (number * 4, 255 - number * 3, number)).save(file, "JPEG", quality=40)
            _pictures[number] = file.getvalue()
    return _pictures[number]


def left_in_stores(place: Path) -> int:
    """How many photographs lie in the stores now, read past the connectors."""
    return sum(1 for name in ("loose", "shards") for _ in _objects(place / name))


def _objects(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix == ".tar":
            with tarfile.open(path) as archive:
                yield from archive.getnames()
        elif path.is_file():
            yield str(path)


def _size(place: Path) -> float:
    """Megabytes of the database with its write-ahead log."""
    return sum(path.stat().st_size for path in (place / "data").glob("efface.sqlite*")) / 1024**2

"""Are all copies of a photograph found: by pattern, by bytes, by look, in every kind of store; and the rest declared?

Ten kinds are planted for each photograph, in four stores that are then scanned. Who confirms a copy that was named is
taken to say yes; all else is the product's own: the scan, the plan, the approval, the erasing worker, the certificate.
What is there afterwards is looked for in the files themselves. A backup can only be declared.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import workers
from portal import clock, images, schema
from portal.config import Config
from portal.db import Database
from portal.erasure import plans
from portal.matching import likeness
from portal.stores import adding, scans
from portal.tables import Candidate, Case, Certificate, Erasure, Image, Search, Store
from tests.experiments.erasing import approve
from tests.fakes import DrawnFaceEncoder, draw_photograph
from tests.matching.making import make_account, make_case

# Kind of copy -> the store it lies in and its key there; `{n}` is the number of the photograph.
KINDS = {
    "same bytes in the store": ("photographs", "elsewhere/copy-{n}.jpg"),
    "same bytes in another store": ("uploads", "{n}.jpg"),
    "saved anew": ("photographs", "again/saved-{n}.jpg"),
    "resized": ("uploads", "small-{n}.jpg"),
    "thumbnail": ("photographs", "thumbs/2014/{n}_120.jpg"),
    "crop": ("photographs", "crops/2014/{n}/face.jpg"),
    "edit": ("photographs", "2014/{n}.edit.png"),
    "in a tar shard": ("shards", "shard.tar/{n}.jpg"),
    "in a column of a table": ("rows", "{n}"),
    "in a hidden cache": ("photographs", "2014/.cache/{n}.jpg.webp"),
}
ORIGINAL = "2014/{n}.jpg"
PATTERNS = (
    "thumbs/{folder}/{stem}_*.jpg",
    "crops/{folder}/{stem}/*",
    "{folder}/{stem}.edit.*",
    "{folder}/.cache/{name}*",
)
# Somebody else's, with a name that begins alike; these must all stay.
OTHERS = ("2014/{n}_b.jpg", "thumbs/2014/{n}_b_120.jpg", "2014/.cache/{n}_b.jpg.webp")


@dataclass(frozen=True)
class House:
    """An installation and its stores beside it, in `folder`."""

    folder: Path
    numbers: list[str]
    stores: dict[str, str] = field(default_factory=dict)  # name -> id

    def holds(self, store: str, key: str) -> bool:
        """Whether a copy is there, seen past the portal."""
        if store == "rows":
            with closing(sqlite3.connect(self.folder / "rows.sqlite")) as connection:
                row = connection.execute("SELECT picture FROM pictures WHERE name = ?", (key,)).fetchone()
            return row is not None and row[0] is not None
        if store == "shards":
            with tarfile.open(self.folder / "shards" / "shard.tar") as shard:
                return key.partition("/")[2] in shard.getnames()
        return (self.folder / store / key).exists()


def measure(photographs: int) -> dict[str, Any]:
    """Figure: kinds of copies of which every one was in the plan and is gone, of ten."""
    with tempfile.TemporaryDirectory(prefix="copies-") as folder:
        house = House(Path(folder), [f"{number:04}" for number in range(photographs)])
        plant(house)
        before = _held(house)
        # A process of its own would not know the drawn faces.
        database = Database(Config(data=house.folder / "data", cooling_hours=0, scan_processes=1))
        schema.upgrade(database)
        with patch("workers.encoder.load_encoder", DrawnFaceEncoder):
            scan_all(database, house)
        erasure_id = plan(database, house)
        planned = _planned(database, erasure_id)
        statement = erase(database, erasure_id)
        database.close()
        counts = {kind: _counts(house, kind, before, planned) for kind in KINDS}
        others = sum(house.holds("photographs", key.format(n=n)) for key in OTHERS for n in house.numbers)
        declared = (house.folder / "backup" / ORIGINAL.format(n=house.numbers[0])).exists() and statement["backups"]
    found = sum(set(each.values()) == {photographs} for each in counts.values())
    stayed = others == photographs * len(OTHERS)
    figure = f"{found}/{len(KINDS)}"
    target = f"{len(KINDS)}/{len(KINDS)}"
    ok = figure == target and stayed and bool(declared)
    return {
        "name": "copies",
        "figure": figure,
        "target": target,
        "ok": ok,
        "counts": {**counts, "others_kept": others, "backup": "declared residual" if declared else "not declared"},
    }


def plant(house: House) -> None:
    """Write every original, its copies and somebody else's photographs, and a backup of all."""
    shard, rows = [], []
    for number, name in enumerate(house.numbers):
        pixels = draw_photograph(number % 24, seed=number)
        for kind, data in _copies_of(pixels):
            store, key = KINDS[kind][0], KINDS[kind][1].format(n=name)
            if store == "shards":
                shard.append((key.partition("/")[2], data))
            elif store == "rows":
                rows.append((key, data))
            else:
                _write(house.folder / store / key, data)
        _write(house.folder / "photographs" / ORIGINAL.format(n=name), images.to_jpeg(pixels))
        for place, key in enumerate(OTHERS):
            other = draw_photograph((number + 5) % 24, seed=100_000 + number)
            _write(
                house.folder / "photographs" / key.format(n=name), images.to_jpeg(other, 88 - place, 300 - 90 * place)
            )
    _pack(house.folder / "shards" / "shard.tar", shard)
    with closing(sqlite3.connect(house.folder / "rows.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE pictures (name TEXT PRIMARY KEY, picture BLOB)")
        connection.executemany("INSERT INTO pictures VALUES (?, ?)", rows)
    shutil.copytree(house.folder / "photographs", house.folder / "backup")


def _copies_of(pixels: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Each kind with its bytes. What lies where a pattern says is so unlike the original that no look would tell it."""
    same, height, width = images.to_jpeg(pixels), *pixels.shape[:2]
    corner = np.ascontiguousarray(pixels[: height // 3, : width // 3])
    for kind in ("same bytes in the store", "same bytes in another store", "in a tar shard", "in a column of a table"):
        yield kind, same
    yield "saved anew", images.to_jpeg(pixels, quality=60)
    yield "resized", images.to_jpeg(pixels, longest=width * 2 // 3)
    yield "thumbnail", images.to_jpeg(np.ascontiguousarray(pixels[:, : width // 2]), longest=60)
    yield "crop", images.to_jpeg(corner)
    yield "edit", images.to_png(np.ascontiguousarray(255 - pixels[:, ::-1]), longest=width)
    yield "in a hidden cache", images.to_jpeg(np.ascontiguousarray(pixels[::-1]), longest=90)


def scan_all(database: Database, house: House) -> None:
    """Add the stores as an admin would, and scan each to its end."""
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "photographs": ("folder", {"folder": str(house.folder / "photographs"), "copies": list(PATTERNS)}),
        "uploads": ("folder", {"folder": str(house.folder / "uploads")}),
        "shards": ("tar", {"folder": str(house.folder / "shards")}),
        "rows": (
            "sql",
            {"url": f"sqlite:///{house.folder}/rows.sqlite", "table": "pictures", "key": "name", "image": "picture"},
        ),
    }
    for name, (kind, settings) in asked.items():
        with database.writing() as session:
            store = adding.add_store(session, name, kind, settings, may_erase=True)
            scan_id = scans.start_scan(session, store, None).id
            house.stores[name] = store.id
        assert workers.carry_out(database, "scanning", scan_id) == "worked"


def plan(database: Database, house: House) -> str:
    """Confirm the originals, then what the caseworker is told is like them, and plan the deletion. Its id."""
    with database.writing() as session:
        case = make_case(session, "fulfilling")
        case.rights[0].decision = "grant"
        now = clock.now()
        search = Search(case_id=case.id, created_at=now, finished_at=now, encoder="drawn 1", threshold=0.6, coverage={})
        session.add(search)
        session.flush()
        keys = [ORIGINAL.format(n=name) for name in house.numbers]
        store = house.stores["photographs"]
        originals = session.scalars(select(Image.id).where(Image.store_id == store, Image.key.in_(keys)))
        _confirm(session, case, search, list(originals))
        named = likeness.alike(session, case, likeness.MOST_FOR_A_PAGE)
        _confirm(session, case, search, [one.image_id for one in named])
        asker = make_account(session, "asker", "caseworker")
        make_account(session, "approver", "caseworker")
        session.expire_all()
        return plans.plan_erasure(session, case, "deletion", asker).id


def _confirm(session: Session, case: Case, search: Search, image_ids: list[int]) -> None:
    more = {"case_id": case.id, "search_id": search.id, "evidence": ["digest"], "state": "confirmed"}
    session.add_all(Candidate(image_id=image_id, **more) for image_id in image_ids)
    session.flush()


def _planned(database: Database, erasure_id: str) -> set[tuple[str, str]]:
    """(store, key) of all that the plan says must go from a store."""
    with database.reading() as session:
        names = {store.id: store.name for store in session.scalars(select(Store))}
        items = session.get_one(Erasure, erasure_id).items
        facts = [plans.sealed_facts(session, item) for item in items if item.kind in ("image", "copy")]
    return {(names[one["store"]], one.get("ref", one["key"])) for one in facts}


def erase(database: Database, erasure_id: str) -> dict[str, Any]:
    """Approve and carry out; the statement of the certificate."""
    with database.writing() as session:
        erasure = session.get_one(Erasure, erasure_id)
        approve(session, erasure)
        erasure.run_after = clock.now()
    assert workers.carry_out(database, "erasing", erasure_id) == "worked"
    with database.reading() as session:
        statement: dict[str, Any] = json.loads(session.scalars(select(Certificate.statement)).one())
    return statement


def _held(house: House) -> set[tuple[str, str]]:
    places = [(store, key.format(n=name)) for store, key in KINDS.values() for name in house.numbers]
    return {place for place in places if house.holds(*place)}


def _counts(house: House, kind: str, before: set[tuple[str, str]], planned: set[tuple[str, str]]) -> dict[str, int]:
    store, key = KINDS[kind]
    places = {(store, key.format(n=name)) for name in house.numbers}
    gone = sum(not house.holds(*place) for place in places)
    return {"planted": len(places & before), "planned": len(places & planned), "gone": gone}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _pack(path: Path, members: list[tuple[str, bytes]]) -> None:
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for name, data in [*members, ("of-somebody-else.txt", b"stays")]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, BytesIO(data))

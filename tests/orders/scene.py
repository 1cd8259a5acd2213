"""A small installation with photographs in tar shards and in a folder, known as a scan would leave them."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

import workers
from portal import clock
from portal.db import Database
from portal.erasure.remedies import Evidence
from portal.lineage.members import put_in_dataset
from portal.orders import certificate, making, people, remedies
from portal.stores.seeing import encoder_id
from portal.tables import (
    Dataset,
    Disclosure,
    Face,
    Image,
    ManifestEntry,
    Order,
    Product,
    Recipient,
    Source,
    Store,
    Template,
    TrainedModel,
    TrainingUse,
)
from tests.matching.making import make_account

WISH: dict[str, Any] = {"reason": "Order C-4743", "signatory": "Ann Example", "position": "Head of privacy"}


class Scene:
    """Two stores of one source: `loose` (a folder) and `shards` (tar). `names` are keys by store."""

    def __init__(self, database: Database, root: Path, loose: int = 12, shards: int = 3, in_shard: int = 9) -> None:
        self.database, self.root = database, root
        (root / "loose").mkdir(parents=True)
        (root / "shards").mkdir()
        self.keys = {
            "loose": sorted(_loose(root / "loose", loose)),
            "shards": sorted(_tar(root / "shards", shards, in_shard)),
        }
        with database.writing() as session:
            self.asker, self.approver = make_account(session, "asker"), make_account(session, "approver")
            source = Source(
                name="The site", from_whom="A site", received_on=date(2014, 1, 1), terms="t", consent="none",
            )  # fmt: skip
            session.add(source)
            session.flush()
            self.stores = {
                name: self._store(session, name, kind, source.id)
                for name, kind in (("loose", "folder"), ("shards", "tar"))
            }
            self.source_id = source.id

    def bytes_of(self, store: str, key: str) -> bytes:
        if store == "loose":
            return (self.root / "loose" / key).read_bytes()
        shard, _, name = key.partition("/")
        with tarfile.open(self.root / "shards" / shard) as archive:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()

    def left(self) -> set[tuple[str, str]]:
        """What lies in the stores now, read past the connectors."""
        loose = {("loose", path.name) for path in (self.root / "loose").iterdir()}
        return loose | {
            ("shards", f"{path.name}/{name}")
            for path in (self.root / "shards").glob("*.tar")
            for name in tarfile.open(path).getnames()
        }

    def in_dataset(self, store: str) -> None:
        """All of a store in a dataset, on which a model was trained, and which a recipient got."""
        with self.database.writing() as session:
            dataset = Dataset(name="Faces", version="2014", created_on=date(2014, 1, 1))
            model, recipient = (
                TrainedModel(name="Net", version="1"),
                Recipient(name="Buyer", contact="dpo@buyer.example"),
            )
            session.add_all([dataset, model, recipient])
            session.flush()
            put_in_dataset(session, dataset, session.get_one(Store, self.stores[store]), "It was so in 2014.")
            today = clock.now().date()
            session.add_all(
                [
                    TrainingUse(model_id=model.id, dataset_id=dataset.id, trained_on=today),
                    Product(name="Search", model_id=model.id),
                    Disclosure(recipient_id=recipient.id, dataset_id=dataset.id, disclosed_on=today, basis="sale"),
                ]
            )

    def order(self, kind: str = "source", **wish: Any) -> str:
        given = {"target": self.source_id} if kind == "source" else {}
        with self.database.writing() as session:
            order = making.make(session, making.Wish(kind=kind, **{**WISH, **given, **wish}), self.asker)
            order_id = order.id
        assert self.run(order_id) == "worked"
        return order_id

    def approve(self, order_id: str) -> None:
        for person in (self.asker, self.approver):
            with self.database.writing() as session:
                order = session.get_one(Order, order_id)
                making.approve(session, order, person, order.plan_digest or "")

    def run(self, order_id: str) -> str:
        with self.database.writing() as session:
            session.get_one(Order, order_id).run_after = clock.now()
        return workers.carry_out(self.database, "ordering", order_id)

    def read(self, order_id: str) -> Order:
        with self.database.reading() as session:
            return session.get_one(Order, order_id)

    def answer(self, order_id: str) -> None:
        with self.database.writing() as session:
            order = session.get_one(Order, order_id)
            for item in people.items_of(session, order):
                result = "told" if item.kind == "recipient" else "destroyed"
                people.answer(session, item, self.asker, result, "By hand.", destroyed())
                if item.kind == "model":
                    remedies.confirm(session, item, self.approver)
            certificate.settle_if_complete(session, order)

    def _store(self, session: Session, name: str, kind: str, source_id: str) -> str:
        folder = {"folder": str(self.root / name)}
        store = Store(
            name=name, kind=kind, settings=folder, may_erase=True, source_id=source_id, created_at=clock.now()
        )
        session.add(store)
        session.flush()
        rows = [
            {
                "store_id": store.id, "key": key, "state": "live", "coverage": "searched", "version": "1",
                "digest": hashlib.sha256(self.bytes_of(name, key)).digest(), "near_digest": bytes([at % 251] * 32),
                "first_seen_at": clock.now() - timedelta(days=at), "last_seen_at": clock.now(),
            }
            for at, key in enumerate(self.keys[name])
        ]  # fmt: skip
        ids = session.scalars(insert(Image).returning(Image.id, sort_by_parameter_order=True), rows).all()
        faces = [{"image_id": one, "left": 0, "top": 0, "right": 9, "bottom": 9} for one in ids]
        made = session.scalars(insert(Face).returning(Face.id), faces).all()
        session.execute(
            insert(Template), [{"face_id": one, "encoder_id": _encoder(session), "sealed": b"s"} for one in made]
        )
        lines = [
            {"store_id": store.id, "key": key, "account": f"account {at % 4}", "attributes": {}}
            for at, key in enumerate(self.keys[name])
        ]
        session.execute(insert(ManifestEntry), lines)
        return store.id


def destroyed() -> Evidence:
    return Evidence(clock.now().date(), weights_before="a" * 64, method="Overwritten, then the disks were shredded.")


def _encoder(session: Session) -> int:
    return encoder_id(session, "drawn", "1", 128)


def _loose(folder: Path, count: int) -> Iterator[str]:
    for number in range(count):
        name = f"{number:05}.jpg"
        (folder / name).write_bytes(f"loose picture {number}".encode())
        yield name


def _tar(folder: Path, shards: int, in_shard: int) -> Iterator[str]:
    for shard in range(shards):
        with tarfile.open(folder / f"{shard:03}.tar", "w") as archive:
            for number in range(in_shard):
                name, data = f"{number:05}.jpg", f"picture {number} in shard {shard}".encode()
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                yield f"{shard:03}.tar/{name}"

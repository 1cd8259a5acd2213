"""What the experiments of reliability share: stores of tiny drawn photographs, and deletions approved to run.

Nothing is encoded: images, faces, templates and confirmed candidates are written as a scan, a search and two
reviewers would have left them. All after that is the product's own: the plan, its approval, the workers.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import blobs, clock, images, schema
from portal.config import Config
from portal.db import Database
from portal.erasure import certificate, plans
from portal.keys import keys_of
from portal.tables import (
    Account,
    Candidate,
    Case,
    CaseRight,
    Certificate,
    Encoder,
    Entry,
    Erasure,
    ErasureItem,
    Face,
    Image,
    ManifestEntry,
    Search,
    Store,
    Suppression,
    Template,
)
from tests.fakes import draw_photograph
from tests.matching.making import make_account, make_case

PIXELS = 48
# Seconds: how long something may take to come, and between two looks whether it has.
PATIENCE, LOOK = 1800.0, 0.02
ENDS = {"verified", "refused"}
# Alembic remembers what it works on in a module of its own: one after another.
LAYING_TABLES = threading.Lock()


@dataclass(frozen=True)
class Size:
    """How much there is to erase. Each image lies in so many stores, one copy in each; the cases share the images."""

    images: int
    copies: int = 1
    cases: int = 1
    # With what was cut out for reviewers and what a manifest says: two more items for each copy.
    thick: bool = False


@dataclass(frozen=True)
class Scene:
    """An installation with deletions that are planned and not approved yet."""

    config: Config
    folders: list[Path]
    size: Size

    def open(self) -> Database:
        """The installation's database; close it in the end."""
        return Database(self.config)


@dataclass(frozen=True)
class Photograph:
    """One to plant: the bytes, and what is known about it."""

    data: bytes
    near: bytes
    key: str
    account: str
    place: str


def photographs(count: int) -> Iterator[Photograph]:
    """Small drawn photographs of nobody in particular; each is another."""
    for number in range(count):
        pixels = draw_photograph(number % 24, size=(PIXELS, PIXELS), seed=number)
        near = images.near_digest(pixels)
        yield Photograph(images.to_jpeg(pixels), near, f"{number:05}.jpg", f"account-{number}", f"place-{number}")


def build(folder: Path, size: Size, planted: list[Photograph] | None = None, **settings: object) -> Scene:
    """Lay out an installation in `folder`, its stores beside it, and one planned deletion for each case."""
    config = replace(Config(data=folder / "data", cooling_hours=0), **settings)  # type: ignore[arg-type]
    folders = [folder / f"store-{number}" for number in range(size.copies)]
    database = Database(config)
    with LAYING_TABLES:
        schema.upgrade(database)
    with database.writing() as session:
        asker = make_account(session, "asker", "caseworker")
        make_account(session, "approver", "caseworker")
        stores = [_store(session, one) for one in folders]
        encoder = Encoder(name="drawn", version="1", dimensions=128)
        cases = [_case(session, number) for number in range(size.cases)]
        session.add(encoder)
        session.flush()
        turns = itertools.cycle(cases)
        for one in planted or photographs(size.images):
            case = next(turns)
            for store in stores:
                _plant(session, store, case, encoder, one, size.thick)
        session.expire_all()
        for case in cases:
            plans.plan_erasure(session, case, "deletion", asker)
    database.close()
    return Scene(config, folders, size)


def address_of(number: int) -> str:
    """The mail address of the person of a case, by the case's number."""
    return f"person-{number:05}-of-the-experiment@example.org"


def approve(session: Session, erasure: Erasure) -> None:
    """The second person approves what is planned. The bell rings when `session` commits."""
    approver = session.scalars(select(Account.id).filter_by(name="approver")).one()
    plans.approve(session, erasure, approver, erasure.plan_digest)


def approve_all(database: Database) -> list[str]:
    """Approve each deletion, in a transaction of its own. Their ids."""
    with database.reading() as session:
        ids = list(session.scalars(select(Erasure.id).order_by(Erasure.planned_at, Erasure.id)))
    for erasure_id in ids:
        with database.writing() as session:
            approve(session, session.get_one(Erasure, erasure_id))
    return ids


def state_of(database: Database) -> tuple[str, int, str | None]:
    """State, fence and owner of the one erasure."""
    with database.reading() as session:
        state, fence, owner = session.execute(select(Erasure.state, Erasure.fence, Erasure.lease_owner)).one()
    return state, fence, owner


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds. Fails by the name of what did not come."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, f"{what} did not come"
        time.sleep(LOOK)


def is_over(database: Database) -> bool:
    """Whether every deletion has its certificate and every case is closed."""
    with database.reading() as session:
        open_cases = session.scalar(select(func.count()).where(Case.state != "closed"))
        unsettled = session.scalar(select(func.count()).where(Erasure.state != "settled"))
    return not open_cases and not unsettled


def reckon(scene: Scene) -> dict[str, int | str]:
    """What there is at the end, counted by asking database, log and folders, and not the code that erased.

    `lost`: planned items without an end on a certificate. `left`: what should have gone and is there. `doubled`: what
    may be there once for each deletion or image, and is there more often.
    """
    database = scene.open()
    with database.reading() as session:
        erasures = list(session.scalars(select(Erasure)))
        items = list(session.scalars(select(ErasureItem)))
        listed = [len(certificate.items_of(session, one)) for one in session.scalars(select(Certificate))]
        refused = sum(item.state == "refused" for item in items)
        lost = max(sum(item.state not in ENDS for item in items), len(items) - sum(listed))
        counts: dict[str, int | str] = {
            "erasures": len(erasures),
            "items": len(items),
            "refused": refused,
            "lost": lost,
            "left": _left(session) + sum(path.is_file() for folder in scene.folders for path in folder.rglob("*")),
            "doubled": _doubled(session),
            "certificates": len(listed),
            "certificate_entries": _entries(session, "certificate"),
            "already_absent": sum(item.result == "already-absent" for item in items),
        }
        counts["integrity"] = str(session.connection().exec_driver_sql("PRAGMA integrity_check").scalar())
    database.close()
    return counts


def is_well(counts: dict[str, int | str]) -> bool:
    """Whether a reckoning is what it must be: everything gone, once, with one certificate each."""
    nothing = ("lost", "left", "doubled", "refused")
    once = counts["certificates"] == counts["certificate_entries"] == counts["erasures"]
    return not any(counts[name] for name in nothing) and once and counts["integrity"] == "ok"


def _left(session: Session) -> int:
    rows = [Face, Template, ManifestEntry]
    live = session.scalar(select(func.count()).select_from(Image).where(Image.state == "live")) or 0
    crops = session.scalar(select(func.count()).where(Candidate.crop_id.is_not(None))) or 0
    return live + crops + sum(session.scalar(select(func.count()).select_from(row)) or 0 for row in rows)


def _doubled(session: Session) -> int:
    """Suppressions beyond one for each image, and lines of the log beyond one for each deletion or right."""
    erasures = session.scalar(select(func.count()).select_from(Erasure)) or 0
    suppressed = session.execute(select(Suppression.image_id, func.count()).group_by(Suppression.image_id)).all()
    once = ("plan-frozen", "plan-approved", "erasure-started", "certificate", "right-settled")
    return sum(count - 1 for _, count in suppressed) + sum(
        max(0, _entries(session, kind) - erasures) for kind in (*once, "case-moved")
    )


def _entries(session: Session, kind: str) -> int:
    return session.scalar(select(func.count()).select_from(Entry).where(Entry.kind == kind)) or 0


def _store(session: Session, folder: Path) -> Store:
    folder.mkdir(parents=True)
    settings = {"folder": str(folder)}
    store = Store(name=folder.name, kind="folder", settings=settings, may_erase=True, created_at=clock.now())
    session.add(store)
    session.flush()
    return store


def _case(session: Session, number: int) -> Case:
    case = make_case(session, "fulfilling")
    right = session.scalars(select(CaseRight).filter_by(case_id=case.id)).one()
    right.decision = "grant"
    case.contact = keys_of(session).seal(address_of(number).encode(), f"case/{case.id}/contact")
    now = clock.now()
    search = Search(case_id=case.id, created_at=now, finished_at=now, encoder="drawn 1", threshold=0.6, coverage={})
    session.add(search)
    session.flush()
    return case


def _plant(session: Session, store: Store, case: Case, encoder: Encoder, one: Photograph, thick: bool) -> None:
    path = Path(store.settings["folder"]) / one.key
    path.write_bytes(one.data)
    now = clock.now() - timedelta(days=1)
    image = Image(
        store_id=store.id, key=one.key, state="live", coverage="searched", first_seen_at=now, last_seen_at=now,
        digest=hashlib.sha256(one.data).digest(), near_digest=one.near, size=len(one.data), width=PIXELS, height=PIXELS,
    )  # fmt: skip
    session.add(image)
    session.flush()
    face = Face(image_id=image.id, left=12, top=12, right=36, bottom=36)
    session.add(face)
    session.flush()
    vector = np.random.default_rng(face.id).random(128, np.float32).tobytes()
    sealed = keys_of(session).seal_small(vector, "template", face.id)
    session.add(Template(face_id=face.id, encoder_id=encoder.id, sealed=sealed))
    crop = blobs.put_blob(session, "candidate-crop", one.data, "image/jpeg").id if thick else None
    search = session.scalars(select(Search.id).filter_by(case_id=case.id)).one()
    session.add(
        Candidate(
            case_id=case.id, search_id=search, image_id=image.id, face_id=face.id, distance=0.3, evidence=["face"],
            state="confirmed", settled_at=now, crop_id=crop,
        )
    )  # fmt: skip
    if thick:
        facts = {"place": one.place}
        session.add(ManifestEntry(store_id=store.id, key=one.key, account=one.account, attributes=facts))
    session.flush()

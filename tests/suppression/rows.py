"""Rows that the tests of the gate need."""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock, images
from portal.tables import Account, Case, Erasure, Image, Store, random_id
from tests.fakes import draw_photograph


def an_erasure(session: Session) -> Erasure:
    account = Account(
        id=random_id(),
        email=f"{random_id()}@example.org",
        name="A",
        roles=[],
        totp_secret=b"",
        password_hash="x",
        created_at=clock.now(),
    )
    case = Case(
        id=random_id(),
        reference=random_id()[:12],
        secret_hash="x",
        residence="EU",
        received_at=clock.now(),
        due_on=clock.now().date(),
    )
    erasure = Erasure(
        id=random_id(),
        case_id=case.id,
        kind="deletion",
        plan_digest="0" * 64,
        asked_by=account.id,
        planned_at=clock.now(),
    )
    for row in (account, case, erasure):
        session.add(row)
        session.flush()
    return erasure


def an_image(session: Session, seed: int = 1) -> Image:
    return put_image(session, random_id(), draw_photograph(seed, seed=seed))


def put_image(session: Session, key: str, pixels: images.Pixels) -> Image:
    """A photograph on record as it is seen by a scan, with the digest of its JPEG of the usual quality."""
    store = session.scalar(select(Store)) or Store(
        id=random_id(), name="s", kind="folder", settings={}, created_at=clock.now()
    )
    session.add(store)
    session.flush()
    image = Image(
        store_id=store.id,
        key=key,
        digest=hashlib.sha256(images.to_jpeg(pixels)).digest(),
        near_digest=images.near_digest(pixels),
        first_seen_at=clock.now(),
        last_seen_at=clock.now(),
    )
    session.add(image)
    session.flush()
    return image

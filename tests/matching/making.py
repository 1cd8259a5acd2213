"""Rows for tests: accounts, cases, images, candidates."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from itertools import zip_longest

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.keys import keys_of
from portal.matching import known, practice
from portal.tables import (
    Account,
    Candidate,
    Case,
    CaseRight,
    Encoder,
    Face,
    Image,
    KnownLook,
    KnownPair,
    Probe,
    Search,
    Source,
    Store,
    Template,
    random_id,
)


def make_account(session: Session, name: str, *roles: str) -> str:
    account = Account(
        email=f"{name}@example.org",
        name=name,
        roles=list(roles) or ["reviewer"],
        password_hash="-",
        totp_secret=b"",
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account.id


def make_case(
    session: Session, state: str = "reviewing", due_in: int = 30, rights: tuple[str, ...] = ("deletion",)
) -> Case:
    due_on = (clock.now() + timedelta(days=due_in)).date()
    case = Case(
        reference=f"EF-{random_id()[:8].upper()}",
        secret_hash="-",
        state=state,
        residence="EU",
        received_at=clock.now(),
        consented_at=clock.now(),
        identity="confirmed",
        due_on=due_on,
    )
    for right in rights:
        case.rights.append(CaseRight(right=right, rule=f"eu.{right}", rule_version=1, due_on=due_on, latest_on=due_on))
    session.add(case)
    session.flush()
    return case


def make_source(session: Session, consented: str = "yes") -> Source:
    """A source whose photographs may be used, unless told otherwise."""
    source = Source(
        name=random_id(),
        from_whom="A dating site",
        received_on=date(2014, 5, 1),
        terms="A letter",
        consent="Asked",
        consented=consented,
        consent_scope="A study of faces",
    )
    session.add(source)
    session.flush()
    return source


def make_store(session: Session, folder: str = "/nowhere", name: str = "") -> Store:
    """A store of a folder, which came from a source with a recorded consent."""
    store = Store(
        name=name or random_id(),
        kind="folder",
        settings={"folder": folder},
        may_erase=True,
        created_at=clock.now(),
        source_id=make_source(session).id,
    )
    session.add(store)
    session.flush()
    return store


def make_image(session: Session, store: Store, key: str, data: bytes = b"") -> Image:
    image = Image(
        store_id=store.id,
        key=key,
        state="live",
        coverage="searched",
        digest=hashlib.sha256(data or key.encode()).digest(),
        near_digest=hashlib.sha256(b"near" + (data or key.encode())).digest(),
        first_seen_at=clock.now(),
        last_seen_at=clock.now(),
    )
    session.add(image)
    session.flush()
    return image


def make_face(session: Session, image: Image, vector: np.ndarray | None = None) -> Face:
    """A face, with a template of the encoder `drawn 1` when a vector is given."""
    face = Face(image_id=image.id, left=0, top=0, right=10, bottom=10)
    session.add(face)
    session.flush()
    if vector is not None:
        encoder = session.scalar(select(Encoder).filter_by(name="drawn", version="1"))
        if encoder is None:
            encoder = Encoder(name="drawn", version="1", dimensions=len(vector))
            session.add(encoder)
            session.flush()
        sealed = keys_of(session).seal_small(vector.astype("<f4").tobytes(), "template", face.id)
        session.add(Template(face_id=face.id, encoder_id=encoder.id, sealed=sealed))
        session.flush()
    return face


def make_candidates(session: Session, case: Case, count: int, state: str = "open") -> list[Candidate]:
    store = make_store(session)
    search = Search(case_id=case.id, created_at=clock.now())
    probe = Probe(
        case_id=case.id,
        kind="selfie",
        state="ready",
        blob_id=blobs.put_blob(session, "probe", b"probe", "image/jpeg").id,
        created_at=clock.now(),
    )
    session.add_all([search, probe])
    session.flush()
    made = []
    for number in range(count):
        image = make_image(session, store, f"{number}.jpg")
        candidate = Candidate(
            case_id=case.id,
            search_id=search.id,
            image_id=image.id,
            face_id=make_face(session, image).id,
            probe_id=probe.id,
            distance=0.3,
            evidence=["face"],
            crop_id=blobs.put_blob(session, "candidate-crop", f"crop {number}".encode(), "image/jpeg").id,
            state=state,
        )
        session.add(candidate)
        made.append(candidate)
    session.flush()
    return made


def make_known(session: Session, same: int = 15, different: int = 15, source: str = "Staff") -> None:
    """Known pairs of drawn photographs that nobody is in."""
    photos, pairs = [], []
    for at in range(same + different):
        for side in "ab":
            name = f"{source} {at} {side}".encode()
            photos.append(known.Shown(hashlib.sha256(name).digest(), name, b"whole " + name))
        pairs.append((2 * at, 2 * at + 1, at < same))
    known.add(session, photos, pairs, "consented", source)


def practise(session: Session, account_id: str, count: int, right: bool = True) -> None:
    """Answer known pairs, of each kind in turn as far as there are, all rightly or all wrongly."""
    seen = select(KnownLook.pair_id).where(KnownLook.account_id == account_id)
    unseen = session.scalars(select(KnownPair).where(KnownPair.id.not_in(seen))).all()
    kinds = [[pair for pair in unseen if pair.same is same] for same in (True, False)]
    mixed = [pair for both in zip_longest(*kinds) for pair in both if pair is not None]
    for pair in mixed[:count]:
        look = KnownLook(account_id=account_id, pair_id=pair.id, handed_at=clock.now())
        session.add(look)
        session.flush()
        practice.answer(session, look, "same" if pair.same is right else "different")

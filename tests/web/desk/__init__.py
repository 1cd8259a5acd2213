"""Staff at their desks: accounts that can sign in, and cases at each step, with drawn photographs in a real folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import lifecycle
from portal.db import Database
from portal.keys import keys_of
from portal.lineage import members, records
from portal.stores import adding
from portal.tables import Account, Candidate, Case, Entry, Image, Probe, Search, Store, random_id
from tests.cases.making import confirm_identity, send
from tests.fakes import drawn_jpeg
from tests.sharing import quick_hasher
from tests.web.conftest import form_token

PASSWORD = "four words make sense"
EMAIL = "anna@example.org"


@cache
def password_hash() -> str:
    return quick_hasher().hash(PASSWORD)


@dataclass
class Colleague:
    """A signed-in member of staff with a browser of their own."""

    client: FlaskClient
    id: str
    email: str
    secret: str

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return answer.text

    def post(self, path: str, /, status: int = 303, **fields: object) -> str:
        """Send a form to `path`; returns where it leads, or the page."""
        data = {"csrf_token": form_token(self.get("/staff")), **fields}
        answer = self.client.post(path, data=data)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return str(answer.location) if status == 303 else answer.text


def make_account(session: Session, email: str, *roles: str, name: str = "Somebody") -> tuple[Account, str]:
    account_id, secret = random_id(), pyotp.random_base32()
    account = Account(
        id=account_id,
        email=email,
        name=name,
        roles=list(roles),
        password_hash=password_hash(),
        totp_secret=keys_of(session).seal(secret.encode(), f"account/{account_id}/totp"),
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account, secret


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def colleague(app: Flask, database: Database, *roles: str, name: str = "Somebody") -> Colleague:
    """Make an account and sign it in through the page."""
    email = f"{random_id()[:8]}@staff.example"
    with database.writing() as session:
        account, secret = make_account(session, email, *roles, name=name)
    client = app.test_client()
    token = form_token(client.get("/staff/sign-in").text)
    answer = client.post(
        "/staff/sign-in",
        data={"csrf_token": token, "email": email, "password": PASSWORD, "code": code_of(secret)},
    )
    assert answer.status_code == 303, answer.text
    return Colleague(client, account.id, email, secret)


def fill_store(session: Session, folder: Path, count: int = 3) -> Store:
    """A folder with drawn photographs of person 3, seen as if by a scan; its lineage goes to a model and beyond."""
    folder.mkdir(parents=True)
    source = records.add_source(
        session, "Profiles 2014", "A dating site", date(2014, 9, 1), "A letter", "Asked", "", "yes", "A study of faces"
    )
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(drawn_jpeg(3, seed=number))
    store = adding.add_store(session, "Profiles", "folder", {"folder": str(folder)}, True, source.id)
    now = clock.now()
    for number in range(count):
        data = (folder / f"{number}.jpg").read_bytes()
        image = Image(store_id=store.id, key=f"{number}.jpg", coverage="searched", first_seen_at=now, last_seen_at=now)
        image.digest, image.size = hashlib.sha256(data).digest(), len(data)
        session.add(image)
    session.flush()
    dataset = records.add_dataset(session, "Faces", "1", date(2014, 10, 1))
    members.put_in_dataset(session, dataset, store)
    model = records.add_model(session, "Recogniser", "2", purpose="Recognises faces")
    records.add_training_use(session, model, dataset, date(2015, 1, 1))
    records.add_product(session, "Door camera", model)
    recipient = records.add_recipient(session, "A partner", "privacy@partner.example", "Norway")
    records.add_disclosure(session, recipient, dataset, None, date(2016, 1, 1), "A contract")
    return store


def case_in_review(session: Session, store: Store, *rights: str) -> Case:
    """A case whose photographs all wait for reviewers, each beside the selfie that was sent."""
    case = send(session, *(rights or ("deletion",))).case
    if case.state == "identity-check":
        confirm_identity(session, case)
    find_photographs(session, case, store)
    return case


def find_photographs(session: Session, case: Case, store: Store) -> None:
    """What the search would record: every photograph of the store is a candidate beside a selfie."""
    search = session.scalars(select(Search).where(Search.case_id == case.id)).one()
    search.work_state, search.finished_at = "done", clock.now()
    search.encoder, search.threshold, search.gallery_size = "dlib 1", 0.6, 4
    search.coverage = {store.name: {"searched": 3, "faceless": 1}}
    probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now())
    probe.blob_id = blobs.put_blob(session, "probe", drawn_jpeg(3, size=(480, 480)), "image/jpeg").id
    session.add(probe)
    # Who gave a photo of their face was asked for two new ones, and sent them.
    lifecycle.record(session, case, "challenge-sent", "subject")
    for image in session.scalars(select(Image).where(Image.store_id == store.id).order_by(Image.id)):
        crop = blobs.put_blob(session, "candidate-crop", drawn_jpeg(3, size=(480, 480)), "image/jpeg")
        session.add(
            Candidate(
                case_id=case.id,
                search_id=search.id,
                image_id=image.id,
                probe_id=probe.id,
                distance=0.31415,
                evidence=["face"],
                crop_id=crop.id,
            )
        )
    session.flush()
    lifecycle.search_finished(session, case)


def another_photograph(session: Session, case: Case, shade: int) -> None:
    """The person sends one more photograph of their face."""
    probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now())
    for use, name in (("probe", "blob_id"), ("probe-crop", "crop_id")):
        setattr(probe, name, blobs.put_blob(session, use, drawn_jpeg(shade, size=(480, 480)), "image/jpeg").id)
    session.add(probe)
    session.flush()


def case_to_decide(session: Session, store: Store, *rights: str) -> Case:
    """A case in which people agreed on every photograph."""
    case = case_in_review(session, store, *rights)
    for candidate in session.scalars(select(Candidate).where(Candidate.case_id == case.id)):
        candidate.state, candidate.settled_at = "confirmed", clock.now()
    lifecycle.review_finished(session, case)
    return case


def decided(database: Database, store: Store, *rights: str) -> Case:
    """A case that waits for its decision, written down."""
    with database.writing() as session:
        return case_to_decide(session, store, *rights)


def entries(database: Database, kind: str) -> list[dict[str, object]]:
    """The facts of all lines of this kind in the log."""
    with database.reading() as session:
        return [json.loads(body)["facts"] for body in session.scalars(select(Entry.body).where(Entry.kind == kind))]

"""Cases, photographs and people to test with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import lifecycle, mails
from portal.cases.answer import deciding
from portal.cases.arrival import intake
from portal.cases.arrival.intake import Submitted
from portal.cases.requester import assurance, identity
from portal.keys import keys_of
from portal.tables import (
    Account,
    Candidate,
    Case,
    Draft,
    Encoder,
    Face,
    Image,
    Mail,
    ManifestEntry,
    Search,
    Store,
    Template,
    random_id,
)

EMAIL = "anna@example.org"


def make_account(session: Session, *roles: str) -> Account:
    account = Account(
        id=random_id(),
        email=f"{random_id()}@example.org",
        name="Somebody",
        roles=list(roles or ("caseworker",)),
        password_hash="-",
        totp_secret=b"-",
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account


def last_code(session: Session) -> str:
    """The code in the newest code mail."""
    for mail in session.scalars(select(Mail).order_by(Mail.created_at.desc(), Mail.id)):
        letter = mails.open_mail(session, mail)
        if letter is not None and letter.subject == "Your code":
            found = re.search(r"\d{6}", letter.body)
            assert found is not None
            return found.group()
    raise AssertionError("no code was mailed")


def fill_draft(session: Session, *rights: str, contact: bool = True) -> Draft:
    """A draft with all it needs; the link is what it is looked for with."""
    draft = intake.open_draft(session)
    intake.save_answers(session, draft, rights=list(rights or ("access",)), residence="EU", consent=True)
    intake.add_link(session, draft, "https://dating.example/anna")
    if contact:
        identity.send_code(session, draft, EMAIL)
        assert identity.confirm_code(session, draft, last_code(session)) == "confirmed"
    else:
        intake.save_answers(session, draft, no_contact=True)
    return draft


def send(session: Session, *rights: str, contact: bool = True) -> Submitted:
    return intake.submit(session, fill_draft(session, *rights, contact=contact))


def confirm_identity(session: Session, case: Case) -> Account:
    caseworker = make_account(session)
    show_signs(session, case, caseworker.id)
    identity.decide_identity(session, case, caseworker.id, "confirmed", "Knows the last four posts of the account.")
    return caseworker


def show_signs(session: Session, case: Case, account_id: str) -> None:
    """The second sign and the declaration, where the rule asks for them."""
    if not assurance.waits_for_person(session, case):
        return
    assurance.declare(session, case, "Anna Example")
    if case.contact_confirmed_at is not None:
        assurance.accept_known(session, case, account_id, "It is the address of the account.")
    if assurance.standing(session, case).complete:
        return
    # In place of two new photographs of whoever sent a face.
    assurance.give_contact(session, case, "anna.second@example.org")
    assert assurance.confirm(session, case, last_code(session))


def make_image(session: Session, folder: Path, data: bytes = b"", key: str = "1.jpg") -> Image:
    """A live image in a folder store, with a manifest entry."""
    store = session.scalar(select(Store))
    if store is None:
        folder.mkdir(exist_ok=True)
        store = Store(name="Profiles", kind="folder", settings={"folder": str(folder)}, created_at=clock.now())
        session.add(store)
        session.flush()
    (folder / key).write_bytes(data)
    now = clock.now()
    image = Image(
        store_id=store.id, key=key, coverage="searched", first_seen_at=now, last_seen_at=now, digest=b"d" * 32
    )
    session.add(image)
    session.add(
        ManifestEntry(
            store_id=store.id, key=key, account="anna", source_url="https://x.example/1", attributes={"place": "<b>Ulm"}
        )
    )
    session.flush()
    return image


def add_face(session: Session, image: Image, box: tuple[int, int, int, int]) -> tuple[Face, bytes]:
    """A face with a template. Returns it and the template's bytes, to look for where they must not be."""
    encoder = session.scalar(select(Encoder))
    if encoder is None:
        encoder = Encoder(name="drawn", version="1", dimensions=128)
        session.add(encoder)
    left, top, right, bottom = box
    face = Face(image_id=image.id, left=left, top=top, right=right, bottom=bottom)
    session.add(face)
    session.flush()
    plain = np.random.default_rng(face.id).random(128, np.float32).tobytes()
    sealed = keys_of(session).seal(plain, f"template/{face.id}")
    session.add(Template(face_id=face.id, encoder_id=encoder.id, sealed=sealed))
    session.flush()
    return face, plain


def add_candidate(
    session: Session, case: Case, image: Image, state: str = "open", face: Face | None = None
) -> Candidate:
    search = session.scalars(select(Search).where(Search.case_id == case.id)).first()
    assert search is not None
    crop = blobs.put_blob(session, "candidate-crop", b"crop", "image/jpeg")
    candidate = Candidate(
        case_id=case.id,
        search_id=search.id,
        image_id=image.id,
        face_id=face.id if face is not None else None,
        evidence=["link"],
        crop_id=crop.id,
        state=state,
    )
    session.add(candidate)
    session.flush()
    return candidate


def to_deciding(session: Session, case: Case, *images: Image) -> Account:
    """Confirm identity where it is asked, and have all `images` found and confirmed by people."""
    caseworker = confirm_identity(session, case) if case.state == "identity-check" else make_account(session)
    candidates = [add_candidate(session, case, image) for image in images]
    lifecycle.search_finished(session, case)
    for candidate in candidates:
        candidate.state = "confirmed"
    lifecycle.review_finished(session, case)
    assert case.state == "deciding"
    return caseworker


def grant_all(session: Session, case: Case, account: Account) -> None:
    for right in list(case.rights):
        deciding.decide(session, right, account.id, "grant")

"""An erasure that has done its part: two photographs of a dataset that one recipient got, and a model another got."""

from __future__ import annotations

import hashlib
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock, lineage
from portal.audit import notes, signers
from portal.notices import making
from portal.tables import (
    Dataset,
    Disclosure,
    Erasure,
    Notice,
    Recipient,
    TrainingUse,
)
from tests.erasure.certified import finished, photo

ENDPOINT = "https://vision.example/notices"


def carried_out(session: Session, kind: str = "deletion", endpoint: str | None = None) -> Erasure:
    """An erasure in its last state, with the recipient's item open."""
    erasure = finished(session, kind)
    item = next(one for one in erasure.items if one.kind == "recipient")
    item.state, item.result, item.note, item.done_at = "planned", None, None, None
    lineage.write_places(session, session.get_one(Dataset, "dataset"), [1, 2])
    lineage.take_out(session, "dataset", [1, 2], clock.now())
    session.add(
        Disclosure(recipient_id="recipient", dataset_id="dataset", disclosed_on=date(2015, 3, 1), basis="A contract")
    )
    session.get_one(Recipient, "recipient").endpoint = endpoint
    session.flush()
    return erasure


def announced(session: Session, endpoint: str | None = None) -> Notice:
    erasure = carried_out(session, endpoint=endpoint)
    making.announce(session, erasure)
    return session.scalars(select(Notice)).one()


def add_model_recipient(session: Session) -> None:
    session.add(Recipient(id="second", name="Model Buyer", contact="Write to them in Lima"))
    session.add(TrainingUse(model_id="model", dataset_id="dataset", trained_on=date(2016, 1, 1)))
    session.add(Disclosure(recipient_id="second", model_id="model", disclosed_on=date(2017, 1, 1), basis="Sold"))
    session.flush()


def digest_of(image: int) -> bytes:
    return hashlib.sha256(photo(image)).digest()


def register_key(session: Session, recipient: str = "recipient") -> tuple[signers.SigningKey, str]:
    """A key of the recipient's own, which the portal knows. Returns the key and its name."""
    key = signers.SigningKey.generate()
    verifier = signers.verifier_for("vision.example", key)
    session.get_one(Recipient, recipient).answer_key = notes.key_line(verifier)
    session.flush()
    return key, verifier.name

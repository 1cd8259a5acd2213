"""Keeping what is needed to erase again, beside the database: before anything is touched, and with the certificate.

Every process asks at its start whether an erasure is missing in its database, so this loads little.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit import ledger
from portal.audit.ledger import Stage, Values, values_of
from portal.db import config_of
from portal.tables import (
    Account,
    Case,
    Certificate,
    Erasure,
    ErasureItem,
    Image,
    KeptFace,
    NoticeGround,
    Source,
    Store,
    Suppression,
)

BEGUN = ("running", "checking", "notifying", "settled")
# What an erasure's own rows point to. It is kept as it was before.
AROUND = (Account, Source, Store, Image)
STAFF = {"caseworker_id", "identity_by", "decided_by", "approved_by", "asked_by", "done_by"}


def remember(session: Session, erasure: Erasure) -> None:
    """Keep the plan and what it is about, before anything is touched. A second call changes nothing."""
    if ledger.read(session, erasure.id, "begun") is None:
        ledger.write(session, erasure.id, "begun", [*_around(session, erasure), *_of(session, erasure)])


def remember_end(session: Session, erasure: Erasure) -> None:
    """Keep it once more with the certificate and with what was seen of each item."""
    begun = ledger.read(session, erasure.id, "begun")
    names = {one.__tablename__ for one in AROUND}
    before = [row for row in begun.rows if row[0] in names] if begun else _around(session, erasure)
    seals = {item["position"]: item["sealed"] for item in begun.of(ErasureItem)} if begun else {}
    rows = _of(session, erasure)
    for name, values in rows:
        if name == ErasureItem.__tablename__:
            values["sealed"] = values["sealed"] or seals.get(values["position"])
    ledger.write(session, erasure.id, "done", [*before, *rows])


def missing(session: Session, *, deep: bool = False) -> dict[str, Stage]:
    """The erasures on record that the database knows nothing of, or less: it was put back from a backup.

    With `deep` the records are opened, too: one may have got a later certificate.
    """
    states = {one: state for one, state in session.execute(select(Erasure.id, Erasure.state))}
    certified = set(session.scalars(select(Certificate.erasure_id)))
    certificates = set(session.scalars(select(Certificate.id)))

    def knows(name: str, stage: Stage) -> bool:
        if states.get(name) not in BEGUN or (stage == "done" and name not in certified):
            return False
        record = ledger.read(session, name, stage) if deep else None
        return record is None or all(one["id"] in certificates for one in record.of(Certificate))

    kept = ledger.stages(config_of(session))
    return {name: stage for name, stage in kept.items() if not knows(name, stage)}


def _around(session: Session, erasure: Erasure) -> list[tuple[str, Values]]:
    ids = {item.image_id for item in erasure.items if item.image_id is not None}
    found = list(session.scalars(select(Image).where(Image.id.in_(ids)).order_by(Image.id)))
    stores = list(session.scalars(select(Store).where(Store.id.in_({image.store_id for image in found}))))
    sources = list(session.scalars(select(Source).where(Source.id.in_({store.source_id for store in stores}))))
    staff = session.scalars(
        select(Account).where(Account.id.in_(_staff(values for _, values in _of(session, erasure))))
    )
    return [values_of(row) for row in (*staff, *sources, *stores, *found)]


def _staff(rows: Iterable[Values]) -> set[str]:
    return {row[column] for row in rows for column in STAFF & row.keys() if row[column]}


def _of(session: Session, erasure: Erasure) -> list[tuple[str, Values]]:
    case = session.get_one(Case, erasure.case_id)
    items = session.scalars(select(ErasureItem).filter_by(erasure_id=erasure.id).order_by(ErasureItem.position))
    suppressions = session.scalars(select(Suppression).filter_by(erasure_id=erasure.id).order_by(Suppression.id))
    # Of a face this is what is sealed under its own key, and no more once that key is destroyed.
    kept = select(KeptFace).filter_by(case_id=case.id)
    faces = list(session.scalars(kept)) if erasure.kind == "deletion" else []
    certificates = session.scalars(select(Certificate).filter_by(erasure_id=erasure.id).order_by(Certificate.entry))
    # By it who else got one of the photographs is found out later.
    ground = session.scalars(select(NoticeGround).filter_by(erasure_id=erasure.id))
    rows = (case, *case.rights, erasure, *items, *suppressions, *faces, *certificates, *ground)
    return [values_of(row) for row in rows]

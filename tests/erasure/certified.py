"""A finished erasure made by hand: every item with its end, and nothing certified yet."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from portal import audit
from portal.erasure import certificate, remedies, retraining
from portal.erasure.items import commitment_of, leaf_of, plan_digest
from portal.keys import keys_of
from portal.tables import (
    Account,
    Candidate,
    Case,
    CaseRight,
    Certificate,
    Dataset,
    Encoder,
    Erasure,
    ErasureItem,
    Image,
    Recipient,
    Remedy,
    Search,
    Store,
    Suppression,
    TrainedModel,
)
from portal.tables.remedies import MODEL_REMEDIES

PHOTO = b"the bytes of a photograph"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GONE = {"gone": True, "by": "the store was listed"}


def finished(session: Session, kind: str = "deletion", **answers: str) -> Erasure:
    """An erasure of two photographs, one model and one recipient. `answers` replaces results of people."""
    for name in ("asker", "approver"):
        session.add(
            Account(
                id=name,
                email=f"{name}@example.org",
                name="Somebody Secret",
                roles=[],
                password_hash="",
                totp_secret=b"",
                created_at=NOON,
            )
        )
    case = Case(
        id="case",
        reference="EF-TEST-CASE",
        secret_hash="",
        state="fulfilling",
        residence="EU",
        received_at=NOON,
        due_on=date(2026, 12, 21),
        identity="confirmed",
    )
    session.add(case)
    session.flush()
    session.add(
        CaseRight(
            case_id="case",
            right=kind,
            rule=f"eu.{kind}",
            rule_version=1,
            due_on=date(2026, 12, 21),
            latest_on=date(2027, 2, 22),
            decision="grant",
        )
    )
    _found(session)
    erasure = Erasure(
        id="erasure",
        case_id="case",
        kind=kind,
        state="notifying",
        plan_digest="",
        asked_by="asker",
        planned_at=NOON,
        approved_by="approver",
        approved_at=NOON + timedelta(hours=1),
        cooling_until=NOON + timedelta(hours=25),
    )
    session.add(erasure)
    session.flush()
    _items(session, erasure, answers)
    return erasure


def issued(session: Session, kind: str = "deletion", **answers: str) -> tuple[Certificate, bytes, str]:
    """A certificate, its file and the key line, from a writing session."""
    erasure = finished(session, kind, **answers)
    made = certificate.issue(session, erasure)
    return made, certificate.file_of(session, made), audit.verifier_key(session)


def add_item(session: Session, erasure: Erasure, position: int, kind: str, target: str, **given: Any) -> ErasureItem:
    image = given.pop("image_id", None)
    digest = hashlib.sha256(PHOTO + str(image).encode()).digest() if image is not None else b""
    facts = {"key": "photos/secret-name.jpg", "digest": digest.hex(), "salt": secrets.token_hex(16)}
    item = ErasureItem(
        erasure_id=erasure.id,
        position=position,
        kind=kind,
        image_id=image,
        target=target,
        leaf=leaf_of(kind, position, target, commitment_of(facts)),
        sealed=keys_of(session).seal(json.dumps(facts).encode(), f"erasure-item/{erasure.id}/{position}"),
        **{"state": "verified", "evidence": GONE, "done_at": NOON + timedelta(days=2, minutes=position), **given},
    )
    session.add(item)
    session.flush()
    return item


def photo(image_id: int) -> bytes:
    return PHOTO + str(image_id).encode()


def _found(session: Session) -> None:
    session.add(Store(id="store", name="Photo archive", kind="folder", settings={}, created_at=NOON))
    session.add(Encoder(name="dlib", version="1", dimensions=128))
    session.add(Dataset(id="dataset", name="Faces", version="2014", created_on=date(2014, 1, 1)))
    session.add(TrainedModel(id="model", name="Recogniser", version="3"))
    session.add(Recipient(id="recipient", name="Example Vision Ltd", contact="privacy@vision.example"))
    session.add(
        Search(
            id="search",
            case_id="case",
            encoder="dlib 1",
            threshold=0.6,
            gallery_size=1000,
            candidates=3,
            coverage={"Photo archive": {"searched": 985, "fallback": 5, "faceless": 10}, "Attic": {}},
            created_at=NOON,
            finished_at=NOON,
        )
    )
    session.flush()
    for number, state in enumerate(("confirmed", "confirmed", "rejected"), 1):
        session.add(Image(id=number, store_id="store", key=f"erased/{number}", first_seen_at=NOON, last_seen_at=NOON))
        session.flush()
        session.add(Candidate(case_id="case", search_id="search", image_id=number, evidence=["face"], state=state))
    session.flush()


def _items(session: Session, erasure: Erasure, answers: dict[str, str]) -> None:
    position = 0
    for image in (1, 2):
        planned = [("suppression", str(image), "suppressed"), ("dataset-place", f"dataset/{image}", "deleted")]
        if erasure.kind == "deletion":
            planned += [("templates", str(image), "deleted"), ("image", str(image), "deleted")]
        for kind, target, result in planned:
            add_item(session, erasure, position, kind, target, image_id=image, result=result)
            position += 1
        session.add(
            Suppression(
                erasure_id=erasure.id,
                image_id=image,
                digest="00",
                blocks="intake",
                created_at=NOON,
                expires_at=NOON + timedelta(days=730),
            )
        )
    model, recipient = answers.get("model", "retrained-without"), answers.get("recipient", "told")
    note = "Run 7 of 18 November."
    trained = add_item(session, erasure, position, "model", "model", result=model, note=note, evidence=None)
    add_item(
        session,
        erasure,
        position + 1,
        "recipient",
        "recipient",
        result=recipient,
        evidence=None,
        note="Letter of 19 November. They\u2028said yes.",
    )
    session.expire(erasure, ["items"])
    erasure.plan_digest = plan_digest(item.leaf for item in erasure.items)
    session.flush()
    if model in MODEL_REMEDIES:
        add_remedy(session, trained, model)


def add_remedy(session: Session, item: ErasureItem, remedy: str) -> Remedy:
    """What the one person says about the model, and the other one confirms."""
    if remedy == "retrained-without":
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder) / "manifest.csv"
            manifest.write_text("sha256\n" + "".join(hashlib.sha256(b"%d" % n).hexdigest() + "\n" for n in range(21)))
            retraining.record(session, session.get_one(TrainedModel, item.target), "run-7", manifest)
    demands = remedies.DEMANDS[remedy]
    given = {name: {"weights_before": "0" * 64, "weights_after": "1" * 64, "run": "run-7"}.get(name, "As agreed.")
             for name in demands}  # fmt: skip
    note = item.note or "It was done on Monday."
    remedies.answer(session, item, "asker", remedy, note, remedies.Evidence(NOON.date(), **given))
    item.done_at = NOON + timedelta(days=2, minutes=item.position)
    return remedies.confirm(session, item, "approver")

"""What a certificate says beside the items themselves: who acted, which stores, what recipients had got and answered.

People are numbers that are always the same for the same person, and never names.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import lineage
from portal.audit.log import instant
from portal.cases import law
from portal.db import config_of
from portal.keys import keys_of
from portal.languages import mark
from portal.tables import (
    Account,
    Candidate,
    CaseRight,
    Disclosure,
    Encoder,
    Erasure,
    ErasureItem,
    Judgement,
    Notice,
    Recipient,
    Remedy,
    Source,
    Store,
    StoredOutput,
)

RESTORED = mark("If a backup of the portal is put back, it first erases this again.")
METHOD = mark(
    "Each file was first compared with the approved one. Then it was deleted. If other people are in it, or it is "
    "in an archive, it was written anew without this person."
)
MEDIA = mark("No disk or other device was destroyed for this.")
SWORN = mark("No person has sworn this under penalty of perjury. The key of the issuer signed it once it was approved.")
ADDRESSEES = mark(
    "It is made for the person who asked, or for who acts for them. The issuer keeps a copy. Whoever has the file may "
    "show it to an authority."
)
NOT_KNOWN = mark(
    "Not known to this statement: where the people who acted were, copies of models that others keep, and how other "
    "systems keep their backups."
)
CHECK = mark("Anybody can check it with the public key of the issuer: efface certificate verify FILE --key KEY")
GALLERY = "The face templates were deleted, and with them their places among those that are searched."


def scope(session: Session) -> list[dict[str, Any]]:
    """The stores that are looked into, and where each came from where that is recorded."""
    rows = session.execute(
        select(Store.id, Store.name, Source.name).outerjoin(Source, Store.source_id == Source.id).order_by(Store.name)
    )
    return [{"store": store_id, "name": name, "source": source or ""} for store_id, name, source in rows]


def templates(session: Session, without_since: str | None) -> dict[str, Any]:
    """By which encoders face templates were made, and since when their galleries are without those of this plan."""
    names = session.execute(select(Encoder.name, Encoder.version).order_by(Encoder.id))
    return {
        "encoders": [f"{name} {version}" for name, version in names],
        "without_since": without_since,
        "gallery": GALLERY,
    }


def with_evidence(one: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    """What may be in the log of a model's evidence: no words of people, and of a new run only its root."""
    evidence = items[one["item"]]["evidence"]
    said = {name: evidence[name] for name in ("done_on", "weights_before", "weights_after") if name in evidence}
    run = {name: value for name, value in evidence.get("run", {}).items() if name in ("root", "photographs")}
    return {**one, **said, **({"run": run} if run else {})}


def told(session: Session, erasure: Erasure, item: dict[str, Any]) -> dict[str, Any]:
    """What a recipient had got of this and when, by which text they were told, and what they answered when."""
    images = [one.image_id for one in erasure.items if one.image_id is not None]
    datasets = {stay.dataset_id for stay in lineage.stays_of(session, images)}
    models = {one.target for one in erasure.items if one.kind == "model"}
    got = (
        select(Disclosure)
        .where(Disclosure.recipient_id == item["target"])
        .where(Disclosure.dataset_id.in_(datasets) | Disclosure.model_id.in_(models))
        .order_by(Disclosure.disclosed_on)
    )
    return {
        "got": [
            {**name(one.dataset or one.model, ""), "on": one.disclosed_on.isoformat()} for one in session.scalars(got)
        ],
        "notices": _notices(session, erasure, item["target"]),
    }


def told_later(session: Session, erasure: Erasure, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Recipients that the approved plan could not know of yet, and what they were told and answered."""
    planned = {item["target"] for item in items if item["kind"] == "recipient"}
    later = select(Notice.recipient_id).where(Notice.erasure_id == erasure.id, Notice.recipient_id.not_in(planned))
    found = session.scalars(select(Recipient).where(Recipient.id.in_(later)).order_by(Recipient.id))
    return [{"target": one.id, **name(one, ""), "notices": _notices(session, erasure, one.id)} for one in found]


def answers_of(later: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Of recipients that were found out about later, what a newer certificate is issued for: who answered what."""
    return [
        (one["target"], notice["text"], notice["answer"] or notice["state"])
        for one in later
        for notice in one["notices"]
        if notice["answer"] or notice["state"] == "unreachable"
    ]


def _notices(session: Session, erasure: Erasure, recipient_id: str) -> list[dict[str, Any]]:
    """By which texts a recipient was told, each by the SHA-256 of the signed text, and what came back."""
    notices = select(Notice).filter_by(erasure_id=erasure.id, recipient_id=recipient_id).order_by(Notice.number)
    return [
        {
            "text": one.digest,
            "photographs": one.photographs,
            "made": instant(one.made_at),
            "sent": said_at(one.sent_at),
            "state": one.state,
            "answer": one.result or "",
            "answered": said_at(one.answered_at),
            "signed": one.signed,
        }
        for one in session.scalars(notices)
    ]


def backup(session: Session, issued: datetime) -> dict[str, Any]:
    """Of the portal's own backups: after which day none of before can be put back, and what happens until then."""
    days = config_of(session).backup_days
    return {"until": instant(issued + timedelta(days=days)), "erased_again_when_restored": True, "sentence": RESTORED}


def besides(items: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Sentences that each certificate has: how it was done, who signed it, for whom it is, and what nobody knows."""
    files = any(item["kind"] in ("image", "copy", "redaction") for item in items)
    return {
        "method": METHOD if files else "",
        "media": MEDIA,
        "sworn": SWORN,
        "addressees": ADDRESSEES,
        "not_known": NOT_KNOWN,
        "check": CHECK,
    }


def people(session: Session, erasure: Erasure) -> list[dict[str, Any]]:
    """Who acted, each as a number that is always the same for the same person, with the roles they have. No names."""
    answered = select(Remedy).join(ErasureItem, Remedy.item_id == ErasureItem.id)
    rows = session.scalars(answered.where(ErasureItem.erasure_id == erasure.id).order_by(ErasureItem.position)).all()
    acted = [
        *(("reviewed", account, at) for account, at in _reviewers(session, erasure.case_id)),
        ("planned", erasure.asked_by, erasure.planned_at),
        ("approved", erasure.approved_by, erasure.approved_at),
        *(("model-answered", row.answered_by, row.answered_at) for row in rows),
        *(("model-confirmed", row.confirmed_by, row.confirmed_at) for row in rows),
    ]
    return [
        {
            "role": role,
            "who": keys_of(session).digest("staff", account.encode())[:12],
            "staff_roles": sorted(session.get_one(Account, account).roles),
            "at": said_at(at),
        }
        for role, account, at in acted
        if account
    ]


def _reviewers(session: Session, case_id: str) -> list[tuple[str, datetime]]:
    """Who said of this case's candidates whether they are the person, and when each did so last."""
    last = func.max(Judgement.at)
    query = (
        select(Judgement.account_id, last)
        .join(Candidate, Judgement.candidate_id == Candidate.id)
        .where(Candidate.case_id == case_id, Judgement.undone_at.is_(None))
        .group_by(Judgement.account_id)
        .order_by(last, Judgement.account_id)
    )
    return [(account, at) for account, at in session.execute(query)]


def complaint(session: Session, right: CaseRight) -> dict[str, str]:
    """To whom a person can turn, in English: what is signed stays in one language."""
    authority = law.rule_by(right.rule, right.rule_version).authority
    return {"issuer": config_of(session).contact, "authority": authority}


def name(row: Any, fallback: str) -> dict[str, Any]:
    """Name and version of a dataset, model, product, recipient or stored output; `fallback` where it is gone."""
    if row is None:
        return {"name": fallback}
    if isinstance(row, StoredOutput):
        return {"name": f"{row.kind}, {row.model.name} {row.model.version}"}
    version = getattr(row, "version", None)
    return {"name": row.name, "version": version} if version else {"name": row.name}


def said_at(at: datetime | None) -> str | None:
    """An instant for a statement, or None."""
    return instant(at) if at is not None else None

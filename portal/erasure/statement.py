"""What a certificate says: the fields of reference certificates (FTC orders, NIST SP 800-88), as far as they are known.

No names of people, no template, no plain digest of a photograph. What is not known is said to be not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.audit.heads import origin_of
from portal.audit.log import instant
from portal.cases.answer import keeping
from portal.db import config_of
from portal.erasure import particulars, taken
from portal.erasure.items import NOT_GONE, extent_of, tally
from portal.erasure.verifying import STATEMENT
from portal.keys import keys_of
from portal.languages import mark
from portal.suppression.faces import kept_for
from portal.tables import (
    Candidate,
    Case,
    CaseRight,
    Dataset,
    Erasure,
    FeedEntry,
    Product,
    Recipient,
    Search,
    StoredOutput,
    Suppression,
    TrainedModel,
)

# What is signed stays in English; `wording` says the marked texts in the language of whoever reads.
BACKUPS = mark(
    "Backups of the stores are outside this statement: the portal cannot reach them. "
    "What is in them stays until the issuer lets them expire."
)
NONE_TRAINED = mark("By the records of the issuer no model was trained on any of these photographs.")
DECLARED = mark(
    "The issuer declares by its signature that this is true, as far as its records and the looks named here show."
)
CHECKED = mark(
    "After each step the place was looked at again by another path. Only what was then seen is written here."
)
NOT_FOUND = mark("No other record within the threshold was confirmed. What was not searched is not covered by this.")
NOT_AGAIN = {
    "deletion": mark("so that the same photographs are not taken in again to any store"),
    "opt-out": mark("so that the same photographs are not taken in again to any dataset"),
}
NOTHING_KEPT = mark(
    "the person asked that nothing is kept by which these photographs could be known again, so they may come in again"
)
IN_FEEDS = mark(
    "whoever holds a copy finds the photographs by them and can erase them, too. The lines stay for three weeks at "
    "least. Then they go, once every recipient we know of has answered or is waited for no more"
)
FACE_FORM = "a protected face template under a key of its own, which is destroyed at the end"
FACE_KEPT = mark(
    "kept with the person's consent. It only holds back new photographs of this face when they come in. The person can "
    "take the consent back at any time. Its key is then destroyed at once"
)
LOG_STAYS = mark("the lines of the log about this case stay: no names and no pictures in them")
# Which kinds of items each dated part of the statement is about.
PARTS = {
    "images": ("image", "copy", "redaction"),
    "templates": ("templates", "crop", "record", "face"),
    "datasets": ("dataset-place",),
    "suppressions": ("suppression",),
    "models": ("model", "output", "product"),
    "recipients": ("recipient",),
}


@dataclass(frozen=True)
class Issued:
    """A certificate that is being made: its id, when, the digest of its items, and the one it supersedes."""

    id: str
    at: datetime
    items_digest: str
    supersedes: str | None


def statement_of(
    session: Session, erasure: Erasure, right: CaseRight, items: list[dict[str, Any]], issued: Issued
) -> dict[str, Any]:
    """The statement as a JSON object. `items` are the lines of the certificate's list."""
    case = session.get_one(Case, erasure.case_id)
    return {
        "v": 1,
        "format": STATEMENT,
        "kind": "certificate",
        "id": issued.id,
        "at": instant(issued.at),
        "supersedes": issued.supersedes,
        "erasure": erasure.kind,
        "extent": extent_of(items, erasure.kind),
        "issuer": _issuer(session),
        "scope": particulars.scope(session),
        "case": _case(case, right),
        "dates": _dates(case, erasure, items, issued.at),
        "plan": {"digest": erasure.plan_digest, "items": len(items), "items_digest": issued.items_digest},
        "search": _search(session, case),
        "counts": tally(items),
        "parts": {name: _part(items, kinds) for name, kinds in PARTS.items()},
        "templates": particulars.templates(session, _part(items, ("templates", "face"))["to"]),
        "datasets": _datasets(session, items),
        "models": [particulars.with_evidence(one, items) for one in _for_people(session, items, "model", TrainedModel)],
        "none_trained": "" if any(item["kind"] == "model" for item in items) else NONE_TRAINED,
        "outputs": _for_people(session, items, "output", StoredOutput),
        "products": _for_people(session, items, "product", Product),
        "recipients": [
            {**one, **particulars.told(session, erasure, items[one["item"]])}
            for one in _for_people(session, items, "recipient", Recipient)
        ],
        "taken_before": taken.before(session, case, erasure.kind),
        "told_later": particulars.told_later(session, erasure, items),
        "kept": _kept(session, erasure, items),
        "exceptions": _exceptions(items),
        "backups": BACKUPS,
        "backup": particulars.backup(session, issued.at),
        "approval": _approval(erasure),
        "people": particulars.people(session, erasure),
        "checked": CHECKED,
        "declaration": DECLARED,
        "complaint": particulars.complaint(session, right),
        **particulars.besides(items),
    }


def _issuer(session: Session) -> dict[str, Any]:
    config = config_of(session)
    return {
        "organisation": config.organisation,
        "role": "controller",
        "address": config.address,
        "contact": config.contact,
        "zone": config.zone,
        "log": origin_of(keys_of(session).public_key),
    }


def _case(case: Case, right: CaseRight) -> dict[str, Any]:
    return {
        "reference": case.reference,
        "right": right.right,
        "rule": right.rule,
        "rule_version": right.rule_version,
        "identity": case.identity or "not-needed",
    }


def _dates(case: Case, erasure: Erasure, items: list[dict[str, Any]], issued: datetime) -> dict[str, str | None]:
    carried_out = sorted(item["at"] for item in items if item["at"])
    return {
        "received": instant(case.received_at),
        "planned": instant(erasure.planned_at),
        "approved": particulars.said_at(erasure.approved_at),
        "cooled_until": particulars.said_at(erasure.cooling_until),
        "carried_out_from": carried_out[0] if carried_out else None,
        "carried_out_to": carried_out[-1] if carried_out else None,
        "issued": instant(issued),
    }


def _search(session: Session, case: Case) -> dict[str, Any]:
    """What was searched with what, and what came of it. Never "we hold nothing": only what was looked at is known."""
    searches = session.scalars(
        select(Search).where(Search.case_id == case.id, Search.finished_at.is_not(None)).order_by(Search.finished_at)
    )
    states = select(Candidate.state, func.count()).where(Candidate.case_id == case.id).group_by(Candidate.state)
    return {
        "searches": [
            {
                "at": particulars.said_at(search.finished_at),
                "encoder": search.encoder,
                "threshold": search.threshold,
                "gallery_size": search.gallery_size,
                "coverage": search.coverage or {},
                "candidates": search.candidates,
            }
            for search in searches
        ],
        "candidates": {state: count for state, count in session.execute(states.order_by(Candidate.state))},
        "sentence": NOT_FOUND,
    }


def _part(items: Iterable[dict[str, Any]], kinds: tuple[str, ...]) -> dict[str, Any]:
    """One dated part: how many items, and from when to when they were seen to."""
    mine = [item for item in items if item["kind"] in kinds]
    times = sorted(item["at"] for item in mine if item["at"])
    return {"items": len(mine), "from": times[0] if times else None, "to": times[-1] if times else None}


def _datasets(session: Session, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The datasets photographs were taken out of, each with how many places."""
    places: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        if item["kind"] == "dataset-place":
            places.setdefault(item["target"].partition("/")[0], []).append(item)
    return [
        {**particulars.name(session.get(Dataset, dataset), dataset), "results": tally(found)["dataset-place"]}
        for dataset, found in sorted(places.items())
    ]


def _for_people(session: Session, items: list[dict[str, Any]], kind: str, table: type[Any]) -> list[dict[str, Any]]:
    """Each model, product or recipient with what a person answered about it. Their notes are in the list of items."""
    return [
        {
            **particulars.name(session.get(table, item["target"]), item["target"]),
            "item": item["position"],
            "result": item["result"],
            "at": item["at"],
        }
        for item in items
        if item["kind"] == kind
    ]


def _kept(session: Session, erasure: Erasure, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    if erasure.kind == "opt-out":
        photographs = len({item["image"] for item in items if item["image"] is not None})
        kept.append(
            {"what": "photographs", "count": photographs, "why": mark("an opt-out does not delete photographs")}
        )
    untouched = sum(item["result"] == "template-dropped" for item in items)
    if untouched:
        why = mark("other people are in it, and only the face template of this person was dropped")
        kept.append({"what": "photographs", "count": untouched, "why": why})
    count, until = session.execute(
        select(func.count(), func.max(Suppression.expires_at)).where(Suppression.erasure_id == erasure.id)
    ).one()
    if count:
        kept.append(
            {
                "what": "suppressions",
                "mode": "photographs",
                "count": count,
                "form": "a keyed hash of each photograph's digest and a sealed near-duplicate digest; no face template",
                "why": NOT_AGAIN.get(erasure.kind, NOT_AGAIN["opt-out"]),
                "until": particulars.said_at(until),
            }
        )
    asked_for_none = erasure.kind == "deletion" and keeping.keeps_nothing(session.get_one(Case, erasure.case_id))
    if asked_for_none or any(item["result"] == "not-suppressed" for item in items):
        kept.append({"what": "suppressions", "mode": "none", "count": 0, "why": NOTHING_KEPT})
        kept += _in_feeds(session, items)
    kept += _faces(session, erasure)
    kept.append({"what": "log", "why": LOG_STAYS})
    return kept


def _in_feeds(session: Session, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of public removal feeds that still name the photographs, by their salted digests."""
    images = {item["image"] for item in items if item["kind"] == "dataset-place"}
    lines = select(func.count()).select_from(FeedEntry).where(FeedEntry.image_id.in_(images))
    count = session.scalar(lines.where(FeedEntry.taken_at.is_(None))) or 0
    return [{"what": "feeds", "count": count, "why": IN_FEEDS}] if count else []


def _faces(session: Session, erasure: Erasure) -> list[dict[str, Any]]:
    """The face that the person lets us keep: its form, its purpose and its end. Never the template itself."""
    living = [one for one in kept_for(session, erasure.case_id) if one.ended_at is None]
    if erasure.kind != "deletion" or not living:
        return []
    until = max(one.expires_at for one in living)
    by = sorted(one.encoder for one in living)
    said = {"mode": "face", "count": len(living), "encoders": by, "form": FACE_FORM, "purpose": living[0].purpose}
    return [{"what": "faces", **said, "why": FACE_KEPT, "until": particulars.said_at(until)}]


def _exceptions(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was planned and not done, with why; equal ones are counted together. `until`: when the last lock ends."""
    items = [item for item in items if item["state"] in NOT_GONE]
    refused = tally(items)
    return [
        {"kind": kind, "why": why, "count": count, **_until(items, kind, why)}
        for kind, results in sorted(refused.items())
        for why, count in sorted(results.items())
    ]


def _until(items: list[dict[str, Any]], kind: str, why: str) -> dict[str, str | None]:
    """The last day of the locks that keep these, null when one of them has no day; nothing where there is no lock."""
    days = [item["until"] for item in items if (item["kind"], item["result"]) == (kind, why) and "until" in item]
    if not days:
        return {}
    return {"until": None if None in days else max(days)}


def _approval(erasure: Erasure) -> str:
    if erasure.one_person:
        return mark("One person alone asked for and approved this: the organisation allows that.")
    return mark("One person asked for this and another person approved the plan by its digest.")

"""What the sworn statement of an order says: four dated parts (images, templates, models, recipients), law.md A4 and C.

It has a bounded size, whatever the order's: it holds counts and roots. Names of stores, datasets, encoders, models and
recipients are lines beside it, bound by a digest. No name of a person is in it: the log is public and for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.audit import merkle
from portal.audit.heads import origin_of
from portal.audit.log import instant
from portal.db import config_of
from portal.erasure.rechecking import LONGEST
from portal.keys import keys_of
from portal.orders import checking, chunks, people, remedies
from portal.orders.making import title
from portal.orders.verifying import STATEMENT, extent_of, tally_of
from portal.stores import anew
from portal.tables import Encoder, Notice, Order, OrderChunk, OrderItem, Recipient, Store, SuppressionChunk

BACKUPS = (
    "Backups and copies outside of the stores named are outside of this statement: the portal cannot reach them. "
    "What is in them stays until the issuer lets them expire."
)
CHECKED = (
    "After each step every place was looked at again by another path: folders and archives were listed, rows were "
    "counted. Only what was then seen is written here."
)
METHOD = (
    "Each object was compared with the approved digest and deleted, or its archive was written anew without it. "
    "Deleted rows were overwritten in the database and in its write-ahead log."
)
NO_MODEL = "By the recorded lineage no model was trained on any of these photographs."
NO_RECIPIENT = "By the recorded lineage none of these photographs was passed on to anybody."
OATHS = {
    "us": (
        "28 U.S.C. 1746",
        "I declare under penalty of perjury under the laws of the United States of America that the foregoing is true "
        "and correct.",
    ),
    "california": (
        "California Code of Civil Procedure 2015.5",
        "I declare under penalty of perjury under the laws of the State of California that the foregoing is true and "
        "correct.",
    ),
    "statement": ("", "I state that the foregoing is true and correct, and that I am authorised to say so."),
}
LOG_STAYS = "the lines of the log about this order stay: no names and no pictures in them"
PLACES = "sealed names and digests of what was erased, to look 1, 7 and 30 days later whether it is back"
DIGESTS = "sealed digests of what was erased, to tell whoever turns out later to have got it"
FOUND_LATER = "recipient-found-later"
PROMISES = "keyed hashes of the photographs' digests and sealed near-duplicate digests; no face template"

Line = dict[str, Any]


def chunk_lines(session: Session, order: Order) -> list[Line]:
    """One line for each chunk: how many photographs, the two roots, the results, when."""
    rows = select(OrderChunk.number, OrderChunk.images, OrderChunk.root, OrderChunk.results_root, OrderChunk.marks,
                  OrderChunk.done_at, OrderChunk.checked_at)  # fmt: skip
    return [
        {
            "number": row.number,
            "images": row.images,
            "root": row.root.hex(),
            "results_root": row.results_root.hex(),
            "results": chunks.tally(row.marks),
            "done": instant(row.done_at),
            "checked": instant(row.checked_at),
        }
        for row in session.execute(rows.filter_by(order_id=order.id).order_by(OrderChunk.number))
    ]


def lines_of(session: Session, order: Order) -> list[Line]:
    """Stores, datasets and encoders with counts; models, products and recipients with what people answered."""
    plan = order.plan or {}
    lines = _stores(session, order)
    for one in sorted(plan["reached"].get("datasets", {}).values(), key=lambda one: str(one["name"])):
        lines.append({"kind": "dataset", "name": one["name"], "photographs": one.get("photographs", 0)})
    for name, count in sorted(_gone(session, order).items()):
        if name.startswith("templates/"):
            encoder = session.get(Encoder, int(name.partition("/")[2]))
            told = f"{encoder.name} {encoder.version}" if encoder else name
            lines.append({"kind": "encoder", "name": told, "templates": count})
    notices, items = _notices(session, order), people.items_of(session, order)
    lines += [{**_of_people(session, order, item), "notices": notices.pop(item.target, [])} for item in items]
    return lines + [_found_later(session, recipient, late) for recipient, late in sorted(notices.items())]


def _stores(session: Session, order: Order) -> list[Line]:
    """Each store with what its archives are now, where it has some: that is its next version."""
    archives, lines = checking.archives_of(session, order.id), []
    for store, count in sorted((order.plan or {})["stores"].items()):
        row, here = session.get(Store, store), archives.get(store)
        anew_as = {"archives": len(here), "archives_root": anew.root_of(here)} if here else {}
        lines.append({"kind": "store", "name": row.name if row else store, "photographs": count, **anew_as})
    return lines


def _found_later(session: Session, recipient_id: str, notices: list[Line]) -> Line:
    """A recipient that the approved plan could not know of yet."""
    recipient = session.get_one(Recipient, recipient_id)
    return {"kind": FOUND_LATER, "target": recipient_id, "name": recipient.name, "notices": notices}


def _notices(session: Session, order: Order) -> dict[str, list[Line]]:
    """By recipient what they were told and what came back; the digest is that of the signed text they got."""
    told: dict[str, list[Line]] = {}
    rows = select(Notice).filter_by(order_id=order.id).order_by(Notice.made_at, Notice.id)
    for one in session.scalars(rows):
        line = {
            "notice": one.id,
            "digest": one.digest,
            "photographs": one.photographs,
            "made": instant(one.made_at),
            "sent": _instant(one.sent_at),
            "state": one.state,
            "answer": one.result,
            "answered": _instant(one.answered_at),
            "signed": one.signed,
        }
        told.setdefault(one.recipient_id, []).append(line)
    return told


def _of_people(session: Session, order: Order, item: OrderItem) -> Line:
    return {
        "kind": item.kind,
        "position": order.images + item.number,
        "target": item.target,
        "name": item.name,
        "how": item.via,
        "result": item.result,
        "note": item.note,
        "at": _instant(item.done_at),
        "evidence": remedies.evidence_of(session, item),
    }


def statement_of(
    session: Session,
    order: Order,
    lines: list[Line],
    by_chunk: list[Line],
    ids: dict[str, str | None],
    issued: datetime,
) -> Line:
    """The statement as a JSON object. `ids`: its own id, that of the one it supersedes, and digests of both lists."""
    results = tally_of(line["results"] for line in by_chunk)
    law, words = OATHS[order.oath]
    said = {
        "v": 1,
        "format": STATEMENT,
        "kind": "order-certificate",
        "id": ids["id"],
        "supersedes": ids["supersedes"],
        "at": instant(issued),
        "extent": "",
        "issuer": _issuer(session),
        "order": {"id": order.id, "of": order.kind, "what": title(session, order), "reason": order.reason},
        "dates": _dates(order, issued),
        "plan": {"digest": order.plan_digest, "images": order.images, "chunks": len(by_chunk),
                 "people": len(people.items_of(session, order))},
        "results_root": merkle.root(bytes.fromhex(line["results_root"]) for line in by_chunk).hex(),
        "lines_digest": ids["lines_digest"],
        "chunks_digest": ids["chunks_digest"],
        "parts": _parts(session, order, results, by_chunk, lines),
        "kept": _kept(session, order, issued),
        "exceptions": _exceptions(order, results),
        "backups": BACKUPS,
        "checked": CHECKED,
        "approval": _approval(order),
        "declaration": {"law": law, "words": words, "position": order.position},
    }  # fmt: skip
    return {**said, "extent": extent_of(said, lines)}


def _parts(
    session: Session, order: Order, results: dict[str, int], by_chunk: list[Line], lines: list[Line]
) -> dict[str, Line]:
    gone = _gone(session, order)
    done = [line["done"] for line in by_chunk]
    checked = [line["checked"] for line in by_chunk]
    span = {"from": min(done, default=None), "to": max(done, default=None), "checked": max(checked, default=None)}
    return {
        "images": {"planned": order.images, "results": results, "method": METHOD, **span},
        "templates": {
            "templates": sum(count for name, count in gone.items() if name.startswith("templates/")),
            "faces": gone.get("faces", 0),
            "crops": gone.get("crops", 0),
            "records": gone.get("records", 0),
            "dataset_places": gone.get("places", 0),
            **span,
        },
        "models": _people_part(lines, ("model", "output", "product"), NO_MODEL),
        "recipients": {**_people_part(lines, ("recipient",), NO_RECIPIENT), **_notices_part(lines)},
    }


def _people_part(lines: list[Line], kinds: Sequence[str], none: str) -> Line:
    mine = [line for line in lines if line["kind"] in kinds]
    days = sorted(line["at"] for line in mine)
    return {
        "count": len(mine),
        "results": dict(Counter(line["result"] for line in mine)),
        "basis": "" if mine else none,
        "from": days[0] if days else None,
        "to": days[-1] if days else None,
    }


def _notices_part(lines: list[Line]) -> Line:
    """How many notices are in each state, when the first and the last left, and who was found out about later."""
    notices = [notice for line in lines for notice in line.get("notices", [])]
    sent = sorted(notice["sent"] for notice in notices if notice["sent"])
    return {
        "notices": dict(sorted(Counter(notice["state"] for notice in notices).items())),
        "first_sent": sent[0] if sent else None,
        "last_sent": sent[-1] if sent else None,
        "found_later": sum(line["kind"] == FOUND_LATER for line in lines),
    }


def _gone(session: Session, order: Order) -> Counter[str]:
    counted: Iterable[Line | None] = session.scalars(select(OrderChunk.counts).filter_by(order_id=order.id))
    return sum((Counter(one) for one in counted if one), Counter())


def _exceptions(order: Order, results: dict[str, int]) -> list[Line]:
    left = [{"why": why, "count": count} for why, count in results.items() if why not in ("deleted", "already-absent")]
    plan = order.plan or {}
    unread = [{"why": "never-read", "count": plan["unread"]}] if plan["unread"] else []
    since = [{"why": "came-in-since", "count": plan["since"]}] if plan.get("since") else []
    return left + unread + since


def _kept(session: Session, order: Order, issued: datetime) -> list[Line]:
    count, until = session.execute(
        select(func.count(), func.max(SuppressionChunk.expires_at)).filter_by(order_id=order.id)
    ).one()
    kept: list[Line] = []
    if count:
        promised = _gone(session, order)["suppressions"]
        kept.append({"what": "suppressions", "count": promised, "form": PROMISES, "until": instant(until)})
        kept.append({"what": "digests", "form": DIGESTS, "until": instant(until)})
    kept.append({"what": "places", "form": PLACES, "until": instant(issued + LONGEST)})
    return [*kept, {"what": "log", "why": LOG_STAYS}]


def _dates(order: Order, issued: datetime) -> dict[str, str | None]:
    days = {
        "asked": order.asked_at,
        "planned": order.planned_at,
        "approved_first": order.first_at,
        "approved_second": order.second_at,
        "cooled_until": order.cooling_until,
        "started": order.started_at,
        "issued": issued,
    }
    return {name: _instant(at) for name, at in days.items()}


def _instant(at: datetime | None) -> str | None:
    return instant(at) if at is not None else None


def _approval(order: Order) -> str:
    if order.one_person:
        return "One person alone approved this plan: the organisation allows that."
    return "Two people approved this plan by its digest."


def _issuer(session: Session) -> Line:
    config = config_of(session)
    log = origin_of(keys_of(session).public_key)
    return {"organisation": config.organisation, "contact": config.contact, "zone": config.zone, "log": log}

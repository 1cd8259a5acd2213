"""Making notices: whom to tell of an erasure, of which photographs, and what the signed text says.

A notice carries salted digests of the photographs that this recipient got, and the names and versions of what they
got. It carries no face, no template, no picture, and nobody's name. What later notices need, the digests alone, is
kept sealed for as long as the promise not to take the photographs in again, and then purged.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.audit import heads
from portal.audit.log import instant
from portal.db import config_of
from portal.erasure.plans import sealed_facts
from portal.jobs import make_due
from portal.keys import keys_of
from portal.lineage.members import batches
from portal.notices import feeds, links, wire
from portal.tables import (
    Dataset,
    Erasure,
    ErasureItem,
    Image,
    Notice,
    NoticeGround,
    Store,
    TrainedModel,
    random_id,
)

# So many digests fit into a request that any server takes; beyond that the feeds alone say which photographs.
MOST_DIGESTS = 10_000
BATCH = 500
Places = dict[str, set[int]]


def announce(session: Session, erasure: Erasure) -> list[Notice]:
    """Put the photographs of an erasure into the feeds, and tell every recipient. Repeated, it makes nothing twice.

    What a hold keeps is told of once it is erased after all, in a notice of its own. To be called once the photographs
    are gone and their seals are still there. Needs a writing session.
    """
    digests = _gone_since(session, erasure)
    if not digests:
        return []
    ground = _lay_ground(session, erasure, digests)
    places = lineage.ever_in(session, digests)
    for dataset_id, images in sorted(places.items()):
        feeds.append(session, session.get_one(Dataset, dataset_id), {image: digests[image] for image in images})
    reached = lineage.trace(session, sorted(digests)).recipients
    given = [(one.id, one.facts["disclosures"]) for one in reached]
    places |= _in_stores(session, digests)
    return [_make(session, ground, recipient, what, digests, places) for recipient, what in given]


def look_again(session: Session, ground: NoticeGround) -> list[Notice]:
    """Tell who turned out later to have received one of the photographs, or another copy of the same bytes."""
    ground.looked_at = clock.now()
    digests = digests_of(session, ground)
    digests |= _other_copies(session, digests)
    places = lineage.ever_in(session, digests) | _in_stores(session, digests)
    made = []
    for reached in lineage.trace(session, sorted(digests)).recipients:
        told = _told(session, ground.erasure_id, reached.id)
        given = [one for one in reached.facts["disclosures"] if _mark(one) not in told]
        if given:
            made.append(_make(session, ground, reached.id, given, digests, places))
    return made


def digests_of(session: Session, ground: NoticeGround) -> dict[int, bytes]:
    """SHA-256 of each photograph of an erasure by image id."""
    kept = json.loads(keys_of(session).unseal(ground.sealed, _ground_place(ground.erasure_id)))
    return {int(image): bytes.fromhex(digest) for image, digest in kept.items()}


def text_of(session: Session, notice: Notice) -> str:
    """The signed text; empty once it was purged."""
    return str(_opened(session, notice).get("text", ""))


def facts_of(session: Session, notice: Notice) -> dict[str, Any]:
    """What the text says, as a JSON object; empty once it was purged."""
    text = text_of(session, notice)
    facts: dict[str, Any] = json.loads(text.split("\n")[1]) if text else {}
    return facts


def images_of(session: Session, notice: Notice) -> set[int]:
    """Ids of the photographs a notice is about; empty once it was purged."""
    return set(_opened(session, notice).get("images", ()))


def _gone_since(session: Session, erasure: Erasure) -> dict[int, bytes]:
    """All that the gate was shut for, without what was told of: the photographs that went, or are not to be used."""
    ground = session.get(NoticeGround, erasure.id)
    known = digests_of(session, ground) if ground is not None else {}
    went = [item for item in erasure.items if item.kind == "suppression" and item.state == "verified"]
    new = [(item.image_id, sealed_facts(session, item)) for item in went if item.image_id not in known]
    return {image: bytes.fromhex(facts["digest"]) for image, facts in new if image is not None and facts}


def _lay_ground(session: Session, erasure: Erasure, digests: dict[int, bytes]) -> NoticeGround:
    """Keep the digests, beside those that are kept already."""
    ground = session.get(NoticeGround, erasure.id)
    kept = digests | (digests_of(session, ground) if ground is not None else {})
    plain = json.dumps({image: digest.hex() for image, digest in kept.items()}).encode()
    sealed = keys_of(session).seal(plain, _ground_place(erasure.id))
    if ground is None:
        ground = NoticeGround(erasure_id=erasure.id)
        session.add(ground)
    ground.sealed, ground.looked_at = sealed, clock.now()
    ground.purge_after = clock.now() + _kept_for(session)
    session.flush()
    return ground


def _told(session: Session, erasure_id: str, recipient_id: str) -> set[str]:
    earlier = select(Notice.covers).filter_by(erasure_id=erasure_id, recipient_id=recipient_id)
    return {mark for covers in session.scalars(earlier) for mark in covers}


def _make(
    session: Session,
    ground: NoticeGround,
    recipient_id: str,
    given: list[dict[str, Any]],
    digests: dict[int, bytes],
    places: Places,
) -> Notice:
    erasure = session.get_one(Erasure, ground.erasure_id)
    images = sorted({image for one in given for image in places.get(one["dataset"] or one["store"] or "", ())})
    notice_id, now = random_id(), clock.now()
    facts = _facts(session, erasure, notice_id, now, given, [digests[image] for image in images])
    keys = keys_of(session)
    text = wire.sign(wire.NOTICE, facts, heads.origin_of(keys.public_key), keys.signing_key)
    notice = Notice(
        id=notice_id,
        erasure_id=erasure.id,
        recipient_id=recipient_id,
        item_id=_item(session, erasure, recipient_id),
        number=_next_number(session, erasure, recipient_id),
        covers=sorted(_mark(one) for one in given),
        photographs=len(images),
        sealed=keys.seal(json.dumps({"text": text, "images": images}).encode(), _place(notice_id)),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        purge_after=ground.purge_after,
        made_at=now,
        facts=[],
    )
    session.add(notice)
    session.flush()
    make_due(session, notice)
    said = {"notice": notice.id, "erasure": erasure.id, "recipient": recipient_id, "digest": notice.digest}
    audit.append(session, "notice-made", {**said, "photographs": len(images), "number": notice.number})
    return notice


def _facts(
    session: Session,
    erasure: Erasure,
    notice_id: str,
    now: datetime,
    given: list[dict[str, Any]],
    digests: list[bytes],
) -> dict[str, Any]:
    """What the text says, as a JSON object. The digests are sorted: their order would tell which came in together."""
    config, salt = config_of(session), secrets.token_bytes(16)
    listed = digests if len(digests) <= MOST_DIGESTS else []
    return {
        "v": 1,
        "id": notice_id,
        "at": instant(now),
        "asks": "erase" if erasure.kind == "deletion" else "stop-using",
        "issuer": {"organisation": config.organisation, "contact": config.contact},
        "received": [_received(session, one) for one in given],
        "photographs": len(digests),
        "how": "SHA-256(salt || SHA-256(file)); salt and digests are hexadecimal",
        "salt": salt.hex(),
        "digests": sorted(wire.salted(salt, digest).hex() for digest in listed),
        "answer_at": links.answer_page(session, notice_id),
        "answer_signed_at": f"{links.answer_page(session, notice_id)}/signed",
    }


def _received(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """What they got and when; for a dataset with the feed to run `efface purge` on."""
    if given["dataset"]:
        dataset = session.get_one(Dataset, given["dataset"])
        named = {"what": "dataset", "name": dataset.name, "version": dataset.version}
        return {**named, "on": given["disclosed_on"], "feed": links.feed(session, dataset)}
    if given["store"]:
        store = session.get_one(Store, given["store"])
        return {"what": "photographs", "name": store.name, "version": "", "on": given["disclosed_on"]}
    model = session.get_one(TrainedModel, given["model"])
    return {"what": "model", "name": model.name, "version": model.version, "on": given["disclosed_on"]}


def _other_copies(session: Session, digests: dict[int, bytes]) -> dict[int, bytes]:
    """Photographs of the same bytes that came to light since: in another store, or under another name."""
    found: dict[int, bytes] = {}
    wanted = sorted(set(digests.values()))
    for start in range(0, len(wanted), BATCH):
        rows = select(Image.id, Image.digest).where(Image.digest.in_(wanted[start : start + BATCH]))
        found |= {image: digest for image, digest in session.execute(rows) if digest is not None}
    return found


def _in_stores(session: Session, digests: dict[int, bytes]) -> Places:
    """By store, which of the photographs somebody else holds there."""
    found: Places = {}
    held = select(Image.id, Image.store_id).join(Store, Image.store_id == Store.id).where(Store.holder_id.is_not(None))
    for batch in batches(digests):
        for image, store in session.execute(held.where(Image.id.in_(batch))):
            found.setdefault(store, set()).add(image)
    return found


def _item(session: Session, erasure: Erasure, recipient_id: str) -> int | None:
    wanted = select(ErasureItem.id).filter_by(erasure_id=erasure.id, kind="recipient", target=recipient_id)
    return session.scalar(wanted)


def _next_number(session: Session, erasure: Erasure, recipient_id: str) -> int:
    last = select(func.max(Notice.number)).filter_by(erasure_id=erasure.id, recipient_id=recipient_id)
    return (session.scalar(last) or 0) + 1


def _mark(given: dict[str, Any]) -> str:
    return f"{given['dataset'] or given['model'] or given['store']}/{given['disclosed_on']}"


def _opened(session: Session, notice: Notice) -> dict[str, Any]:
    if notice.sealed is None:
        return {}
    opened: dict[str, Any] = json.loads(keys_of(session).unseal(notice.sealed, _place(notice.id)))
    return opened


def _kept_for(session: Session) -> timedelta:
    return timedelta(days=365.25 * config_of(session).suppression_years)


def _place(notice_id: str) -> str:
    return f"notice/{notice_id}"


def _ground_place(erasure_id: str) -> str:
    return f"notice-ground/{erasure_id}"

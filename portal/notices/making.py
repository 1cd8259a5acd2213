"""Making notices: whom to tell of an erasure or an order, of which photographs, and what the signed text says.

A notice carries salted digests of the photographs that this recipient got, and the names and versions of what they
got. It carries no face, no template, no picture, and nobody's name. What later notices need, the digests alone, is
kept sealed for as long as the promise not to take the photographs in again, and then purged.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.audit import heads
from portal.audit.log import instant
from portal.cases.answer import keeping as chosen
from portal.db import config_of
from portal.erasure.plans import sealed_facts
from portal.jobs import make_due
from portal.keys import keys_of
from portal.lineage.members import batches
from portal.notices import clocks, feeds, keeping, links, wire
from portal.suppression import YEAR
from portal.tables import (
    Case,
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


@dataclass(frozen=True)
class About:
    """What a notice tells of: an erasure or an order, one of the two; what it asks; when its text is purged."""

    erasure_id: str | None
    order_id: str | None
    asks: str
    purge_after: datetime

    @property
    def key(self) -> dict[str, str | None]:
        return {"erasure_id": self.erasure_id, "order_id": self.order_id}


@dataclass
class Got:
    """What one recipient got of the photographs: the disclosures by their mark, and how many photographs these held.

    `digests` has at most one more than a notice carries; `inside` counts the photographs by dataset.
    """

    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    photographs: int = 0
    digests: list[bytes] = field(default_factory=list)
    inside: Counter[str] = field(default_factory=Counter)


def announce(session: Session, erasure: Erasure) -> list[Notice]:
    """Put the photographs of an erasure into the feeds, and tell every recipient. Repeated, it makes nothing twice.

    What a hold keeps is told of once it is erased after all, in a notice of its own. To be called once the photographs
    are gone and their seals are still there. Needs a writing session.
    """
    digests = _gone_since(session, erasure)
    if not digests:
        return []
    anew = session.get(NoticeGround, erasure.id) is None and erasure.settled_at is None
    ground = _lay_ground(session, erasure, digests)
    publish(session, digests)
    about, reached = _about(session, ground), dict[str, Got]()
    # After a restore the notices may be back already, and the erasure is only on its way again.
    gather(session, digests, told(session, about) if anew else {}, reached)
    return tell_all(session, about, reached)


def look_again(session: Session, ground: NoticeGround) -> list[Notice]:
    """Tell who turned out later to have received one of the photographs, or another copy of the same bytes."""
    ground.looked_at = clock.now()
    about, digests = _about(session, ground), _still_kept(session, ground)
    late: dict[str, Got] = {}
    gather(session, digests | other_copies(session, digests), told(session, about), late)
    return tell_all(session, about, late)


def publish(session: Session, digests: dict[int, bytes]) -> set[int]:
    """Put photographs, SHA-256 by image id, into the feed of each dataset they were in. Returns those new to one."""
    added: set[int] = set()
    for dataset_id, images in sorted(lineage.ever_in(session, digests).items()):
        dataset = session.get_one(Dataset, dataset_id)
        added |= feeds.append(session, dataset, {image: digests[image] for image in images})
    return added


def gather(session: Session, digests: dict[int, bytes], known: dict[str, set[str]], reached: dict[str, Got]) -> None:
    """Add to `reached`, by recipient, what each got of these photographs. Millions are gathered in portions.

    `known` has the marks of disclosures that are left out, by recipient: what they were `told` of before.
    """
    places, held = lineage.ever_in(session, digests), _in_stores(session, digests)
    for one in lineage.trace(session, sorted(digests)).recipients:
        new = {_mark(given): given for given in one.facts["disclosures"]}
        new = {mark: given for mark, given in new.items() if mark not in known.get(one.id, ())}
        if not new:
            continue
        got = reached.setdefault(one.id, Got())
        got.given |= new
        images = {image for given in new.values() for image in places.get(given["dataset"] or "", ())}
        images |= {image for given in new.values() for image in held.get(given["store"] or "", ())}
        got.inside.update({dataset: len(images & held) for dataset, held in places.items()})
        got.photographs += len(images)
        room = MOST_DIGESTS + 1 - len(got.digests)
        got.digests += [digests[image] for image in sorted(images)[:room]]


def told(session: Session, about: About) -> dict[str, set[str]]:
    """By recipient the marks of the disclosures that they were told of."""
    found: dict[str, set[str]] = {}
    for recipient_id, covers in session.execute(select(Notice.recipient_id, Notice.covers).filter_by(**about.key)):
        found.setdefault(recipient_id, set()).update(covers)
    return found


def tell_all(session: Session, about: About, reached: dict[str, Got]) -> list[Notice]:
    """Make a notice for each recipient of what was gathered. A worker sends them."""
    return [_make(session, about, recipient_id, got) for recipient_id, got in reached.items()]


def _make(session: Session, about: About, recipient_id: str, got: Got) -> Notice:
    notice_id, now, keys = random_id(), clock.now(), keys_of(session)
    text = wire.sign(
        wire.NOTICE,
        _facts(session, about, notice_id, now, got),
        heads.origin_of(keys.public_key),
        keys.signing_key,
    )
    sealed = json.dumps({"text": text, "feeds": _feeds(session, got)}).encode()
    notice = Notice(
        id=notice_id,
        **about.key,
        recipient_id=recipient_id,
        item_id=item_of(session, about.erasure_id, recipient_id),
        number=_next_number(session, about, recipient_id),
        covers=sorted(got.given),
        photographs=got.photographs,
        sealed=keys.seal(sealed, _place(notice_id)),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        purge_after=about.purge_after,
        made_at=now,
        facts=[],
    )
    session.add(notice)
    session.flush()
    make_due(session, notice)
    said = {"notice": notice.id, **subject_of(notice), "recipient": recipient_id, "digest": notice.digest}
    audit.append(session, "notice-made", {**said, "photographs": notice.photographs, "number": notice.number})
    keeping.keep(session, notice)
    return notice


def subject_of(notice: Notice) -> dict[str, str]:
    """What a notice tells of, as the log says it."""
    return {"erasure": notice.erasure_id} if notice.erasure_id else {"order": notice.order_id or ""}


def erasure_of(session: Session, notice: Notice) -> Erasure | None:
    """The erasure that a notice tells of; None for one of an order."""
    return session.get_one(Erasure, notice.erasure_id) if notice.erasure_id else None


def digests_of(session: Session, ground: NoticeGround) -> dict[int, bytes]:
    """SHA-256 of each photograph of an erasure by image id; empty ones where the person has us keep none."""
    kept = json.loads(keys_of(session).unseal(ground.sealed, _ground_place(ground.erasure_id)))
    return {int(image): bytes.fromhex(digest) for image, digest in kept.items()}


def other_copies(session: Session, digests: dict[int, bytes]) -> dict[int, bytes]:
    """Photographs of the same bytes that came to light since: in another store, or under another name."""
    found: dict[int, bytes] = {}
    wanted = sorted(set(digests.values()))
    for start in range(0, len(wanted), BATCH):
        rows = select(Image.id, Image.digest).where(Image.digest.in_(wanted[start : start + BATCH]))
        found |= {image: digest for image, digest in session.execute(rows) if digest is not None}
    return found


def kept_until(session: Session) -> datetime:
    """How long what is told now may be told again: as long as the photographs are not taken in."""
    return clock.now() + config_of(session).suppression_years * YEAR


def text_of(session: Session, notice: Notice) -> str:
    """The signed text; empty once it was purged."""
    return str(_opened(session, notice).get("text", ""))


def facts_of(session: Session, notice: Notice) -> dict[str, Any]:
    """What the text says, as a JSON object; empty once it was purged."""
    text = text_of(session, notice)
    facts: dict[str, Any] = json.loads(text.split("\n")[1]) if text else {}
    return facts


def is_in_feed(session: Session, notice: Notice, origin: str, size: int) -> bool:
    """Whether the first `size` lines of the feed with this name have all photographs of the notice."""
    needed = _opened(session, notice).get("feeds", {}).get(origin)
    return needed is not None and needed <= size


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
    ground = ground or NoticeGround(erasure_id=erasure.id)
    keep_in_ground(session, ground, kept)
    ground.looked_at, ground.purge_after = clock.now(), kept_until(session)
    session.add(ground)
    session.flush()
    return ground


def keep_in_ground(session: Session, ground: NoticeGround, digests: dict[int, bytes]) -> None:
    """Keep these digests, and nothing but the numbers of the photographs where the person has us keep none."""
    nothing = _keeps_nothing(session, session.get_one(Erasure, ground.erasure_id))
    plain = json.dumps({image: "" if nothing else digest.hex() for image, digest in digests.items()}).encode()
    ground.sealed = keys_of(session).seal(plain, _ground_place(ground.erasure_id))


def _keeps_nothing(session: Session, erasure: Erasure) -> bool:
    return erasure.kind == "deletion" and chosen.keeps_nothing(session.get_one(Case, erasure.case_id))


def _still_kept(session: Session, ground: NoticeGround) -> dict[int, bytes]:
    return {image: digest for image, digest in digests_of(session, ground).items() if digest}


def _about(session: Session, ground: NoticeGround) -> About:
    erasure = session.get_one(Erasure, ground.erasure_id)
    # By the text of a notice, too, a photograph can be known again.
    until = clock.now() + clocks.GIVE_UP if _keeps_nothing(session, erasure) else ground.purge_after
    return About(erasure.id, None, "erase" if erasure.kind == "deletion" else "stop-using", until)


def _facts(session: Session, about: About, notice_id: str, now: datetime, got: Got) -> dict[str, Any]:
    """What the text says, as a JSON object. The digests are sorted: their order would tell which came in together."""
    config, salt = config_of(session), secrets.token_bytes(16)
    listed = got.digests if len(got.digests) <= MOST_DIGESTS else []
    return {
        "v": 1,
        "id": notice_id,
        "at": instant(now),
        "asks": about.asks,
        "issuer": {"organisation": config.organisation, "contact": config.contact},
        "received": [_received(session, one) for one in got.given.values()],
        "photographs": got.photographs,
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


def _feeds(session: Session, got: Got) -> dict[str, int]:
    """The feeds that have all its photographs, and how long each is: who went through so much of it has answered."""
    whole = [dataset for dataset, count in got.inside.items() if count and count == got.photographs]
    found = [session.get_one(Dataset, dataset) for dataset in whole]
    return {feeds.origin_of(session, one): feeds.size_of(session, one) for one in found}


def _in_stores(session: Session, digests: dict[int, bytes]) -> dict[str, set[int]]:
    """By store, which of the photographs somebody else holds there."""
    found: dict[str, set[int]] = {}
    held = select(Image.id, Image.store_id).join(Store, Image.store_id == Store.id).where(Store.holder_id.is_not(None))
    for batch in batches(digests):
        for image, store in session.execute(held.where(Image.id.in_(batch))):
            found.setdefault(store, set()).add(image)
    return found


def item_of(session: Session, erasure_id: str | None, recipient_id: str) -> int | None:
    """The item of the plan that is this recipient's; None where they were found out about later, and for an order."""
    wanted = select(ErasureItem.id).filter_by(erasure_id=erasure_id, kind="recipient", target=recipient_id)
    return session.scalar(wanted)


def _next_number(session: Session, about: About, recipient_id: str) -> int:
    last = select(func.max(Notice.number)).filter_by(**about.key, recipient_id=recipient_id)
    return (session.scalar(last) or 0) + 1


def _mark(given: dict[str, Any]) -> str:
    return f"{given['dataset'] or given['model'] or given['store']}/{given['disclosed_on']}"


def _opened(session: Session, notice: Notice) -> dict[str, Any]:
    if notice.sealed is None:
        return {}
    opened: dict[str, Any] = json.loads(keys_of(session).unseal(notice.sealed, _place(notice.id)))
    return opened


def _place(notice_id: str) -> str:
    return f"notice/{notice_id}"


def _ground_place(erasure_id: str) -> str:
    return f"notice-ground/{erasure_id}"

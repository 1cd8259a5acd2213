"""Legal holds: what must not be erased for now, although an erasure of it was approved.

A hold keeps from the moment it is placed, because what is erased cannot be brought back while a hold can be lifted. A
second person must agree within some days; else it ends by itself. It is asked for in the same transaction in which the
intent to erase an item is written down: a hold that came before keeps the item, one that came after was too late, and
whoever placed it is told for which photographs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.db import config_of
from portal.erasure import held_things
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.lineage.members import batches
from portal.tables import Candidate, Erasure, ErasureItem, Hold, Image, ManifestEntry, Store
from portal.tables.holds import HOLD_BASES

TO_AGREE = timedelta(days=3)
"""How long a hold keeps without a second person's word."""


@dataclass(frozen=True)
class Wish:
    """A hold as somebody asks for it: `target` is an id, or the name of an account; days are those of the zone."""

    scope: str
    target: str
    basis: str
    why: str
    citation: str
    starts_on: date | None = None
    ends_on: date | None = None
    review_on: date | None = None


@dataclass(frozen=True)
class Placed:
    """A hold, and the names of the photographs for which it came too late: their erasure had begun."""

    hold: Hold
    late: list[str]


def place(session: Session, wish: Wish, account_id: str) -> Placed:
    """Place a hold. It keeps at once. Raises BadInput or NotFound when something in the wish is not there, and
    Conflict `too-late` when all of it is a photograph that is erased already.
    """
    _see_to_it(session, wish)
    hold = Hold(
        scope=wish.scope,
        target=held_things.find(session, wish.scope, wish.target.strip()),
        basis=wish.basis,
        why=wish.why.strip(),
        citation=wish.citation.strip(),
        starts_on=wish.starts_on or today(session),
        ends_on=wish.ends_on,
        review_on=wish.review_on,
        placed_by=account_id,
        placed_at=clock.now(),
        one_person=not config_of(session).two_people,
    )
    session.add(hold)
    session.flush()
    if hold.one_person:
        hold.approved_by, hold.approved_at = account_id, clock.now()
    _log(session, "hold-placed", hold, account_id)
    return Placed(hold, held_things.begun(session, hold))


def approve(session: Session, hold: Hold, account_id: str) -> None:
    """A second person agrees. Raises NotAllowed for the one who placed it, Conflict where it waits for nobody."""
    if hold.approved_at is not None or _how_it_ended(session, hold) is not None:
        raise Conflict("This hold is not waiting for a second person.", "not-waiting")
    if account_id == hold.placed_by and config_of(session).two_people:
        raise NotAllowed("You placed this hold. A second person must agree to it.", "same-person")
    hold.approved_by, hold.approved_at = account_id, clock.now()
    _log(session, "hold-approved", hold, account_id)


def lift(session: Session, hold: Hold, account_id: str, why: str) -> None:
    """End a hold. What it kept is carried out after all, unless another hold keeps it."""
    if hold.ended_at is not None:
        raise Conflict("This hold has ended already.", "moved-meanwhile")
    if not why.strip():
        raise BadInput("Say why the hold is not needed any more.", "note-missing")
    hold.lifted_by, hold.lifted_why = account_id, why.strip()
    _end(session, hold, "lifted", account_id)


def review(session: Session, hold: Hold, account_id: str, review_on: date) -> None:
    """Somebody looked whether the hold is needed still, and says when to look again."""
    if hold.ended_at is not None:
        raise Conflict("This hold has ended already.", "moved-meanwhile")
    if review_on <= today(session):
        raise BadInput("The day to look again must be a later one than today.", "day-passed")
    hold.review_on = review_on
    _log(session, "hold-reviewed", hold, account_id)


def keep(session: Session) -> int:
    """What time alone does: write down which holds are over. Returns how many."""
    open_ones = session.scalars(select(Hold).where(Hold.ended_at.is_(None)))
    over = [(hold, how) for hold in open_ones if (how := _how_it_ended(session, hold)) is not None]
    for hold, how in over:
        _end(session, hold, how, "machine")
    return len(over)


def in_force(session: Session) -> list[Hold]:
    """The holds that keep now, the oldest first. One whose time is over is not among them, noticed or not."""
    session.flush()
    return list(session.scalars(select(Hold).where(_keeps(session)).order_by(Hold.placed_at, Hold.id)))


def held(session: Session, image_ids: Collection[int]) -> dict[int, list[str]]:
    """Which of these images are kept now, and by which holds: image id -> ids of holds, the oldest first.

    Images that nothing keeps are not in it. Costs a few statements per 500 images, and one where there is no hold.
    """
    by_scope: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    order: dict[str, int] = {}
    session.flush()
    holds = select(Hold.id, Hold.scope, Hold.target).where(_keeps(session)).order_by(Hold.placed_at, Hold.id)
    for hold_id, scope, target in session.execute(holds):
        by_scope[scope][target.lower() if scope == "account" else target].append(hold_id)
        order[hold_id] = len(order)
    kept: dict[int, set[str]] = defaultdict(set)
    for batch in batches(image_ids) if by_scope else ():
        for scope, targets in by_scope.items():
            for image_id, target in COVERED[scope](session, batch, targets):
                kept[image_id].update(targets[target])
    return {image_id: sorted(ids, key=order.__getitem__) for image_id, ids in kept.items()}


def on_case(session: Session, case_id: str) -> list[tuple[Hold, int]]:
    """The holds that keep something of a case now, the oldest first, with how many of its photographs each keeps.

    One on the request itself is among them also while no photograph is confirmed.
    """
    confirmed = select(Candidate.image_id).where(Candidate.case_id == case_id, Candidate.state == "confirmed")
    planned = select(ErasureItem.image_id).join(Erasure, Erasure.id == ErasureItem.erasure_id)
    mine = confirmed.union(planned.where(Erasure.case_id == case_id, ErasureItem.image_id.is_not(None)))
    kept = held(session, set(session.scalars(mine)))
    counts = Counter(hold_id for ids in kept.values() for hold_id in ids)
    return [
        (hold, counts[hold.id])
        for hold in in_force(session)
        if counts[hold.id] or (hold.scope, hold.target) == ("case", case_id)
    ]


def today(session: Session) -> date:
    """The day it is where the installation counts its days."""
    return clock.local_date(clock.now(), config_of(session).zone)


Pairs = Iterable[tuple[int, str]]


def _of_image(_session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    return [(image, str(image)) for image in images if str(image) in targets]


def _of_store(session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    rows = select(Image.id, Image.store_id).where(Image.id.in_(images), Image.store_id.in_(targets))
    return [(image, store) for image, store in session.execute(rows)]


def _of_source(session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    rows = select(Image.id, Store.source_id).join(Store, Store.id == Image.store_id)
    found = session.execute(rows.where(Image.id.in_(images), Store.source_id.in_(targets)))
    return [(image, source) for image, source in found if source]


def _of_account(session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    told = (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key)
    rows = select(Image.id, ManifestEntry.account).join(ManifestEntry, told)
    found = session.execute(rows.where(Image.id.in_(images), func.lower(ManifestEntry.account).in_(targets)))
    return [(image, account.lower()) for image, account in found if account]


def _of_dataset(session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    places = lineage.places_of(session, images)
    return [(image, dataset) for image, inside in places.items() for dataset in inside if dataset in targets]


def _of_case(session: Session, images: list[int], targets: Collection[str]) -> Pairs:
    """What the case points to, and what its erasures are about: the first is forgotten before the second."""
    pointed = select(Candidate.image_id, Candidate.case_id).where(
        Candidate.image_id.in_(images), Candidate.case_id.in_(targets), Candidate.state.not_in(("rejected", "gone"))
    )
    planned = (
        select(ErasureItem.image_id, Erasure.case_id)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(Erasure.case_id.in_(targets), ErasureItem.image_id.in_(images))
    )
    found = [pair for rows in (pointed, planned) for pair in session.execute(rows.distinct())]
    return [(image, case) for image, case in found if image is not None]


COVERED: dict[str, Callable[[Session, list[int], Collection[str]], Pairs]] = {
    "image": _of_image,
    "store": _of_store,
    "source": _of_source,
    "account": _of_account,
    "dataset": _of_dataset,
    "case": _of_case,
}


def _see_to_it(session: Session, wish: Wish) -> None:
    if wish.basis not in HOLD_BASES:
        raise BadInput(f"A hold rests on one of these: {', '.join(HOLD_BASES)}.", "unknown-basis")
    if not wish.why.strip() or not wish.citation.strip():
        raise BadInput("Say why, and on which order, file or article the hold rests.", "note-missing")
    if wish.ends_on is None and wish.review_on is None:
        raise BadInput("Give its last day, or the day on which somebody looks whether it is needed still.", "no-end")
    first = wish.starts_on or today(session)
    if any(day is not None and day < max(first, today(session)) for day in (wish.ends_on, wish.review_on)):
        raise BadInput("The last day and the day to look again cannot lie before the first day, or have passed.")


def _keeps(session: Session) -> ColumnElement[bool]:
    day = today(session)
    agreed = or_(Hold.approved_at.is_not(None), Hold.placed_at >= clock.now() - TO_AGREE)
    lasts = or_(Hold.ends_on.is_(None), Hold.ends_on >= day)
    return and_(Hold.ended_at.is_(None), Hold.starts_on <= day, lasts, agreed)


def _how_it_ended(session: Session, hold: Hold) -> str | None:
    if hold.ended_at is not None:
        return hold.ended_how
    if hold.ends_on is not None and hold.ends_on < today(session):
        return "over"
    late = hold.approved_at is None and hold.placed_at + TO_AGREE < clock.now()
    return "not-approved" if late else None


def _end(session: Session, hold: Hold, how: str, actor: str) -> None:
    hold.ended_at, hold.ended_how = clock.now(), how
    if hold.scope == "account":
        # The name of an account is kept as long as it is needed, and no longer.
        hold.target = ""
    _log(session, f"hold-{how}", hold, actor)


def _log(session: Session, kind: str, hold: Hold, actor: str) -> None:
    session.flush()
    audit.append(session, kind, {"hold": hold.id, "scope": hold.scope, "basis": hold.basis, "by": actor})


def need_hold(session: Session, hold_id: str) -> Hold:
    """The hold with this id. Raises NotFound."""
    hold = session.get(Hold, hold_id)
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold


def on_items(session: Session, erasure: Erasure) -> dict[str, int]:
    """How many photographs of a plan each hold keeps now, by the hold's id."""
    images = {item.image_id for item in erasure.items if item.image_id is not None}
    counts: dict[str, int] = defaultdict(int)
    for ids in held(session, images).values():
        for hold_id in ids:
            counts[hold_id] += 1
    return dict(counts)


def waiting(session: Session) -> list[Hold]:
    """Holds somebody must see to: a second person has not agreed yet, or the day to look again has come."""
    due = or_(Hold.approved_at.is_(None), Hold.review_on <= today(session))
    return [hold for hold in session.scalars(select(Hold).where(Hold.ended_at.is_(None), due))]

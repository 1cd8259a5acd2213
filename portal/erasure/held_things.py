"""What a hold can be about: finding it by what somebody wrote, its name for people, and what was too late to hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from portal.erasure.plans import sealed_facts
from portal.errors import BadInput, Conflict, NotFound
from portal.tables import Case, Dataset, Erasure, ErasureItem, Hold, Image, ManifestEntry, Source, Store
from portal.tables.holds import HOLD_SCOPES

UNDER_WAY = ("running", "checking", "notifying")
BEGUN = ("intent", "applied", "verified")
ROWS: dict[str, type[Any]] = {"source": Source, "store": Store, "dataset": Dataset, "case": Case}


def find(session: Session, scope: str, target: str) -> str:
    """What is kept of the target: an id, or the account's name as the manifests write it.

    A case may be given by its reference, a photograph as `store: key`. Raises BadInput, NotFound, Conflict `too-late`.
    """
    if scope not in HOLD_SCOPES:
        raise BadInput(f"A hold can be about one of these: {', '.join(HOLD_SCOPES)}.", "unknown-scope")
    if not target:
        raise BadInput("Say what must not be erased.", "target-missing")
    if scope == "image":
        return str(_image(session, target).id)
    if scope == "account":
        return _account(session, target)
    row = session.get(ROWS[scope], target)
    if row is None and scope == "case":
        row = session.scalar(select(Case).where(Case.reference == target.upper()))
    if row is None:
        raise NotFound(f"There is no {scope} called {target}.")
    return str(row.id)


def name_of(session: Session, hold: Hold) -> str:
    """What a hold is about, in words for the team."""
    if hold.scope == "account":
        return f"account {hold.target}" if hold.target else "an account, whose name is forgotten"
    if hold.scope == "image":
        image = session.get(Image, int(hold.target))
        return f"photograph {image.store.name}: {image.key}" if image is not None else "a photograph"
    row = session.get(ROWS[hold.scope], hold.target)
    if row is None:
        return f"a {hold.scope} that is not there any more"
    version = f" {row.version}" if hold.scope == "dataset" else ""
    return f"{hold.scope} {row.reference if hold.scope == 'case' else row.name}{version}"


def begun(session: Session, hold: Hold) -> list[str]:
    """Names of the photographs of this hold whose erasure has begun: it came too late for them.

    Whose account a photograph was is not known any more once it is gone.
    """
    rows = (
        select(ErasureItem)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .join(Image, Image.id == ErasureItem.image_id)
        .where(Erasure.state.in_(UNDER_WAY), ErasureItem.kind == "image", ErasureItem.state.in_(BEGUN))
        .where(_covers(hold))
    )
    return sorted(_name(session, item) for item in session.scalars(rows))


def _covers(hold: Hold) -> ColumnElement[bool]:
    if hold.scope == "image":
        return Image.id == int(hold.target)
    if hold.scope == "store":
        return Image.store_id == hold.target
    if hold.scope == "source":
        return Image.store_id.in_(select(Store.id).where(Store.source_id == hold.target))
    if hold.scope == "case":
        return Erasure.case_id == hold.target
    if hold.scope == "dataset":
        place = aliased(ErasureItem)
        same = (place.erasure_id == ErasureItem.erasure_id) & (place.image_id == ErasureItem.image_id)
        return exists().where(same, place.kind == "dataset-place", place.target.startswith(f"{hold.target}/"))
    told = (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key)
    return exists().where(told, func.lower(ManifestEntry.account) == hold.target.lower())


def _name(session: Session, item: ErasureItem) -> str:
    facts = sealed_facts(session, item)
    store = session.get(Store, facts.get("store", ""))
    return f"{store.name}: {facts['key']}" if store is not None else f"photograph {item.image_id}"


def _image(session: Session, target: str) -> Image:
    store, _, key = target.partition(": ")
    if key:
        where = select(Image).join(Store, Store.id == Image.store_id).where(Store.name == store, Image.key == key)
        image = session.scalar(where)
    else:
        image = session.get(Image, int(target)) if target.isdecimal() and len(target) < 19 else None
    if image is None:
        raise NotFound(f"There is no photograph called {target}. Write the store's name, a colon and the file's name.")
    if image.state == "erased":
        raise Conflict(f"The photograph {target} is erased already. It is too late to hold it.", "too-late")
    return image


def _account(session: Session, target: str) -> str:
    known = select(ManifestEntry.account).where(func.lower(ManifestEntry.account) == target.lower()).limit(1)
    if session.scalar(known) is None:
        raise NotFound(f"No manifest names an account called {target}.")
    return target

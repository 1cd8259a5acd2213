"""What a hold can be about: finding it by what somebody wrote, its name for people, and what was too late to hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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

    Whose account a photograph was is not known any more once its line of the manifest is gone.
    """
    rows = (
        select(ErasureItem, Erasure.case_id)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(Erasure.state.in_(UNDER_WAY), ErasureItem.kind == "image", ErasureItem.state.in_(BEGUN))
    )
    names = {}
    for item, case_id in session.execute(rows):
        facts = sealed_facts(session, item)
        if facts and _covers(session, hold, item, case_id, facts):
            store = session.get(Store, facts["store"])
            names[item.image_id] = f"{store.name if store else 'a store'}: {facts['key']}"
    return sorted(names.values())


def _covers(session: Session, hold: Hold, item: ErasureItem, case_id: str, facts: dict[str, Any]) -> bool:
    if hold.scope == "source":
        store = session.get(Store, facts["store"])
        return store is not None and store.source_id == hold.target
    if hold.scope == "dataset":
        place = ErasureItem.target == f"{hold.target}/{item.image_id}"
        mine = select(ErasureItem.id).where(ErasureItem.erasure_id == item.erasure_id, place)
        return session.scalar(mine.where(ErasureItem.kind == "dataset-place").limit(1)) is not None
    if hold.scope == "account":
        told = select(ManifestEntry.id).filter_by(store_id=facts["store"], key=facts["key"])
        account = func.lower(ManifestEntry.account) == hold.target.lower()
        return session.scalar(told.where(account).limit(1)) is not None
    of_item: dict[str, str] = {"image": str(item.image_id), "store": facts["store"], "case": case_id}
    return of_item[hold.scope] == hold.target


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

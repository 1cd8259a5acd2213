"""Adding a store and finding out what may be done in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.config import Config
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotFound
from portal.stores import connect, connector_class, grounds, manifests
from portal.stores.connector import Check
from portal.stores.sql_settings import same_place
from portal.tables import Recipient, Scan, Source, Store

LONGEST_NAME = 100
# Photographs a second: above it a limit is none.
FASTEST = 100_000
# The kind of store whose photographs only their holder can erase.
ELSEWHERE = "http-manifest"


def add_store(
    session: Session,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    may_erase: bool,
    source_id: str | None = None,
    check: Check | None = None,
    despite: str = "",
    holder_id: str | None = None,
) -> Store:
    """Add a store and check it at once. Raises BadInput, StoreUnavailable, Conflict (name or photographs taken).

    `holder_id`: the recipient who holds the photographs, where they are held elsewhere and may be asked to erase them.

    Raises NotAllowed where its source has no ground, unless `despite` says why it is read all the same. Looking
    through a large store takes seconds: `check` is what `try_out` found before the writing session began.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"Give the store a name of 1 to {LONGEST_NAME} characters.")
    connector = connector_class(kind)
    kept = connector.clean(_allowed(config_of(session), kind, settings))
    _need_holder(session, kind, may_erase, holder_id)
    _refuse_overlap(session, name, kind, kept)
    if source_id is not None and session.get(Source, source_id) is None:
        raise NotFound("There is no such source. Add the source first.")
    store = Store(name=name, kind=kind, settings=kept, may_erase=may_erase, source_id=source_id, holder_id=holder_id)
    store.created_at = clock.now()
    session.add(store)
    remember_check(store, check or try_store(store))
    session.flush()
    grounds.need_to_read(session, store, despite)
    session.flush()
    if isinstance(way := connect(store), manifests.Describing):
        manifests.attach(session, store, name, way.described())
    audit.append(session, "store-added", {"store": store.id, "kind": kind, "may_erase": may_erase})
    return store


def try_out(config: Config, name: str, kind: str, settings: Mapping[str, Any], may_erase: bool) -> Check:
    """What could be done in a store that is not added yet. Raises BadInput, StoreUnavailable."""
    connector = connector_class(kind)
    return connector(name, connector.clean(_allowed(config, kind, settings)), may_erase).check()


def _allowed(config: Config, kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whom the portal may ask is the installation's to say, and not that of who adds a store."""
    return {**settings, "hosts": list(config.holders)} if kind == ELSEWHERE else settings


def _need_holder(session: Session, kind: str, may_erase: bool, holder_id: str | None) -> None:
    if kind == ELSEWHERE and may_erase and holder_id is None:
        raise BadInput("Say who holds the photographs, so that they can be asked. Add them as a recipient first.")
    if kind != ELSEWHERE and holder_id is not None:
        raise BadInput("Only photographs that are held elsewhere have a holder. Leave it empty for this kind of store.")
    if holder_id is not None and session.get(Recipient, holder_id) is None:
        raise NotFound("There is no such recipient. Add who holds the photographs as a recipient first.")


def try_store(store: Store) -> Check:
    """What can be done in the store now, without recording it: needs no session. Raises StoreUnavailable.

    What stands in the place of the store is taken for it: the operator asks for this check when it has moved.
    """
    return connector_class(store.kind)(store.name, store.settings, store.may_erase).check()


def remember_check(store: Store, check: Check) -> None:
    """Keep what a check found as `Store.capabilities`; its mark guards the store from now on."""
    store.capabilities = asdict(check)
    store.checked_at = clock.now()


def test_store(session: Session, store: Store) -> Check:
    """Check the store and keep what was found. Raises StoreUnavailable; then the earlier findings stay."""
    check = try_store(store)
    remember_check(store, check)
    session.flush()
    return check


def set_source(session: Session, store: Store, source: Source) -> None:
    """Say where the photographs of a store came from. What was read before stays readable, whatever the source."""
    if session.scalar(select(Scan.id).where(Scan.store_id == store.id).limit(1)) is not None:
        store.despite = store.despite or "It was read before its source was written down."
    store.source_id = source.id
    session.flush()
    audit.append(session, "store-source-set", {"store": store.id, "source": source.id})


def set_pace(session: Session, store: Store, reads_per_second: int | None) -> None:
    """Say how many photographs a second scans may read at most; None: as many as they can. A scan going on heeds it."""
    if reads_per_second is not None and not 1 <= reads_per_second <= FASTEST:
        raise BadInput(f"Give a whole number from 1 to {FASTEST:,}, or nothing for no limit.", "bad-pace")
    store.reads_per_second = reads_per_second
    session.flush()
    audit.append(session, "store-pace-set", {"store": store.id, "reads_per_second": reads_per_second})


def list_stores(session: Session) -> list[Store]:
    """All stores by name."""
    return list(session.scalars(select(Store).order_by(Store.name)))


def find_store(session: Session, name: str) -> Store:
    """The store of that name. Raises NotFound listing the names there are."""
    store = session.scalar(select(Store).filter_by(name=name))
    if store is None:
        names = ", ".join(store.name for store in list_stores(session)) or "none yet"
        raise NotFound(f"There is no store called {name!r}. The stores are: {names}.")
    return store


def _refuse_overlap(session: Session, name: str, kind: str, settings: dict[str, Any]) -> None:
    for other in list_stores(session):
        if other.name == name:
            raise Conflict(f"There is a store called {name} already. Choose another name.", "name-taken")
        if other.kind == kind and connector_class(kind).overlap(settings, other.settings):
            raise Conflict(f"These photographs are in the store {other.name} already.", "store-overlaps")
    folder = settings.get("folder")
    data = config_of(session).data.resolve()
    if folder and (data.is_relative_to(Path(folder)) or Path(folder).is_relative_to(data)):
        # An erasure in such a store could take the portal's own database away.
        raise BadInput("The portal's own data folder cannot be in a store, nor a store in it. Choose another folder.")
    if "url" in settings and same_place(settings["url"], config_of(session).database):
        raise BadInput("The portal's own database cannot be a store. Choose another database.")

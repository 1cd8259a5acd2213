"""Carrying an erasure out: intent, effect, record; then look again; then the people's items; then the certificate."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.cases import lifecycle, mails
from portal.cases.requester import alarms
from portal.db import Database
from portal.erasure import certificate, effects, intending, rechecking, redactions, remembering
from portal.erasure.plans import sealed_facts, still_true
from portal.errors import Conflict, EffaceError
from portal.jobs import Lease
from portal.stores import anew, quarantine
from portal.suppression import Gate
from portal.tables import Case, Erasure, ErasureItem, Store
from portal.tables.erasure import FOR_PEOPLE


class NotGone(EffaceError):
    """After an effect something is still there."""

    code = "not-gone"


def begin(session: Session, lease: Lease, erasure: Erasure) -> bool:
    """Whether the erasure may run now. Otherwise the lease was given back: stopped, too early, or the plan changed."""
    lease.hold(session)
    case = session.get_one(Case, erasure.case_id)
    if erasure.state in ("running", "checking", "notifying"):
        return True
    if erasure.state != "cooling" or case.state != "fulfilling":
        lease.idle(session)
        return False
    if must_wait(session, case, erasure):
        # Whoever answers first rings for what waited (lifecycle.fulfil_step); else the sweep does.
        lease.again(session, timedelta(0))
        return False
    if not still_true(session, erasure):
        erasure.state, erasure.problem = "stopped", "The plan changed after it was approved. Make it again."
        quarantine.put_back(session, erasure.id)
        audit.append(session, "erasure-stopped", {"erasure": erasure.id, "why": "plan-changed"})
        lease.idle(session)
        return False
    erasure.state = "running"
    audit.append(session, "erasure-started", {"erasure": erasure.id, "digest": erasure.plan_digest})
    return True


def carry_out_items(database: Database, lease: Lease) -> None:
    """All of the portal's own items that are to be done."""
    with database.reading() as session:
        # Whoever puts an older database back must be able to do all this again.
        remembering.remember(session, session.get_one(Erasure, lease.row_id))
        others = machine_items(session, lease.row_id, photographs=False)
        photographs = machine_items(session, lease.row_id, photographs=True)
    # The photographs go last: by then the gate is shut, so that no scan brings back what is taken away.
    for item_id in others:
        carry_out_item(database, lease, item_id)
    erase_together(database, lease, photographs)
    for item_id in photographs:
        carry_out_item(database, lease, item_id)
    database.forget_deleted_bytes()


def carry_out_item(database: Database, lease: Lease, item_id: int) -> None:
    """One item: intent, effect, record, each with the fence. Killed anywhere, it is simply carried out again.

    Nothing is done where a legal hold keeps it.
    """
    with database.writing() as session:
        lease.hold(session)
        item = session.get_one(ErasureItem, item_id)
        if not intending.intend(session, [item]):
            return
        facts = sealed_facts(session, item)
        store = session.get(Store, facts.get("store"))
        judged = bool(redactions.whole_to_judge(session, facts, item.image_id))
    in_store = left = None
    try:
        if item.kind in ("image", "copy") and store is not None:
            in_store = effects.erase_in_store(store, facts)
        if item.kind == "redaction" and store is not None:
            _redact(database, lease, item, store, facts)
            left = redactions.picture_left(store, facts) if judged else None
    except Conflict as problem:
        _refuse(database, lease, item_id, problem)
        return
    with database.writing() as session:
        lease.hold(session)
        item = session.get_one(ErasureItem, item_id)
        erasure = session.get_one(Erasure, item.erasure_id)
        result = effects.apply(session, erasure, item, in_store)
        if judged:
            redactions.renew(session, item, facts, left)
        # A second run finds nothing left to delete; the first run's word is the true one.
        item.result = effects.DELETED if item.result == effects.DELETED else result
        item.state, item.done_at = "applied", clock.now()


def _redact(database: Database, lease: Lease, item: ErasureItem, store: Store, facts: dict[str, Any]) -> None:
    """Put the picture without the face in its place. What it will be is written down first.

    So who is killed after it, and finds bytes that are not the approved ones, knows them for their own.
    """
    data = redactions.make(store, {**facts, **(item.evidence or {})})
    if data is None:
        redactions.finish(store, facts)
        return
    with database.writing() as session:
        lease.hold(session)
        made = {"to": hashlib.sha256(data).hexdigest(), "size": len(data)}
        session.get_one(ErasureItem, item.id).evidence = made
    redactions.put(store, facts, data)


def erase_together(database: Database, lease: Lease, item_ids: list[int]) -> None:
    """Photographs of these items that their store erases together: an archive is written anew once for all of them.

    Each item is carried out after it as ever; it then finds its photograph gone, and this result stays the true one.
    """
    by_store: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    with database.writing() as session:
        lease.hold(session)
        for item in intending.intend(session, [session.get_one(ErasureItem, item_id) for item_id in item_ids]):
            facts = sealed_facts(session, item)
            if session.get(Store, facts.get("store")) is not None:
                by_store.setdefault(facts["store"], []).append((item.id, facts))
        found = {store: session.get_one(Store, store) for store in by_store}
    for store_id, wanted in by_store.items():
        results = effects.erase_together(found[store_id], [facts for _, facts in wanted])
        with database.writing() as session:
            lease.hold(session)
            for item_id, facts in wanted:
                item = session.get_one(ErasureItem, item_id)
                if item.result != effects.DELETED and facts["key"] in results:
                    item.result = results[facts["key"]]


def check_items(database: Database, lease: Lease, erasure_id: str) -> None:
    """Look at every applied item again. Raises NotGone after writing down what was seen, so that it is tried again."""
    with database.reading() as session:
        erasure, gate = session.get_one(Erasure, erasure_id), Gate(session)
        applied = [item for item in erasure.items if item.state == "applied"]
        archives: dict[str, dict[str, str | None]] = {}
        seen = {
            item.id: effects.look_again(session, erasure, item, gate) | effects.written_anew(session, item, archives)
            for item in applied
        }
    left = 0
    with database.writing() as session:
        lease.hold(session)
        for item_id, evidence in seen.items():
            item = session.get_one(ErasureItem, item_id)
            item.evidence = {**evidence, "at": clock.now().isoformat(timespec="seconds")}
            item.state = "verified" if evidence["gone"] else "planned"
            left += not evidence["gone"]
    if left:
        raise NotGone(f"{left} items were still there when they were looked at again.")


def settle_if_complete(session: Session, erasure: Erasure) -> bool:
    """Issue the certificate and answer the right, in one transaction, once every item has its end.

    After an answer that came later the certificate is superseded. True where a new one was issued.
    """
    if erasure.state == "settled":
        before = certificate.newest(session, erasure)
        later = certificate.issue(session, erasure) is not before
        if later:
            remembering.remember_end(session, erasure)
        return later
    if erasure.state != "notifying" or open_items(session, erasure):
        return False
    lineage.settle_versions(session, f"erasure/{erasure.id}", clock.now())
    anew.settle(session, f"erasure/{erasure.id}", _archives_of(erasure))
    before = certificate.newest(session, erasure)
    issued = certificate.issue(session, erasure)
    erasure.state = "settled"
    _forget_seals(erasure)
    if issued is before:
        # Somebody who was asked to erase has not done so yet: all is as it was said to be.
        session.flush()
        return False
    erasure.settled_at = clock.now()
    rechecking.lay_down(session, erasure)
    session.flush()
    case = session.get_one(Case, erasure.case_id)
    if case.state == "closed":
        # What a hold or a lock had kept is gone now, or what had come back: the person has a newer certificate.
        lifecycle.record(session, case, "certificate-superseded", "machine")
        mails.queue_news(session, case)
    lifecycle.fulfil_step(session, case)
    remembering.remember_end(session, erasure)
    return True


def _archives_of(erasure: Erasure) -> dict[str, dict[str, str | None]]:
    """By store the archives that photographs were taken out of, as they were when they were last looked at."""
    found: dict[str, dict[str, str | None]] = {}
    for item in sorted(erasure.items, key=lambda item: str((item.evidence or {}).get("at", ""))):
        for store, archives in ((item.evidence or {}).get("archives") or {}).items():
            found.setdefault(store, {}).update(archives)
    return found


def _forget_seals(erasure: Erasure) -> None:
    """What is needed goes on being sealed: all about photographs that are kept, and what is looked at again later."""
    kept = {item.image_id for item in erasure.items if item.state in intending.WAITING}
    for item in erasure.items:
        if item.image_id not in kept and item.kind not in rechecking.SEALED_FOR:
            item.sealed = None


def open_items(session: Session, erasure: Erasure) -> list[ErasureItem]:
    """Items without an end yet: the machine's, and those that wait for a person."""
    statement = select(ErasureItem).where(
        ErasureItem.erasure_id == erasure.id, ErasureItem.state.not_in(intending.ENDED)
    )
    return list(session.scalars(statement.order_by(ErasureItem.position)))


def machine_items(session: Session, erasure_id: str, photographs: bool) -> list[int]:
    """Ids of the portal's own items that are to be done: the photographs in their stores, or all others."""
    statement = select(ErasureItem.id).where(
        ErasureItem.erasure_id == erasure_id,
        ErasureItem.kind.not_in(FOR_PEOPLE),
        ErasureItem.state.in_(intending.TO_DO),
        (ErasureItem.kind == "image") == photographs,
    )
    return list(session.scalars(statement.order_by(ErasureItem.position)))


def must_wait(session: Session, case: Case, erasure: Erasure) -> bool:
    """An alarm holds everything until a person has read it, however late it was raised.

    An access request is answered before anything is deleted; an opt-out of the same photographs runs first.
    """
    if alarms.open_alarms(session, case):
        return True
    if not lifecycle.may_erase_now(session, case):
        return erasure.kind == "deletion"
    sibling = session.scalar(
        select(Erasure).where(Erasure.case_id == case.id, Erasure.kind == "opt-out", Erasure.id != erasure.id)
    )
    return sibling is not None and sibling.state in ("planned", "cooling", "running", "checking")


def _refuse(database: Database, lease: Lease, item_id: int, problem: Conflict) -> None:
    with database.writing() as session:
        lease.hold(session)
        intending.refuse(session, session.get_one(ErasureItem, item_id), problem)

"""The signed statement of what was erased, what was not, and why. It takes verified evidence and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit.log import canonical, instant
from portal.cases import lifecycle
from portal.erasure import particulars, remedies
from portal.erasure.items import NOT_GONE, commitment_of, leaf_of, plan_digest
from portal.erasure.statement import Issued, statement_of
from portal.erasure.verifying import write_file
from portal.errors import Conflict
from portal.keys import keys_of
from portal.tables import Case, CaseRight, Certificate, Erasure, ErasureItem, random_id
from portal.tables.erasure import FOR_PEOPLE


def issue(session: Session, erasure: Erasure) -> Certificate:
    """The certificate of an erasure: the same one on every later call, as long as nothing that it lists has changed.

    Else a new one, which supersedes the one before it; that one stays, and verifies as ever. Needs a writing session.

    Raises Conflict, code evidence-missing, when the plan was not approved, when an item of the portal's own was not
    looked at again (or refused), or when nobody answered one that is for people; code plan-changed, when the items
    are not the ones that were approved. The items' seals are needed, so purge them afterwards.
    """
    earlier = newest(session, erasure)
    known = {line["position"]: line for line in items_of(session, earlier)} if earlier is not None else {}
    right = session.scalar(select(CaseRight).filter_by(case_id=erasure.case_id, right=erasure.kind))
    if right is None or erasure.approved_at is None:
        raise Conflict("This plan was not approved, so there is nothing to certify.", "evidence-missing")
    items = [_line(session, item, known.get(item.position)) for item in _complete(session, erasure)]
    if earlier is not None and items == list(known.values()) and not _heard_more(session, erasure, items, earlier):
        return earlier
    text = "".join(canonical(item).decode() + "\n" for item in items)
    certificate_id, now = random_id(), clock.now()
    digest = hashlib.sha256(text.encode()).hexdigest()
    issued = Issued(certificate_id, now, digest, earlier.id if earlier is not None else None)
    said = statement_of(session, erasure, right, items, issued)
    statement = canonical(said)
    entry = audit.append_bytes(session, "certificate", statement, now)
    certificate = Certificate(
        id=certificate_id,
        erasure_id=erasure.id,
        case_id=erasure.case_id,
        number=earlier.number + 1 if earlier is not None else 1,
        supersedes=issued.supersedes,
        kind=said["extent"],
        statement=statement,
        sealed_items=keys_of(session).seal(text.encode(), _place(certificate_id)),
        entry=entry.position,
        issued_at=now,
    )
    session.add(certificate)
    session.flush()
    # An answer that came after the end may complete what was done, or take something of it back.
    lifecycle.settle_anew(session, session.get_one(Case, erasure.case_id))
    return certificate


def newest(session: Session, erasure: Erasure) -> Certificate | None:
    """The certificate that counts: no other one supersedes it."""
    query = select(Certificate).filter_by(erasure_id=erasure.id).order_by(Certificate.number.desc()).limit(1)
    return session.scalars(query).first()


def file_of(session: Session, certificate: Certificate) -> bytes:
    """The certificate file: statement, items and proof. It may sign a new head, so it needs a writing session.

    Hand it out only after the commit: until then the head it carries does not count.
    """
    newest = audit.newest_checkpoint(session)
    if newest is None or newest.size <= certificate.entry:
        audit.publish(session)
    items = keys_of(session).unseal(certificate.sealed_items, _place(certificate.id))
    proof = audit.prove(session, certificate.entry)
    return write_file(certificate.statement.decode(), items.decode(), proof)


def items_of(session: Session, certificate: Certificate) -> list[dict[str, Any]]:
    """The items of a certificate, in the order of the plan."""
    text = keys_of(session).unseal(certificate.sealed_items, _place(certificate.id))
    return [json.loads(line) for line in text.decode().split("\n") if line]


def _complete(session: Session, erasure: Erasure) -> list[ErasureItem]:
    """The items in the order of the plan. Raises Conflict while one has no end that was seen."""
    items = list(session.scalars(select(ErasureItem).filter_by(erasure_id=erasure.id).order_by(ErasureItem.position)))
    for item in items:
        if not _has_end(item) or (item.kind == "model" and not remedies.is_closed(session, item)):
            raise Conflict(
                f"Item {item.position} ({item.kind}) has no result that was checked. No certificate is issued yet.",
                "evidence-missing",
            )
    if plan_digest(item.leaf for item in items) != erasure.plan_digest:
        raise Conflict("The items are not the ones in the plan that was approved.", "plan-changed")
    return items


def _heard_more(session: Session, erasure: Erasure, items: list[dict[str, Any]], earlier: Certificate) -> bool:
    """Whether somebody answered since who is in no plan, as it was found out later that they had got something."""
    before = json.loads(earlier.statement).get("told_later", [])
    later = particulars.told_later(session, erasure, items)
    return particulars.answers_of(later) != particulars.answers_of(before)


def _has_end(item: ErasureItem) -> bool:
    if not item.result:
        return False
    if item.kind in FOR_PEOPLE:
        return item.state == "verified"
    if item.state == "verified":
        # Only a check by another path makes an item verified, and it always leaves what it saw.
        return bool(item.evidence and item.evidence.get("gone"))
    return item.state in NOT_GONE


def _line(session: Session, item: ErasureItem, before: dict[str, Any] | None) -> dict[str, Any]:
    """The item as the certificate lists it, with the salt with which its holder can check a photograph.

    `before` is its line in the certificate before this one: once that is issued, the salt is kept nowhere else.
    """
    facts: dict[str, Any] = {}
    if item.sealed is not None:
        place = f"erasure-item/{item.erasure_id}/{item.position}"
        facts = json.loads(keys_of(session).unseal(item.sealed, place))
    hidden, salt = commitment_of(facts), facts.get("salt") or ""
    if not facts and before is not None:
        hidden, salt = before["commitment"], before["salt"]
    if leaf_of(item.kind, item.position, item.target, hidden) != item.leaf:
        raise Conflict(f"Item {item.position} is not the one in the plan that was approved.", "plan-changed")
    evidence = item.evidence or {}
    # Until when the store itself keeps what could not be erased; null where no day is set.
    until = {"until": evidence["until"]} if "until" in evidence else {}
    return {
        "position": item.position,
        "kind": item.kind,
        "target": item.target,
        "image": item.image_id,
        "commitment": hidden,
        "salt": salt,
        "state": item.state,
        "result": item.result,
        "at": instant(item.done_at) if item.done_at else None,
        "checked": str(evidence.get("by", "")),
        "note": item.note,
        **until,
        **({"evidence": remedies.evidence_of(session, item)} if item.kind == "model" else {}),
    }


def _place(certificate_id: str) -> str:
    return f"certificate/{certificate_id}/items"

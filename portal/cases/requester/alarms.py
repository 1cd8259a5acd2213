"""Requests that a person must read together: duplicates, and signs that somebody asks in another one's name.

An alarm holds its case: nothing is granted until a caseworker has written why it is fine. A duplicate holds nothing
and ends nothing: each case keeps its own identity check and its own decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import lifecycle
from portal.errors import BadInput, Conflict, NotAllowed
from portal.tables import Case, CaseLink, CaseRight, Probe

HOLDING = ("many-faces", "many-contacts", "many-cases")
# So many requests from one network in a day are a family or an office; one more is looked at.
MOST_OF_NETWORK = 3
DAY = timedelta(days=1)
# Faces are compared with those of requests that came in so lately, as long as their photos are kept.
COMPARED = timedelta(days=30)


@dataclass(frozen=True)
class Reading:
    """One sentence about a case, the other case it speaks of, and whether it still holds the case."""

    sentence: str
    other: Case | None
    holds: bool
    note: str | None


def look_at_receipt(session: Session, case: Case) -> None:
    """Link a new case with its duplicates, and with the others of its network when they are many."""
    for other in _asking_the_same(session, case):
        _link(session, case, other.id, "duplicate")
    others = _of_network(session, case)
    if len(others) >= MOST_OF_NETWORK:
        for other in others:
            _link(session, case, other.id, "many-cases")


def to_compare(session: Session, case: Case) -> list[str]:
    """Ids of the other cases whose faces this one's are compared with: those that agreed to it and sent a photo."""
    photos = select(Probe.case_id).where(
        Probe.kind == "selfie", Probe.state == "ready", Probe.blob_id.is_not(None), Probe.case_id.is_not(None)
    )
    query = select(Case.id).where(
        Case.id != case.id,
        Case.consented_at.is_not(None),
        Case.received_at > clock.now() - COMPARED,
        Case.id.in_(photos),
    )
    return list(session.scalars(query.order_by(Case.received_at)))


def look_at_faces(session: Session, case: Case, alike: Mapping[str, bool]) -> None:
    """Raise what follows from comparing faces. Only the worker that holds the templates can compare them.

    `alike`: case id -> whether a face of that case may be the one of this case; for the case's own id, whether all
    its photos may show one person. The same contact should send one face, and one face have one contact.
    """
    for other_id, same in alike.items():
        other = session.get(Case, other_id)
        if other is None:
            continue  # It was taken back meanwhile.
        if other.id == case.id or _one_contact(case, other):
            if not same:
                _link(session, case, other.id, "many-faces")
        elif same:
            _link(session, case, other.id, "many-contacts")


def open_alarms(session: Session, case: Case) -> list[CaseLink]:
    """The alarms that hold a case now."""
    session.flush()
    query = select(CaseLink).where(
        CaseLink.case_id == case.id, CaseLink.kind.in_(HOLDING), CaseLink.cleared_at.is_(None)
    )
    return list(session.scalars(query.order_by(CaseLink.id)))


def clear(session: Session, case: Case, account_id: str, note: str) -> None:
    """A caseworker writes why a case's alarms are fine. What is raised later holds it again.

    Raises NotAllowed (no caseworker), BadInput (nothing written) or Conflict (nothing holds the case any more).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker clears an alarm.", "not-your-step")
    if not note.strip():
        raise BadInput("Write down why it is fine. It is kept with the case.", "note-missing")
    held_by = open_alarms(session, case)
    if not held_by:
        raise Conflict("Nothing holds this request any more. Load the page again.", "moved-meanwhile")
    for alarm in held_by:
        alarm.cleared_at, alarm.cleared_by, alarm.note = clock.now(), account_id, note.strip()
    lifecycle.record(session, case, "alarms-cleared", account_id)
    audit.append(session, "alarms-cleared", {"case": case.id, "actor": account_id, "alarms": len(held_by)})


def readings(session: Session, case: Case) -> list[Reading]:
    """All that a caseworker should know about a case beside others, in plain sentences."""
    session.flush()
    links = session.scalars(select(CaseLink).where(CaseLink.case_id == case.id).order_by(CaseLink.id))
    return [_reading(session, case, link) for link in links]


def is_outranked(session: Session, case: Case, by: Case) -> bool:
    """True when `by` is to be decided before its duplicate `case`: the checked one first, then the older one."""
    return _rank(by) < _rank(case)


def leads_unchecked(session: Session, case: Case) -> bool:
    """True when this case was checked and every request that asks the same was not.

    It must not be refused as a repetition of them: else one unchecked request in somebody's name would end theirs.
    """
    session.flush()
    query = select(Case).join(CaseLink, CaseLink.other_id == Case.id)
    duplicates = session.scalars(query.where(CaseLink.case_id == case.id, CaseLink.kind == "duplicate")).all()
    return bool(duplicates) and all(case.identity == "confirmed" != other.identity for other in duplicates)


def _rank(case: Case) -> tuple[bool, object, str]:
    return case.identity != "confirmed", case.received_at, case.id


def _reading(session: Session, case: Case, link: CaseLink) -> Reading:
    other = session.get_one(Case, link.other_id)
    holds = link.kind in HOLDING and link.cleared_at is None
    if other.id == case.id:
        return Reading("The photos in this request may show different people.", None, holds, link.note)
    sentence = SENTENCES[link.kind]
    if link.kind == "duplicate":
        sentence += " " + (OTHER_FIRST if is_outranked(session, case, other) else THIS_FIRST)
    return Reading(sentence, other, holds, link.note)


SENTENCES = {
    "many-faces": "Another request came from the same address or number, but its photos may show somebody else.",
    "many-contacts": "Another request has photos that may show the same person, and came from elsewhere.",
    "many-cases": "Another request came from the same network on the same day, as did several more.",
    "duplicate": "Another request came from the same address or number and asks for the same.",
    "follow-up": "The person asked before, and says that we missed a photograph. What showed who they are is there.",
}
OTHER_FIRST = "Decide that one first."
THIS_FIRST = "Decide this one first."


def _link(session: Session, case: Case, other_id: str, kind: str) -> None:
    """In both directions: each of the two cases is held, and cleared, by itself. A second time it does nothing."""
    for one, another in dict.fromkeys([(case.id, other_id), (other_id, case.id)]):
        there = select(CaseLink.id).filter_by(case_id=one, other_id=another, kind=kind)
        if session.scalar(there) is not None:
            continue
        session.add(CaseLink(case_id=one, other_id=another, kind=kind, raised_at=clock.now()))
        session.flush()
        lifecycle.record(session, session.get_one(Case, one), "linked", "machine", link=kind)
        audit.append(session, "cases-linked", {"case": one, "other": another, "kind": kind})


def _asking_the_same(session: Session, case: Case) -> list[Case]:
    """Open cases of the same contact with a right in common."""
    if case.contact_digest is None:
        return []
    rights = [right.right for right in case.rights]
    query = select(Case).where(
        Case.id != case.id,
        Case.contact_digest == case.contact_digest,
        Case.state != "closed",
        Case.rights.any(CaseRight.right.in_(rights)),
    )
    return list(session.scalars(query.order_by(Case.received_at)))


def _of_network(session: Session, case: Case) -> list[Case]:
    if case.network_digest is None:
        return []
    query = select(Case).where(
        Case.id != case.id,
        Case.network_digest == case.network_digest,
        Case.received_at > clock.now() - DAY,
        or_(Case.outcome.is_(None), Case.outcome != "withdrawn"),
    )
    return list(session.scalars(query.order_by(Case.received_at)))


def _one_contact(case: Case, other: Case) -> bool:
    """Two people who left no address are not known to be one."""
    return case.contact_digest is not None and case.contact_digest == other.contact_digest

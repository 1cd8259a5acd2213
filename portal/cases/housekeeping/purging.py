"""Timed removal of our own working data: what people sent, crops, packages, codes, counts.

Each has a clock in every outcome. After a purge the same questions are asked again, and what is left is logged.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, CompoundSelect, CursorResult, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from portal import audit, blobs, clock, forgotten
from portal.audit import ledger
from portal.cases.acting import mandates
from portal.cases.housekeeping.isolating import by_itself
from portal.cases.requester import assurance, challenge, profiles
from portal.db import config_of
from portal.suppression import YEAR, faces
from portal.tables import (
    Arrival,
    Attempt,
    Blob,
    Candidate,
    Case,
    CaseLink,
    CaseNote,
    CaseRight,
    Challenge,
    Code,
    Declaration,
    Draft,
    HeldBack,
    Invitation,
    Mail,
    Mandate,
    Message,
    NewWords,
    Package,
    Probe,
    Proof,
    SecondSign,
    SentLetter,
    Suppression,
    SuppressionChunk,
    WebSession,
)

# How long the record of a request is kept (California 11 CCR 7101, Colorado Rule 6.11).
RECORD_MONTHS = 24
OUTBOX_TIME = timedelta(days=7)
AT_ONCE = 500


def purge(session: Session) -> dict[str, int]:
    """Delete what has had its time. Returns kind -> how many; one log entry says so when there were any."""
    counts = {
        "drafts": _purge_drafts(session),
        "probes": _purge_closed_probes(session),
        "challenges": _purge_challenges(session),
        "papers": _purge_papers(session),
        "profiles": profiles.forget_decided(session),
        "crops": _purge_closed_crops(session),
        "packages": _purge_packages(session),
        "contacts": _purge_contacts(session),
        "links": _purge_links(session),
        "blobs": _purge_blobs(session),
        "networks": _forget_networks(session),
        "outbox": _purge_outbox(config_of(session).data / "outbox"),
        "faces": faces.end_faces(session),
        "ledger": _forget_beside_the_database(session),
        **{name: _delete(session, table, over) for name, (table, over) in _expiring(session).items()},
    }
    # Counts of tries and browser sessions say nothing about a case: they are not worth a line each minute.
    worth_a_line = {
        name: count for name, count in counts.items() if count and name not in {"attempts", "sessions", "networks"}
    }
    if worth_a_line:
        audit.append(session, "purged", {**worth_a_line, "left": sum(overdue(session).values())})
    return counts


def overdue(session: Session) -> dict[str, int]:
    """What should be gone and is not, by another question than the purge asked. All zero after a purge."""
    now = clock.now()
    closed = select(Case.id).where(Case.closed_at <= now - _probe_time(session))
    of_closed = select(Probe.blob_id).where(Probe.case_id.in_(closed), Probe.blob_id.is_not(None))
    crops = select(Probe.crop_id).where(Probe.case_id.in_(closed), Probe.crop_id.is_not(None))
    return {
        "drafts": _count(session, Draft, Draft.expires_at <= now),
        "blobs": _count(session, Blob, Blob.purge_after <= now),
        "pictures": _count(session, Blob, Blob.id.in_(of_closed.union_all(crops))),
        "challenges": _count(session, Challenge, _judged()),
        "papers": _count(session, Blob, Blob.id.in_(_papers(closed))),
        "contacts": _count(session, Case, _old(now) & is_known()),
        "suppressions": _count(session, Suppression, Suppression.expires_at <= now),
        "suppressions of orders": _count(session, SuppressionChunk, SuppressionChunk.expires_at <= now),
        "faces": len(faces.due(session)),
        "held back": _count(session, HeldBack, HeldBack.held_at <= _kept_since(session)),
        "links": _count(session, CaseLink, _of_old()),
        "messages": _count(session, Message, Message.case_id.in_(select(Case.id).where(_old(now)))),
        "notes": _count(session, CaseNote, CaseNote.case_id.in_(select(Case.id).where(_old(now)))),
        "letters": _count(session, SentLetter, SentLetter.case_id.in_(select(Case.id).where(_old(now)))),
    }


def purge_probes(session: Session, case: Case) -> int:
    """Delete everything a case was looked for with. The rows stay, empty, to say that it was deleted and when."""
    session.flush()
    probes = list(session.scalars(select(Probe).where(Probe.case_id == case.id, Probe.state != "purged")))
    for probe in probes:
        empty_probe(session, probe)
    case.purged_at = clock.now()
    session.flush()
    return len(probes)


def empty_probe(session: Session, probe: Probe) -> None:
    """Delete what one was looked for with."""
    forgotten.note(session, "probe", [probe.id])
    blobs.purge_blob(session, probe.blob_id)
    blobs.purge_blob(session, probe.crop_id)
    session.refresh(probe)
    probe.sealed = probe.digest = probe.near_digest = probe.chosen = None
    probe.boxes = []
    probe.state, probe.purged_at = "purged", clock.now()
    # A worker that checks this probe just now must not record anything any more.
    probe.work_state, probe.fence = "idle", probe.fence + 1
    session.flush()


def purge_candidate_crops(session: Session, case: Case) -> int:
    """Delete the crops that reviewers saw."""
    session.flush()
    crops = list(
        session.scalars(select(Candidate.crop_id).where(Candidate.case_id == case.id, Candidate.crop_id.is_not(None)))
    )
    for crop_id in crops:
        blobs.purge_blob(session, crop_id)
    session.expire_all()
    return len(crops)


def purge_package(session: Session, case: Case) -> int:
    """Delete a case's access package."""
    session.flush()
    package = session.scalar(select(Package).where(Package.case_id == case.id))
    if package is None or not blobs.purge_blob(session, package.blob_id):
        return 0
    session.refresh(package)
    return 1


def purge_contact(session: Session, case: Case) -> None:
    """Forget who the person of a case is and what they wrote."""
    forgotten.note(session, "contact", [case.id])
    case.contact = case.contact_digest = case.network_digest = case.details = case.identity_note = None
    session.execute(delete(Mail).where(Mail.case_id == case.id))
    session.execute(delete(Message).where(Message.case_id == case.id))
    session.execute(delete(SentLetter).where(SentLetter.case_id == case.id))
    session.execute(delete(CaseNote).where(CaseNote.case_id == case.id))
    mandates.forget(session, case)
    assurance.forget(session, case)
    _forget_arrival(session, case)
    for right in session.scalars(select(CaseRight).where(CaseRight.case_id == case.id)):
        right.note = None
    session.execute(update(CaseLink).where(CaseLink.case_id == case.id).values(note=None))
    session.execute(update(NewWords).where(NewWords.case_id == case.id).values(note=None))
    session.flush()


def _forget_arrival(session: Session, case: Case) -> None:
    arrival = session.get(Arrival, case.id)
    if arrival is not None:
        arrival.address = None
        blobs.purge_blob(session, arrival.scan_id)


def _purge_drafts(session: Session) -> int:
    drafts = list(session.scalars(select(Draft).where(Draft.expires_at <= clock.now()).limit(AT_ONCE)))
    for draft in drafts:
        for probe in list(session.scalars(select(Probe).where(Probe.draft_id == draft.id))):
            blobs.purge_blob(session, probe.blob_id)
            blobs.purge_blob(session, probe.crop_id)
            session.delete(probe)
            session.flush()
        session.delete(draft)
    session.flush()
    return len(drafts)


def _purge_closed_probes(session: Session) -> int:
    over = clock.now() - _probe_time(session)
    return _of_each(
        session, (Case.closed_at <= over) & Case.id.in_(_with_probes()), "purge what was sent", purge_probes
    )


def _purge_challenges(session: Session) -> int:
    """Photographs that were asked for to see who is asking, once that is decided or the case has ended."""
    judged = Case.id.in_(select(Challenge.case_id).where(_judged()))
    return _of_each(session, judged, "purge new photographs", challenge.purge)


def _of_each(session: Session, which: ColumnElement[bool], what: str, do: Callable[[Session, Case], int]) -> int:
    """Do it with each case by itself: one that fails keeps no other from being purged. Returns the sum."""
    ids = session.scalars(select(Case.id).where(which).limit(AT_ONCE)).all()
    return sum(by_itself(session, each, what, lambda case: do(session, case)) or 0 for each in ids)


def _purge_papers(session: Session) -> int:
    """What showed that somebody may act, and scans of letters, as long after the end as what was sent to look with."""
    over = select(Case.id).where(Case.closed_at <= clock.now() - _probe_time(session))
    return _delete_blobs(session, Blob.id.in_(_papers(over)))


def _papers(cases: Select[str]) -> CompoundSelect[str | None]:
    proofs = select(Proof.blob_id).join(Mandate, Mandate.id == Proof.mandate_id)
    return proofs.where(Mandate.case_id.in_(cases), Proof.blob_id.is_not(None)).union_all(
        select(Arrival.scan_id).where(Arrival.case_id.in_(cases), Arrival.scan_id.is_not(None))
    )


def _judged() -> ColumnElement[bool]:
    over = Challenge.case_id.in_(select(Case.id).where(Case.state != "identity-check"))
    return (Challenge.state != "purged") & over


def _purge_closed_crops(session: Session) -> int:
    with_crops = select(Candidate.case_id).where(Candidate.crop_id.is_not(None))
    over = clock.now() - _probe_time(session)
    return _of_each(session, (Case.closed_at <= over) & Case.id.in_(with_crops), "purge crops", purge_candidate_crops)


def _purge_packages(session: Session) -> int:
    over = select(Package.blob_id).where(Package.expires_at <= clock.now(), Package.blob_id.is_not(None))
    return _delete_blobs(session, Blob.id.in_(over))


def _purge_contacts(session: Session) -> int:
    return _of_each(session, _old(clock.now()) & is_known(), "forget the contact", _purge_contact)


def _purge_contact(session: Session, case: Case) -> int:
    purge_contact(session, case)
    return 1


def _purge_links(session: Session) -> int:
    """Which requests were read together. Until then a link stays: one that was taken back may still hold the other."""
    return _delete(session, CaseLink, _of_old())


def _of_old() -> ColumnElement[bool]:
    old = select(Case.id).where(_old(clock.now()))
    return CaseLink.case_id.in_(old) | CaseLink.other_id.in_(old)


def is_known() -> ColumnElement[bool]:
    """Something is left of who the person of a case is, of what they wrote, or of what was written about them.

    Each is asked for by itself: a note may be written after the contact has gone.
    """
    about = (Case.contact, Case.details, Case.identity_note)
    elsewhere = (
        select(Message.case_id),
        select(SentLetter.case_id),
        select(CaseNote.case_id),
        select(Mandate.case_id).where(Mandate.case_id.is_not(None), Mandate.sealed.is_not(None)),
        select(Arrival.case_id).where(Arrival.address.is_not(None)),
        select(SecondSign.case_id).where(SecondSign.sealed.is_not(None) | SecondSign.note.is_not(None)),
        select(Declaration.case_id).where(Declaration.sealed.is_not(None)),
        select(CaseRight.case_id).where(CaseRight.note.is_not(None)),
        select(CaseLink.case_id).where(CaseLink.note.is_not(None)),
        select(NewWords.case_id).where(NewWords.note.is_not(None)),
    )
    return or_(*(each.is_not(None) for each in about), *(Case.id.in_(each) for each in elsewhere))


def _forget_networks(session: Session) -> int:
    """Where a request was sent from is counted for a day."""
    old = Case.network_digest.is_not(None) & (Case.received_at <= clock.now() - timedelta(days=1))
    result = session.execute(update(Case).where(old).values(network_digest=None))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _purge_blobs(session: Session) -> int:
    """Blobs whose own clock ran out, and pictures that nothing points to any more."""
    pointed_to = (
        select(Probe.blob_id)
        .where(Probe.blob_id.is_not(None))
        .union_all(
            select(Probe.crop_id).where(Probe.crop_id.is_not(None)),
            select(Candidate.crop_id).where(Candidate.crop_id.is_not(None)),
            select(Package.blob_id).where(Package.blob_id.is_not(None)),
            select(Challenge.paper_id).where(Challenge.paper_id.is_not(None)),
            select(Challenge.turned_id).where(Challenge.turned_id.is_not(None)),
            select(Proof.blob_id).where(Proof.blob_id.is_not(None)),
            select(Arrival.scan_id).where(Arrival.scan_id.is_not(None)),
        )
    )
    # A worker writes a blob and the row that points to it in one transaction, so an orphan is never a newborn.
    return _delete_blobs(session, (Blob.purge_after <= clock.now()) | Blob.id.not_in(pointed_to))


def _forget_beside_the_database(session: Session) -> int:
    """What a restored database would have to be told, once no copy is so old any more."""
    config = config_of(session)
    before = clock.now() - timedelta(days=config.backup_days)
    return ledger.forget(session, before) + forgotten.forget(config, before)


def _purge_outbox(folder: Path) -> int:
    """Mails that were written to files because no mail server is set. They hold addresses and codes."""
    over = (clock.now() - OUTBOX_TIME).timestamp()
    old = [path for path in folder.glob("*.eml") if path.stat().st_mtime <= over]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _expiring(session: Session) -> dict[str, tuple[type[Any], ColumnElement[bool]]]:
    now = clock.now()
    return {
        "codes": (Code, Code.expires_at <= now - timedelta(hours=1)),
        "invitations": (Invitation, Invitation.expires_at <= now - timedelta(days=30)),
        # Mails without a case carry codes; one that could not be sent in a day is of no use any more.
        "mails": (Mail, Mail.case_id.is_(None) & (Mail.created_at <= now - timedelta(days=1))),
        # No rule looks at them after that day; kept on, they would be a list of people without a reason.
        "suppressions": (Suppression, Suppression.expires_at <= now),
        "suppressions of orders": (SuppressionChunk, SuppressionChunk.expires_at <= now),
        # By then no face that held them back is kept any more.
        "held back": (HeldBack, HeldBack.held_at <= _kept_since(session)),
        "sessions": (WebSession, WebSession.expires_at <= now),
        "attempts": (Attempt, Attempt.window_ends_at <= now),
    }


def _kept_since(session: Session) -> datetime:
    return clock.now() - config_of(session).suppression_years * YEAR


def _with_probes() -> Any:
    return select(Probe.case_id).where(Probe.case_id.is_not(None), Probe.state != "purged")


def _probe_time(session: Session) -> timedelta:
    return timedelta(days=config_of(session).probe_days)


def _old(now: datetime) -> ColumnElement[bool]:
    return Case.closed_at <= now - relativedelta(months=RECORD_MONTHS)


def _count(session: Session, table: type[Any], condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0


def _delete_blobs(session: Session, condition: ColumnElement[bool]) -> int:
    forgotten.note(session, "blob", session.scalars(select(Blob.id).where(condition)).all())
    return _delete(session, Blob, condition)


def _delete(session: Session, table: type[Any], condition: ColumnElement[bool]) -> int:
    session.flush()
    result = session.execute(delete(table).where(condition).execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    if result.rowcount:
        session.expire_all()
    return int(result.rowcount)

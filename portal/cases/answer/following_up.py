"""“You missed this one”, after photographs were deleted: a new request that follows the one that has ended.

What an erasure did has its certificate and stays as it is, so what is found later is a request of its own, with a clock
that begins today, by the law as it is today. What the person showed of themselves holds on: they need not prove again
who they are to have the same done once more, unless the law asks for more by now.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, blobs, clock
from portal.cases import law, lifecycle, mails
from portal.cases.acting import mandates
from portal.cases.arrival import looking, sending
from portal.cases.requester import alarms, assurance
from portal.db import config_of
from portal.errors import BadInput, Conflict
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import isolated
from portal.tables import Case, CaseLink, CaseRight, Probe, random_id

KIND = "follow-up"
# What a rule asks for, from little to much.
RANKS = ("none", "contact", "challenge", "strong")


def may_follow_up(session: Session, case: Case) -> bool:
    """True where the photographs of somebody who was checked were erased, or are not used any more.

    Where somebody acts for another it takes a new request: their permission was for the one that has ended.
    """
    return (
        case.state == "closed"
        and case.identity == "confirmed"
        and bool(_carried_out(case))
        and mandates.of_case(session, case) is None
    )


def can_look(session: Session, case: Case) -> bool:
    """True while something of what the person sent to look with is still kept."""
    return any(probe.state == "ready" for probe in looking.probes_of(session, case))


def follow_up(session: Session, case: Case, link: str = "") -> Case:
    """Open the request that follows this one. `link`: where the missed photograph is; may be empty while `can_look`.

    It has the same secret words. Raises Conflict (nothing to follow, or one is going on already), BadInput.
    """
    session.refresh(case)
    if not may_follow_up(session, case):
        raise Conflict(_("This request is finished. Please make a new one."), "finished")
    going_on = open_follow_up(session, case)
    if going_on is not None:
        reference = isolated(going_on.reference)
        raise Conflict(_("You asked us already: %(reference)s.", reference=reference), "followed-already")
    if not link.strip() and not can_look(session, case):
        raise BadInput(_("We do not keep what you sent us any more. Give us a link."), "nothing-to-look-with")
    new = _open(session, case)
    if link.strip():
        looking.add_link(session, new, link)
    for probe in looking.probes_of(session, case):
        if probe.state == "ready":
            _copy(session, probe, new)
    sending.log_receipt(session, new)
    session.add(CaseLink(case_id=new.id, other_id=case.id, kind=KIND, raised_at=clock.now()))
    for one in (new, case):
        lifecycle.record(session, one, "followed-up", "subject")
    audit.append(session, "cases-linked", {"case": new.id, "other": case.id, "kind": KIND})
    alarms.look_at_receipt(session, new)
    mails.queue_acknowledgement(session, new, assurance.waits_for_person(session, new))
    lifecycle.move(session, new, "searching" if new.identity == "confirmed" else "identity-check", "machine")
    return new


def open_follow_up(session: Session, case: Case) -> Case | None:
    """The request that follows this one and has not ended."""
    later = select(Case).join(CaseLink, CaseLink.case_id == Case.id)
    mine = later.where(CaseLink.other_id == case.id, CaseLink.kind == KIND, Case.state != "closed")
    return session.scalar(mine.limit(1))


def _carried_out(case: Case) -> list[CaseRight]:
    done = lifecycle.CARRIED_OUT
    return [right for right in case.rights if right.right in {"deletion", "opt-out"} and right.outcome in done]


def _open(session: Session, case: Case) -> Case:
    """The same person and the same wish, received now."""
    config, now = config_of(session), clock.now()
    wishes = _carried_out(case)
    asked = {"residence": case.residence, "rights": [right.right for right in wishes]}
    rights = sending.frozen_rights(asked, clock.local_date(now, config.zone), config.holidays)
    new_id, keys = random_id(), keys_of(session)
    contact = mails.contact_of(session, case)
    new = Case(
        id=new_id,
        reference=sending.free_reference(session),
        secret_hash=case.secret_hash,
        residence=case.residence,
        language=case.language,
        contact=keys.seal(contact.encode(), f"case/{new_id}/contact") if contact else None,
        contact_digest=case.contact_digest if contact else None,
        contact_confirmed_at=case.contact_confirmed_at if contact else None,
        consented_at=now if case.consented_at is not None else None,
        received_at=now,
        due_on=min(right.due_on for right in rights),
        rights=rights,
    )
    if _asks_for_no_more(wishes, rights):
        new.identity, new.identity_by, new.identity_at = case.identity, case.identity_by, case.identity_at
        new.identity_note = f"Shown in the request {case.reference}, which this one follows."
    session.add(new)
    session.flush()
    return new


def _asks_for_no_more(before: list[CaseRight], now: list[CaseRight]) -> bool:
    """True where no rule of today wants a stronger check than the rules by which this person was checked."""
    return max(map(_rank, now)) <= max(map(_rank, before))


def _rank(right: CaseRight) -> int:
    return RANKS.index(law.rule_by(right.rule, right.rule_version).identity)


def _copy(session: Session, probe: Probe, new: Case) -> None:
    """What was looked with, once more: sealed anew, so that each request is deleted by its own clock."""
    copied = Probe(
        id=random_id(),
        case_id=new.id,
        kind=probe.kind,
        state="ready",
        digest=probe.digest,
        near_digest=probe.near_digest,
        boxes=probe.boxes,
        chosen=probe.chosen,
        created_at=clock.now(),
        blob_id=_copied(session, "probe", probe.blob_id),
        crop_id=_copied(session, "probe-crop", probe.crop_id),
    )
    text = looking.opened(session, probe)
    copied.sealed = keys_of(session).seal(text.encode(), f"probe/{copied.id}") if text else None
    session.add(copied)
    session.flush()


def _copied(session: Session, kind: str, blob_id: str | None) -> str | None:
    if blob_id is None:
        return None
    return blobs.put_blob(session, kind, blobs.open_blob(session, blob_id), "image/jpeg").id

"""What is kept so that what was deleted is known when it comes again. The person chooses: digests, a face, or nothing.

A face is biometric data. It is kept only with the person's explicit consent, for a time, and they can take it back at
any time (GDPR Article 9(2)(a) and 7(3); Illinois, Colorado and Texas set the longest time, `deadlines`).
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, remembering
from portal.cases.acting import mandates
from portal.cases.clocks import deadlines
from portal.db import config_of
from portal.errors import BadInput, Conflict
from portal.languages import gettext as _
from portal.suppression import YEAR
from portal.tables import Case, CaseEvent, CaseRight, Erasure

# Where one of these duties is in force, a store of faces must be declared to an authority long before it is used. The
# portal cannot know whether that was done.
DECLARED_FIRST = {"ca-qc.declaration"}
# Before these nothing is kept yet, and what is kept is part of the plan.
NOT_BEGUN = ("planned", "approved", "cooling", "stopped")
FACE_FORGOTTEN = "face-forgotten"
ENDED_WITHOUT = ("refused", "withdrawn", "unverified")


def chosen(case: Case) -> str | None:
    """One of KEEPS, as far as the person can still change it; None where there is no deletion to choose for.

    It is open until all rights are decided, whatever a search found: the page must not tell that.
    """
    right = _deletion(case)
    open_still = right is not None and right.outcome is None and case.state not in {"fulfilling", "closed"}
    return right.keeps if right is not None and open_still else None


def choices(session: Session, case: Case) -> list[str]:
    """Which of KEEPS the person may choose. A face only where they agreed to comparing faces, and ask themselves.

    Who also asks that their photographs are not used any more wants no use of the face. Nobody can consent for another.
    """
    today = clock.local_date(clock.now(), config_of(session).zone)
    duties = {duty.id for place, duty in law.duties(today) if place.code == case.residence}
    face = (
        case.consented_at is not None
        and mandates.of_case(session, case) is None
        and not any(right.right == "opt-out" and right.outcome != "withdrawn" for right in case.rights)
        and not duties & DECLARED_FIRST
    )
    return ["photographs", "face", "none"] if face else ["photographs", "none"]


def choose(session: Session, case: Case, keeps: str, agrees: bool = False) -> None:
    """Note what may be kept: one of `choices`. `agrees` is the explicit consent that a face needs.

    Raises BadInput for another word or without that consent, Conflict when it is too late.
    """
    session.refresh(case)
    if chosen(case) is None:
        raise Conflict(_("We have decided about your request. This can no longer be changed here."), "too-late")
    if keeps not in choices(session, case):
        raise BadInput(_("Choose what we may keep"), "unknown-word")
    if keeps == "face" and not agrees:
        raise BadInput(_("Tick the box if we may keep a template of your face. Else choose another answer."), "consent")
    right = _deletion(case)
    assert right is not None
    if right.keeps != keeps:
        right.keeps = keeps
        session.flush()
        remembering.remember(session, case)
        lifecycle.record(session, case, "kept-chosen", "subject", keeps=keeps)
        audit.append(session, "kept-chosen", {"case": case.id, "keeps": keeps})


def face_ends(session: Session, case: Case) -> datetime:
    """When a face that is kept from now on is destroyed at the latest: by the law's clock, or sooner by the setting."""
    config, now = config_of(session), clock.now()
    longest = now + config.suppression_years * YEAR
    last = deadlines.suppression_until(case.residence, clock.local_date(now, config.zone))
    if last is None:
        return longest
    return min(longest, datetime.combine(last + timedelta(days=1), time(), ZoneInfo(config.zone)))


def keeps_nothing(case: Case) -> bool:
    """Whether the person wants nothing kept by which deleted photographs could be known again."""
    return mode(case) == "none"


def mode(case: Case) -> str | None:
    """One of KEEPS, as the person wants it now; None where nothing is to be deleted."""
    right = _deletion(case)
    return right.keeps if right is not None else None


def forgettable(session: Session, case: Case, told: bool) -> list[str]:
    """What the person can have forgotten now, after it was decided: `face`, `photographs`.

    A face at any time; numbers of photographs once the deletion has begun. Where nobody made sure who asks, nothing may
    tell whether there was anything to delete: there it counts whether they were `told` their answer.
    """
    right = _deletion(case)
    if right is None or chosen(case) is not None or right.outcome in ENDED_WITHOUT or right.keeps == "none":
        return []
    forgotten = select(CaseEvent.id).filter_by(case_id=case.id, kind=FACE_FORGOTTEN).limit(1)
    face = right.keeps == "face" and session.scalar(forgotten) is None
    begun = told if case.identity != "confirmed" else case.state == "closed" or has_begun(session, case)
    return ["face"] * face + ["photographs"] * begun


def note_forgotten(session: Session, case: Case, what: str) -> None:
    """After it was forgotten: what the person wants from now on.

    A plan that was not begun holds without the face. Without the numbers it is another, and is made anew.
    """
    right = _deletion(case)
    assert right is not None
    if what == "photographs":
        right.keeps = "none"
    elif case.state == "closed" or has_begun(session, case):
        right.keeps = "photographs"
    session.flush()
    remembering.remember(session, case)
    lifecycle.record(session, case, f"{what}-forgotten", "subject")


def has_begun(session: Session, case: Case) -> bool:
    state = session.scalar(select(Erasure.state).filter_by(case_id=case.id, kind="deletion"))
    return state is not None and state not in NOT_BEGUN


def _deletion(case: Case) -> CaseRight | None:
    return next((right for right in case.rights if right.right == "deletion"), None)

"""What the person reads on the page of their case. Blind until it is decided: the same for a hit and a miss.

All of it is in the language spoken now; the tables are in English, for `gettext`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, lifecycle, withdrawing
from portal.cases.answer import appeals, disclosing, held, keeping
from portal.cases.answer.deciding import PICTURES, REASONS
from portal.cases.answer.held import Covered, Held
from portal.cases.arrival import looking
from portal.cases.clocks import extending, pausing
from portal.db import config_of
from portal.languages import ENGLISH, mark, speaking
from portal.languages import gettext as _
from portal.tables import Case, CaseRight, Certificate, Package

Stage = Literal["received", "checking", "looking", "carrying-out", "answered"]
STAGES: tuple[Stage, ...] = ("received", "checking", "looking", "carrying-out", "answered")
NAMES: dict[Stage, str] = {
    "received": mark("Request received"),
    "checking": mark("Checking who is asking"),
    "looking": mark("Looking for photos of you"),
    "carrying-out": mark("Doing what was decided"),
    "answered": mark("Your answer is ready"),
}
NEXT: dict[Stage, str] = {
    "received": mark("We will begin soon. You do not need to do anything now."),
    "checking": mark("A person checks that this request really comes from you. Then we look for photos."),
    "looking": mark(
        "We are looking for photos of you. A person checks everything the computer suggests. "
        "Then a person decides about your request."
    ),
    "carrying-out": mark("We carry out what was decided. Your answer comes next."),
    "answered": mark("You can read your answer below."),
}
# `looking` covers search, review and decision: which of them it is would tell a hit from a miss.
STAGE_OF: dict[str, Stage] = {
    "received": "received",
    "identity-check": "checking",
    "searching": "looking",
    "reviewing": "looking",
    "deciding": "looking",
    "fulfilling": "carrying-out",
    "closed": "answered",
}
RIGHTS = {
    "access": mark("Find out if we have photos of you"),
    "copy": mark("Get a copy of them"),
    "opt-out": mark("Have them not used any more"),
    "deletion": mark("Have them deleted"),
}


@dataclass(frozen=True)
class Step:
    """One line of the timeline: `done`, `current` or `to-come`."""

    name: str
    standing: Literal["done", "current", "to-come"]


@dataclass(frozen=True)
class Status:
    """How far a case is, in plain words. `your_turn` says what the person must do, if anything."""

    reference: str
    asked: list[str]
    received_on: date
    answer_by: date
    steps: list[Step]
    next: str
    your_turn: str | None
    ended: str | None
    can_withdraw: bool
    can_add: bool
    keeps: str | None
    forgets: bool
    more_time: str | None


@dataclass(frozen=True)
class RightAnswer:
    """How one right ended: a sentence, and how to complain where it was not granted in full.

    `appeal` says how looking at it again stands, `can_appeal` whether the person can ask for that.
    """

    right: str
    asked: str
    outcome: str
    sentence: str
    note: str | None
    complaint: str | None
    appeal: str | None = None
    can_appeal: bool = False


@dataclass(frozen=True)
class Answer:
    """What the person reads at the end. `photographs` only for access and copy, only after the identity check."""

    rights: list[RightAnswer]
    photographs: list[Held] = field(default_factory=list)
    found: str | None = None
    coverage: Covered | None = None
    package_id: str | None = None
    package_until: date | None = None
    certificate_ids: list[str] = field(default_factory=list)


def is_blind(case: Case) -> bool:
    """True when nobody made sure who is asking: then nothing may tell whether there are photographs."""
    return case.identity != "confirmed"


def status_of(session: Session, case: Case) -> Status:
    """How far the case is. Until the decision it depends on nothing that a search found."""
    stage = _stage(session, case)
    ended = _ended(case)
    return Status(
        reference=case.reference,
        asked=[_(RIGHTS[right.right]) for right in case.rights],
        received_on=clock.local_date(case.received_at, config_of(session).zone),
        answer_by=_answer_by(session, case),
        steps=[] if ended else _steps(case, stage),
        next=ended or _(NEXT[stage]),
        your_turn=_your_turn(session, case, stage),
        ended=ended,
        can_withdraw=withdrawing.may_withdraw(session, case),
        can_add=case.state not in {"fulfilling", "closed"},
        keeps=keeping.chosen(case),
        forgets=bool(keeping.forgettable(session, case, stage == "answered")),
        more_time=_later(session, case),
    )


def _later(session: Session, case: Case) -> str | None:
    """Why the last day is another one than at first."""
    sentences = (extending.sentence_of(session, case), pausing.sentence_of(session, case))
    return " ".join(each for each in sentences if each) or None


def _stage(session: Session, case: Case) -> Stage:
    stage = STAGE_OF[case.state]
    if not is_blind(case) or stage not in {"carrying-out", "answered"}:
        return stage
    # With photographs it takes longer than without, so for all it is `looking` until the last day.
    today = clock.local_date(clock.now(), config_of(session).zone)
    # Not only once it is closed: decided on the last day, a case with photographs would be answered later.
    return "answered" if today >= _answer_by(session, case) else "looking"


def _answer_by(session: Session, case: Case) -> date:
    """The last day of the first right to come due. Of the rights and not of the case, whose day moves with outcomes."""
    anew = appeals.taken_back(session, case)
    if is_blind(case) and anew:
        # The days of the others are over: by them a case without photographs would be answered at once.
        return max(right.due_on for right in anew)
    days = [right.due_on for right in case.rights if is_blind(case) or right.outcome is None]
    return min(days or [right.due_on for right in case.rights])


def _steps(case: Case, stage: Stage) -> list[Step]:
    shown = [each for each in STAGES if each != "checking" or case.identity != "not-needed"]
    if is_blind(case):
        shown = [each for each in shown if each != "carrying-out"]
    at = shown.index(stage)
    standings: list[Step] = []
    for place, each in enumerate(shown):
        over = place < at or stage == "answered"
        standings.append(Step(_(NAMES[each]), "done" if over else "current" if place == at else "to-come"))
    return standings


def _ended(case: Case) -> str | None:
    if case.outcome == "withdrawn":
        return _("You took this request back. We deleted what you sent.")
    if case.outcome == "unverified":
        return _(
            "We could not make sure that this request comes from you, so we did not go on. "
            "We did not look for photos. You can ask again and tell us more."
        )
    return None


def _your_turn(session: Session, case: Case, stage: Stage) -> str | None:
    if stage not in {"received", "checking", "looking"} or case.state == "closed":
        return None
    states = {probe.state for probe in looking.probes_of(session, case)}
    if "choose-face" in states:
        return _("There is more than one person in your photo. Tap your face.")
    if states and states <= {"refused"}:
        return _("We could not use what you sent. Send another photo, or tell us another way to find you.")
    return None


def authority_of(right: CaseRight) -> str:
    """Whom the person can complain to about a right, in the language spoken now."""
    return _(law.rule_by(right.rule, right.rule_version).authority)


def is_answered(session: Session, case: Case) -> bool:
    """Whether there is an answer, without looking up what it says."""
    if case.outcome in {"withdrawn", "unverified"}:
        return False
    if is_blind(case):
        return _stage(session, case) == "answered"
    return any(right.outcome is not None for right in case.rights)


def shows_photographs(session: Session, case: Case) -> bool:
    """Whether the answer shows photographs, if there are any: for access and copy, after the identity check."""
    if is_blind(case) or not is_answered(session, case):
        return False
    return any(right.right in PICTURES and right.outcome in {"fulfilled", "partly-fulfilled"} for right in case.rights)


def answer_of(session: Session, case: Case) -> Answer | None:
    """The answer, as far as rights have an outcome; None before. Blind where nobody was checked."""
    if not is_answered(session, case):
        return None
    if is_blind(case):
        return _blind_answer(session, case)
    answered = [right for right in case.rights if right.outcome is not None]
    photographs = disclosing.photographs(session, case)
    rights = [_with_appeal(session, right, _right_answer(session, right)) for right in answered]
    shown = shows_photographs(session, case)
    package = session.scalar(select(Package).where(Package.case_id == case.id, Package.blob_id.is_not(None)))
    return Answer(
        rights=rights,
        photographs=photographs if shown else [],
        found=held.found(session, case, len(photographs)),
        coverage=held.covered(session, case),
        package_id=package.id if package is not None and shown else None,
        package_until=package.expires_at.date() if package is not None and package.expires_at and shown else None,
        certificate_ids=list(session.scalars(select(Certificate.id).where(Certificate.case_id == case.id))),
    )


def _blind_answer(session: Session, case: Case) -> Answer:
    rights = []
    for right in case.rights:
        refused = right.decision == "refuse"
        sentence = _refusal(right) if refused else _(DONE_BLIND)
        # A note was written by somebody who knew what was found, so it is not shown.
        answer = RightAnswer(
            right.right,
            _(RIGHTS[right.right]),
            "refused" if refused else "done",
            sentence,
            None,
            _complaint(right) if refused else None,
        )
        rights.append(_with_appeal(session, right, answer))
    return Answer(rights)


def _with_appeal(session: Session, right: CaseRight, answer: RightAnswer) -> RightAnswer:
    appeal, can_appeal = appeals.sentence_of(session, right), appeals.may_appeal(session, right)
    return replace(answer, appeal=appeal, can_appeal=can_appeal)


DONE_BLIND = mark(
    "We do what you asked, for every photo of you that we found. We did not check who you are, so we do not say "
    "here whether there were any: nobody can find out about you by asking in your name. If you want to know, or want "
    "the certificate, write to us. Once a person has made sure who you are, you see it here."
)
DONE = {
    "access": mark("Here is what we hold about you."),
    "copy": mark("You can save a copy of what we hold about you."),
    "opt-out": mark("The photos of you are not used any more. The certificate says what was done."),
    "deletion": mark("The photos of you are deleted. The certificate says what was done, and how to check it."),
}
PARTLY = {
    "access": mark("Here is what we hold about you. Some photos could not be shown. The list says which and why."),
    "copy": mark("You can save a copy of what we hold about you. Some photos could not be put in. The list says why."),
    "opt-out": mark("We did a part of what you asked. The certificate says what was not possible, and why."),
    "deletion": mark("We deleted a part of what we hold. The certificate says what is left, and why."),
}
NOTHING = mark(
    "We did not find photos of you. This is not a guarantee: the comparison can miss pictures. "
    "You can ask again or send another photo."
)


PICKED = {
    "opt-out": mark("The photos you picked are not used any more. The certificate says what was done."),
    "deletion": mark("The photos you picked are deleted. The certificate says what was done, and how to check it."),
}
CHANGED_MIND = mark("You changed your mind about this, so we did nothing.")


def _done(session: Session, right: CaseRight) -> str:
    return (PICKED if held.is_picked(session, right.case, right.right) else DONE)[right.right]


def _right_answer(session: Session, right: CaseRight) -> RightAnswer:
    outcome = right.outcome or ""
    said = {
        "fulfilled": _done(session, right),
        "partly-fulfilled": PARTLY[right.right],
        "nothing-found": NOTHING,
        "withdrawn": CHANGED_MIND,
    }
    sentence = _(said[outcome]) if outcome in said else _refusal(right)
    return RightAnswer(
        right.right,
        _(RIGHTS[right.right]),
        outcome,
        sentence,
        right.note,
        None if outcome in {"fulfilled", "withdrawn"} else _complaint(right),
    )


def _refusal(right: CaseRight) -> str:
    words = REASONS[right.reason or "other"]
    return _("We cannot do this because %(reason)s.", reason=_(words))


def _complaint(right: CaseRight) -> str:
    return _(
        "If you think this is wrong, tell us. You can also complain to %(authority)s.",
        authority=authority_of(right),
    )


@dataclass(frozen=True)
class Preview:
    """What the person will read, in the language of the case; `english` for staff, empty where that is it."""

    theirs: list[str]
    english: list[str]


def side_by_side(session: Session, right: CaseRight) -> Preview:
    """What the person will read about a decided right, as they read it, and beside it in English for whoever decides.

    What a caseworker wrote stays as it was written. What is not translated yet is in English on both sides.
    """
    with speaking(right.case.language) as spoken:
        theirs = preview(session, right)
    with speaking(ENGLISH):
        return Preview(theirs, preview(session, right) if spoken.code != ENGLISH else [])


def preview(session: Session, right: CaseRight) -> list[str]:
    """What the person will read about a decided right, sentence by sentence, if everything goes as decided."""
    return told(session, right) + ([_complaint(right)] if right.decision == "refuse" else [])


def told(session: Session, right: CaseRight) -> list[str]:
    """The same without the way to complain. Once the right has its outcome it is what became of it."""
    if is_blind(right.case):
        # A note was written by somebody who knows what is found, so without an identity check nobody reads it.
        return [_refusal(right) if right.decision == "refuse" else _(DONE_BLIND)]
    if right.outcome is not None:
        answer = _right_answer(session, right)
        return [answer.sentence, *([answer.note] if answer.note else [])]
    if right.decision == "refuse":
        first = _refusal(right)
    else:
        first = _(_done(session, right) if lifecycle.confirmed_candidates(session, right.case) > 0 else NOTHING)
    return [first, *([right.note] if right.note else [])]

"""What a person says about each photograph of their answer, and what they then ask to be done with the ones they pick.

Only somebody who was checked sees photographs, so only they can pick. What they ask is a right of the same case, with
a clock of its own from that day on; a person decides about it as about any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, withdrawing
from portal.cases.answer import answers, deciding, held
from portal.cases.clocks import deadlines
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotFound
from portal.languages import gettext as _
from portal.tables import Candidate, Case, CaseRight
from portal.tables.matching import LEFT_ALONE, SAID, WISHES

# What can be asked for photographs that were seen. A copy is always of all of them.
ASKABLE = (*WISHES, "copy")
# Between these two a caseworker has not begun to carry it out.
OPEN_TO_MORE = frozenset({"closed", "deciding"})


def shown(session: Session, case: Case) -> dict[int, Candidate]:
    """The photographs of the answer by their numbers; empty where the person sees none."""
    return held.confirmed(session, case) if answers.shows_photographs(session, case) else {}


def say(session: Session, case: Case, said: Mapping[int, str]) -> None:
    """Note for photographs, by number, whether they show the person: `me`, `not-me` or `not-sure`.

    What is said not to be them, or not surely, is left out of every plan that is made. Raises BadInput for another
    number or word, Conflict once something is being carried out.
    """
    photographs = shown(session, case)
    if not said or set(said) - set(photographs) or set(said.values()) - set(SAID):
        raise BadInput(_("Choose an answer for at least one photograph."), "nothing-said")
    if case.state not in OPEN_TO_MORE:
        raise Conflict(_("We are carrying out what was decided. Please write us a message."), "carried-out")
    for number, word in said.items():
        photographs[number].said = word
    counts = {word: sum(each == word for each in said.values()) for word in SAID}
    _log(session, case, "photographs-judged", **counts)


def left(session: Session, case: Case) -> list[int]:
    """Numbers of the photographs that still lie in a store and that the person did not call doubtful or not theirs."""
    return [
        number
        for number, one in shown(session, case).items()
        if one.image.state == "live" and one.remedied_at is None and one.said not in LEFT_ALONE
    ]


def doubted(session: Session, case: Case) -> list[int]:
    """Numbers of the photographs that still lie in a store and of which the person is not sure."""
    return [
        number
        for number, one in shown(session, case).items()
        if one.image.state == "live" and one.remedied_at is None and one.said == "not-sure"
    ]


def wishes(session: Session, case: Case) -> list[str]:
    """What the person can ask for the photographs they see: what they have not asked for yet, or took back."""
    if case.state not in OPEN_TO_MORE or not left(session, case):
        return []
    asked = {right.right for right in case.rights if right.outcome != "withdrawn"}
    return [wish for wish in ASKABLE if wish not in asked]


def ask(session: Session, case: Case, wish: str, numbers: Collection[int]) -> CaseRight:
    """Ask for a right over the photographs with these numbers. The case is open again, with this day's clock.

    Raises BadInput (nothing picked, or not there), Conflict (asked already, or being carried out).
    """
    if wish not in wishes(session, case):
        raise Conflict(_("This was asked already, or cannot be asked now. You can write us a message."), "not-askable")
    if not numbers or set(numbers) - set(left(session, case)):
        raise BadInput(_("Pick at least one photograph."), "nothing-picked")
    right = _right(session, case, wish)
    if wish in WISHES:
        photographs = shown(session, case)
        for number in numbers:
            photographs[number].wish = wish
    _log(session, case, "more-asked", right=wish, photographs=len(numbers))
    if case.state == "closed":
        lifecycle.move(session, case, "deciding", "subject", "asked for the photographs in the answer")
    case.due_on = min(each.due_on for each in lifecycle.open_rights(session, case))
    lifecycle.wait_for(session, case, "caseworker")
    return right


def ask_each(session: Session, case: Case, picked: Mapping[int, str]) -> list[CaseRight]:
    """Ask for photographs by number for one of WISHES each, all in one go. Raises as `ask` does, and then for all."""
    if set(picked.values()) - set(WISHES):
        raise BadInput(_("Choose what should happen"), "unknown-wish")
    if not picked:
        raise BadInput(_("Pick at least one photograph."), "nothing-picked")
    by_wish = {wish: [number for number, each in picked.items() if each == wish] for wish in WISHES}
    return [ask(session, case, wish, numbers) for wish, numbers in by_wish.items() if numbers]


def undoable(session: Session, case: Case) -> list[CaseRight]:
    """The rights asked for picked photographs about which the person can still change their mind."""
    return [right for right in lifecycle.open_rights(session, case) if _may_undo(session, right)]


def undo(session: Session, case: Case, wish: str) -> None:
    """The person changes their mind about what they picked. Raises NotFound, or Conflict once copies may be gone."""
    right = next((one for one in lifecycle.open_rights(session, case) if one.right == wish), None)
    if right is None or not _was_picked(session, right):
        raise NotFound(_("There is nothing here to take back."))
    if not _may_undo(session, right):
        raise Conflict(_("This request can no longer be taken back: we have begun to carry it out."), "too-late")
    withdrawing.stop_erasures(session, case, wish)
    session.execute(update(Candidate).where(Candidate.case_id == case.id, Candidate.wish == wish).values(wish=None))
    lifecycle.settle_right(session, right, "withdrawn")
    if case.state == "deciding":
        deciding.go_on(session, case)
    lifecycle.fulfil_step(session, case)


def _may_undo(session: Session, right: CaseRight) -> bool:
    return _was_picked(session, right) and not withdrawing.has_begun(session, right.case, right.right)


def _was_picked(session: Session, right: CaseRight) -> bool:
    return right.right in WISHES and held.is_picked(session, right.case, right.right)


def _right(session: Session, case: Case, wish: str) -> CaseRight:
    """The right with the rule in force today: a new one, or one that was taken back before."""
    config = config_of(session)
    today = clock.local_date(clock.now(), config.zone)
    rule = law.rules_for(case.residence, wish, today)
    days = deadlines.clock_for(rule, today, config.holidays)
    right = next((one for one in case.rights if one.right == wish), None)
    if right is None:
        right = CaseRight(right=wish)
        case.rights.append(right)
    lifecycle.undecide(session, right, "subject")
    right.rule, right.rule_version = rule.id, rule.version
    right.acknowledge_by, right.due_on, right.latest_on = days.acknowledge_by, days.due_on, days.latest_on
    session.flush()
    return right


def judged(session: Session, case: Case) -> list[tuple[int, Candidate]]:
    """Of the confirmed photographs those about which the person said or asked something, with their numbers."""
    confirmed = select(Candidate).where(Candidate.case_id == case.id, Candidate.state == "confirmed")
    numbered = enumerate(session.scalars(confirmed.order_by(Candidate.image_id)), 1)
    return [(number, one) for number, one in numbered if one.said or one.wish]


def _log(session: Session, case: Case, kind: str, **facts: str | int) -> None:
    session.flush()
    lifecycle.record(session, case, kind, "subject", **facts)
    audit.append(session, kind, {"case": case.id, **facts})

"""A case's life: the one function that makes the moves of `moves`, and what moves a case on by itself.

    received - identity-check - searching - reviewing - deciding - fulfilling - closed

A case may close early (withdrawn, unverified), look again (reviewing to searching, deciding to reviewing) and be
opened again: when nothing was found (closed to reviewing), or to be asked for more (closed to deciding).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, mails, remembering
from portal.cases.clocks import deadlines
from portal.cases.moves import LOOKING as LOOKING
from portal.cases.moves import MOVES as MOVES
from portal.cases.moves import Move, allowed
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed
from portal.jobs import make_due, ring
from portal.languages import gettext as _
from portal.tables import Account, Candidate, Case, CaseEvent, CaseRight, Certificate, Erasure, Search

# What shows photographs, and changes nothing about them, can be carried out a second time.
SHOWING = frozenset({"access", "copy"})
CARRIED_OUT = frozenset({"fulfilled", "partly-fulfilled"})


def move(
    session: Session, case: Case, to: str, actor: str, reason: str | None = None, outcome: str | None = None
) -> Move:
    """Move a case on. The only writer of `Case.state` and `Case.outcome`.

    `actor` is `subject`, `machine` or an account id. `reason` must not name a person: it stays in the timeline.
    Raises Conflict (no such move, or somebody was faster), NotAllowed (not this actor's) or BadInput (no reason).
    """
    one = allowed(case.state, to, outcome)
    if not (one.actors & roles_of(session, actor)):
        raise NotAllowed("This step is not yours to take.", "not-your-step")
    if one.needs_reason and not (reason or "").strip():
        raise BadInput("Say why. The reason is kept with the case.", "reason-missing")
    source = case.state
    _write(session, case, one, outcome)
    facts = {"from": source, "to": to} | ({"outcome": outcome} if outcome else {})
    record(session, case, one.kind, actor, **facts, **({"reason": reason} if reason else {}))
    audit.append(session, "case-moved", {"case": case.id, "actor": actor, **facts})
    _follow(session, case, to, outcome)
    if "closed" in (source, to):
        remembering.remember(session, case)
    return one


def _write(session: Session, case: Case, one: Move, outcome: str | None) -> None:
    session.flush()
    closing = one.to == "closed"
    statement = (
        update(Case)
        .where(Case.id == case.id, Case.version == case.version, Case.state == case.state)
        .values(
            state=one.to,
            waiting_for=one.waiting_for,
            outcome=outcome,
            version=case.version + 1,
            closed_at=clock.now() if closing else None,
        )
    )
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    if result.rowcount != 1:
        raise Conflict("Somebody else has just moved this case on. Load the page again.", "moved-meanwhile")
    session.refresh(case)


def _follow(session: Session, case: Case, to: str, outcome: str | None) -> None:
    """What every move of its kind brings with it, so that no caller can forget it."""
    if to == "searching":
        _start_search(session, case)
    if to == "fulfilling" and case.identity == "not-needed":
        # Carrying out takes longer where there are photographs: the mail is written at the decision, for all alike.
        mails.queue_news(session, case)
    if to != "closed":
        return
    if outcome in {"withdrawn", "unverified"}:
        for right in open_rights(session, case):
            right.outcome = outcome
    if outcome != "withdrawn" and case.identity != "not-needed":
        mails.queue_news(session, case)
    session.flush()


def _start_search(session: Session, case: Case) -> None:
    search = Search(case_id=case.id, created_at=clock.now())
    session.add(search)
    session.flush()
    make_due(session, search)


def roles_of(session: Session, actor: str) -> frozenset[str]:
    """What `actor` may act as: itself for `subject` and `machine`, else the roles of the account."""
    if actor in {"subject", "machine"}:
        return frozenset({actor})
    account = session.get(Account, actor)
    if account is None or account.disabled_at is not None:
        return frozenset()
    return frozenset(account.roles)


def record(session: Session, case: Case, kind: str, actor: str, **facts: Any) -> CaseEvent:
    """A line of the case's timeline. No personal data in `facts`."""
    event = CaseEvent(case_id=case.id, at=clock.now(), kind=kind, actor=actor, facts=facts)
    session.add(event)
    session.flush()
    return event


def wait_for(session: Session, case: Case, whom: str) -> None:
    """Say whom the case waits for while it stays where it is, such as `approver` for a plan."""
    case.waiting_for = whom
    session.flush()


def wait_as_usual(session: Session, case: Case) -> None:
    """Once nothing special is waited for any more: the case waits for whom it waits where it is."""
    wait_for(session, case, next(one.waiting_for for one in MOVES if one.to == case.state))


def open_rights(session: Session, case: Case) -> list[CaseRight]:
    """The rights of a case that have no outcome yet."""
    session.flush()
    return list(
        session.scalars(
            select(CaseRight).where(CaseRight.case_id == case.id, CaseRight.outcome.is_(None)).order_by(CaseRight.id)
        )
    )


def open_candidates(session: Session, case: Case) -> int:
    return _candidates(session, case, "open")


def confirmed_candidates(session: Session, case: Case) -> int:
    return _candidates(session, case, "confirmed")


def _candidates(session: Session, case: Case, state: str) -> int:
    session.flush()
    query = select(func.count()).select_from(Candidate).where(Candidate.case_id == case.id, Candidate.state == state)
    return session.scalar(query) or 0


def search_finished(session: Session, case: Case) -> None:
    """Called after each search: on to the reviewers, or to the decision. Harmless when called again.

    What the person sent meanwhile has a search of its own: while that is going on, the case waits for it.
    """
    if case.state == "searching" and not _searched_elsewhere(session, case):
        move(session, case, "reviewing" if open_candidates(session, case) else "deciding", "machine")


def _searched_elsewhere(session: Session, case: Case) -> bool:
    """True when one search of the case is over and another still goes on."""
    session.flush()
    searches = session.execute(select(Search.finished_at, Search.work_state).where(Search.case_id == case.id)).all()
    over = any(finished_at is not None for finished_at, _ in searches)
    return over and any(finished_at is None and state in {"due", "leased"} for finished_at, state in searches)


def review_finished(session: Session, case: Case) -> None:
    """Called after each judgement: once no candidate is open, on to the second hop, or to the decision."""
    if case.state == "reviewing" and not open_candidates(session, case):
        again = _second_hop_is_due(session, case)
        move(session, case, "searching" if again else "deciding", "machine")


def _second_hop_is_due(session: Session, case: Case) -> bool:
    """True when faces were confirmed and no search has been begun since the first of them was: it happens once.

    Without the person's agreement to a comparison of faces there is none.
    """
    confirmed = select(func.min(Candidate.settled_at)).where(
        Candidate.case_id == case.id, Candidate.state == "confirmed", Candidate.face_id.is_not(None)
    )
    first = session.scalar(confirmed)
    if first is None or case.consented_at is None:
        return False
    searched_since = select(Search.id).where(Search.case_id == case.id, Search.created_at >= first).limit(1)
    return session.scalar(searched_since) is None


def fulfil_step(session: Session, case: Case) -> None:
    """Called after a package is ready or an erasure settled: closes the case once every right has an outcome.

    What is settled after the end, because nothing keeps it any more, changes how the case ended.
    """
    if case.state == "closed":
        settle_anew(session, case)
    if case.state != "fulfilling":
        return
    for right in open_rights(session, case):
        outcome = _outcome_of_erasure(session, right)
        if outcome is not None:
            settle_right(session, right, outcome)
    # A deletion waits for the copy, and for an opt-out of the same photographs: now it may be its turn.
    for erasure in session.scalars(select(Erasure).filter_by(case_id=case.id, state="cooling", work_state="due")):
        ring(session, "erasing", erasure.id)
    if not open_rights(session, case):
        outcomes = set(session.scalars(select(CaseRight.outcome).where(CaseRight.case_id == case.id)))
        move(session, case, "closed", "machine", outcome=taken_together({each or "" for each in outcomes}))


def settle_right(session: Session, right: CaseRight, outcome: str) -> None:
    """Write how a right ended. The case is then due when the next open right is.

    Where nobody checked who is asking its day stays: the rights end in another order where there are photographs, and
    the day of the last mail would tell.
    """
    right.outcome = outcome
    right.fulfilled_at = clock.now()
    case = right.case
    record(session, case, "right-settled", "machine", right=right.right, outcome=outcome)
    audit.append(session, "right-settled", {"case": case.id, "right": right.right, "outcome": outcome})
    rest = open_rights(session, case)
    if rest and case.identity == "confirmed":
        case.due_on = min(each.due_on for each in rest)
    session.flush()


def settle_anew(session: Session, case: Case) -> bool:
    """Let what was carried out in part be so in full, or the other way round, as the newest certificate has it.

    True where an outcome changed. The one before stays in the timeline and in the log.
    """
    changed = False
    for right in session.scalars(select(CaseRight).where(CaseRight.case_id == case.id)):
        now = _outcome_of_erasure(session, right) if right.outcome in CARRIED_OUT else None
        if now is None or now == right.outcome:
            continue
        facts = {"right": right.right, "before": right.outcome, "outcome": now}
        right.outcome, changed = now, True
        record(session, case, "outcome-changed", "machine", **facts)
        audit.append(session, "outcome-changed", {"case": case.id, **facts})
    if changed and case.state == "closed":
        case.outcome = taken_together({right.outcome or "" for right in case.rights})
        case.version += 1
        remembering.remember(session, case)
    session.flush()
    return changed


def taken_together(outcomes: set[str]) -> str:
    """The outcome of a case from those of its rights. What was taken back again by itself does not count."""
    outcomes = outcomes - {"withdrawn"} or outcomes
    if len(outcomes) == 1:
        return next(iter(outcomes))
    return "fulfilled" if outcomes == {"fulfilled", "nothing-found"} else "partly-fulfilled"


def _outcome_of_erasure(session: Session, right: CaseRight) -> str | None:
    erasure = session.scalar(
        select(Erasure).where(Erasure.case_id == right.case_id, Erasure.kind == right.right, Erasure.state == "settled")
    )
    if erasure is None:
        return None
    issued = select(Certificate.kind).where(Certificate.erasure_id == erasure.id).order_by(Certificate.number.desc())
    certificate = session.scalar(issued.limit(1))
    left = any(item.state in {"refused", "failed"} for item in erasure.items)
    return "partly-fulfilled" if left or certificate == "partial" else "fulfilled"


def may_erase_now(session: Session, case: Case) -> bool:
    """True when no access or copy right of the case is still unanswered.

    What was asked to be seen must not be gone before it was shown (Data Protection Act 2018 s.173, PIPEDA s.8(8)).
    """
    return not any(right.right in {"access", "copy"} for right in open_rights(session, case))


def search_again(session: Session, case: Case, actor: str, reason: str) -> None:
    """Look once more: with a better photo, or because the person says that something was missed.

    A closed case can be opened again when nothing was found or photographs were shown, and its clocks start anew.
    After an erasure a new request is needed.
    """
    if case.state == "closed" and not may_open_again(session, case):
        raise Conflict(_("This request is finished. Please make a new one."), "finished")
    if case.state in {"closed", "deciding"}:
        was_closed = case.state == "closed"
        _undecide(session, case, actor)
        move(session, case, "reviewing", actor, reason)
        if was_closed:
            _start_clocks_anew(session, case)
    move(session, case, "searching", actor, reason)


def look_with_more(session: Session, case: Case) -> None:
    """The person has sent something more to look with: what was searched already is searched again."""
    if case.state == "searching":
        _start_search(session, case)
    elif case.state in {"reviewing", "deciding"}:
        search_again(session, case, "subject", "the person sent more to look with")


def may_open_again(session: Session, case: Case) -> bool:
    """True where a closed case can be looked at again: nothing was found, or all that was carried out was showing.

    An erasure has one certificate, which stays as it is: what is found later takes a new request.
    """
    if case.state != "closed" or case.outcome in {"withdrawn", "unverified"}:
        return False
    rights = list(session.scalars(select(CaseRight).where(CaseRight.case_id == case.id)))
    shown = any(right.right in SHOWING and right.outcome in CARRIED_OUT for right in rights)
    erased = session.scalar(select(Erasure.id).where(Erasure.case_id == case.id).limit(1)) is not None
    return case.outcome == "nothing-found" or (shown and not erased)


def _undecide(session: Session, case: Case, actor: str) -> None:
    """What was refused or erased stays so: a settled erasure would pass for that of photographs found later."""
    for right in session.scalars(select(CaseRight).where(CaseRight.case_id == case.id)):
        shown = right.right in SHOWING and right.outcome in CARRIED_OUT
        if right.outcome in {None, "nothing-found"} or shown:
            undecide(session, right, actor)
    session.flush()


def _start_clocks_anew(session: Session, case: Case) -> None:
    """What is open again is due as if it came in today: the old days are over, or nearly."""
    config = config_of(session)
    today = clock.local_date(clock.now(), config.zone)
    for right in open_rights(session, case):
        days = deadlines.clock_for(law.rule_by(right.rule, right.rule_version), today, config.holidays)
        right.due_on, right.latest_on = days.due_on, days.latest_on
    case.due_on = min(right.due_on for right in open_rights(session, case))
    session.flush()


def undecide(session: Session, right: CaseRight, actor: str) -> None:
    """Have a right decided anew. What was decided before, and by whom, stays in the timeline and in the log."""
    if right.decision is not None:
        before = {"decision": right.decision, "reason": right.reason, "outcome": right.outcome}
        people = {"decided_by": right.decided_by, "approved_by": right.approved_by}
        facts = {"right": right.right, **before, **people}
        record(session, right.case, "right-opened-again", actor, **facts)
        audit.append(session, "right-opened-again", {"case": right.case_id, "actor": actor, **facts})
    right.decision = right.reason = right.note = right.decided_by = right.approved_by = None
    right.decided_at = right.approved_at = right.fulfilled_at = None
    right.outcome = None
    right.one_person = False

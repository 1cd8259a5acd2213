"""The table of moves is the only way for a case to move."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle
from portal.cases.arrival import intake
from portal.cases.lifecycle import LOOKING, MOVES, move, taken_together
from portal.errors import BadInput, Conflict, EffaceError, NotAllowed
from portal.tables import Case, CaseEvent, Entry, Erasure, Face, Search
from portal.tables.cases import CASE_STATES, OUTCOMES, WAITING_FOR
from tests.cases.making import add_candidate, confirm_identity, grant_all, make_account, make_image, send, to_deciding


def test_every_move_names_known_states_and_ends() -> None:
    for one in MOVES:
        assert set(one.sources) | {one.to} <= set(CASE_STATES)
        assert one.waiting_for in WAITING_FOR
        assert one.outcomes <= set(OUTCOMES)
        assert bool(one.outcomes) == (one.to == "closed")
        assert one.sentence.endswith(".")


def test_every_state_is_reached_and_left() -> None:
    assert {one.to for one in MOVES} == set(CASE_STATES) - {"received"}
    assert {source for one in MOVES for source in one.sources} == set(CASE_STATES)


def test_moves_between_search_and_decision_read_the_same() -> None:
    middle = {"searching", "reviewing", "deciding"}
    assert {one.sentence for one in MOVES if one.to in middle} == {LOOKING}


@pytest.mark.parametrize("source", CASE_STATES)
@pytest.mark.parametrize("to", CASE_STATES)
def test_what_is_not_in_the_table_is_refused(session: Session, source: str, to: str) -> None:
    if any(source in one.sources and one.to == to for one in MOVES):
        return
    case = send(session).case
    outcome = "refused" if source == "closed" else None
    session.execute(update(Case).values(state=source, outcome=outcome))
    session.refresh(case)
    with pytest.raises(Conflict):
        move(session, case, to, "machine")
    assert case.state == source


def test_each_move_is_on_the_timeline_and_in_the_log(session: Session) -> None:
    case = send(session).case
    caseworker = confirm_identity(session, case)
    event = session.scalars(select(CaseEvent).order_by(CaseEvent.id.desc())).first()
    assert event is not None
    assert (event.kind, event.actor) == ("identity-confirmed", caseworker.id)
    bodies = [entry.body for entry in session.scalars(select(Entry).where(Entry.kind == "case-moved"))]
    assert len(bodies) == case.version == 2
    assert all(case.id.encode() in body for body in bodies)


def test_a_role_that_is_not_named_may_not_move(session: Session) -> None:
    case = send(session).case
    for actor in ("subject", "machine", make_account(session, "admin", "reviewer", "auditor").id, "nobody"):
        with pytest.raises(NotAllowed):
            move(session, case, "searching", actor)


def test_of_two_who_move_at_once_one_is_told(session: Session) -> None:
    case = send(session).case
    account = make_account(session)
    session.execute(update(Case).values(version=Case.version + 1).execution_options(synchronize_session=False))
    with pytest.raises(Conflict) as told:
        move(session, case, "searching", account.id)
    assert told.value.code == "moved-meanwhile"


def test_a_move_that_needs_a_reason_gets_one(session: Session) -> None:
    case = send(session).case
    account = to_deciding(session, case)
    with pytest.raises(BadInput):
        move(session, case, "reviewing", account.id, " ")
    move(session, case, "reviewing", account.id, "a second look at the group photos")


def test_identity_confirmed_makes_one_search_due(session: Session) -> None:
    case = send(session).case
    assert session.scalars(select(Search)).all() == []
    confirm_identity(session, case)
    search = session.scalars(select(Search)).one()
    assert search.work_state == "due"


def test_a_search_with_candidates_goes_to_the_reviewers(session: Session, tmp_path: Path) -> None:
    case = send(session).case
    confirm_identity(session, case)
    candidate = add_candidate(session, case, make_image(session, tmp_path / "store"))
    lifecycle.search_finished(session, case)
    lifecycle.search_finished(session, case)
    assert case.state == "reviewing"
    lifecycle.review_finished(session, case)
    assert case.state == "reviewing"
    candidate.state = "rejected"
    lifecycle.review_finished(session, case)
    assert (case.state, case.waiting_for) == ("deciding", "caseworker")


def test_copies_are_given_before_anything_is_erased(session: Session, tmp_path: Path) -> None:
    case = send(session, "copy", "deletion").case
    account = to_deciding(session, case, make_image(session, tmp_path / "store"))
    grant_all(session, case, account)
    assert not lifecycle.may_erase_now(session, case)
    copy = next(right for right in case.rights if right.right == "copy")
    lifecycle.settle_right(session, copy, "fulfilled")
    assert lifecycle.may_erase_now(session, case)


def test_a_settled_erasure_closes_the_case(session: Session, tmp_path: Path) -> None:
    case = send(session, "deletion").case
    account = to_deciding(session, case, make_image(session, tmp_path / "store"))
    grant_all(session, case, account)
    lifecycle.fulfil_step(session, case)
    assert case.state == "fulfilling"
    erasure = Erasure(
        case_id=case.id,
        kind="deletion",
        state="settled",
        plan_digest="0" * 64,
        asked_by=account.id,
        planned_at=case.received_at,
    )
    session.add(erasure)
    lifecycle.fulfil_step(session, case)
    assert (case.state, case.outcome, case.waiting_for) == ("closed", "fulfilled", "nobody")
    assert case.closed_at is not None


@pytest.mark.parametrize(
    ("outcomes", "together"),
    [
        ({"fulfilled"}, "fulfilled"),
        ({"nothing-found"}, "nothing-found"),
        ({"refused"}, "refused"),
        ({"fulfilled", "refused"}, "partly-fulfilled"),
        ({"fulfilled", "partly-fulfilled"}, "partly-fulfilled"),
        ({"nothing-found", "refused"}, "partly-fulfilled"),
    ],
)
def test_the_outcomes_of_rights_taken_together(outcomes: set[str], together: str) -> None:
    assert taken_together(outcomes) == together


def test_nothing_found_can_be_looked_for_again_but_a_deletion_cannot(session: Session) -> None:
    case = send(session).case
    account = to_deciding(session, case)
    grant_all(session, case, account)
    assert (case.state, case.outcome) == ("closed", "nothing-found")
    lifecycle.search_again(session, case, "subject", "another photo")
    assert case.state == "searching"
    assert [right.decision for right in case.rights] == [None]
    session.execute(update(Case).values(state="closed", outcome="fulfilled"))
    session.refresh(case)
    with pytest.raises(EffaceError):
        lifecycle.search_again(session, case, "subject", "another photo")


def test_who_decided_before_stays_known_when_it_is_looked_at_again(session: Session) -> None:
    case = send(session).case
    account = to_deciding(session, case)
    grant_all(session, case, account)
    lifecycle.search_again(session, case, "subject", "another photo")
    line = session.scalars(select(CaseEvent).where(CaseEvent.kind == "right-opened-again")).one()
    assert line.facts["decided_by"] == account.id
    assert (line.facts["decision"], line.facts["outcome"]) == ("grant", "nothing-found")
    assert case.rights[0].decided_by is None


def test_what_was_shown_can_be_looked_at_again_and_what_was_erased_or_refused_stays(
    session: Session, tmp_path: Path
) -> None:
    case = send(session, "access", "copy").case
    account = to_deciding(session, case, make_image(session, tmp_path))
    shown, refused = case.rights
    grant_all(session, case, account)
    for right, outcome in ((shown, "fulfilled"), (refused, "refused")):
        right.outcome = outcome
    case.state, case.outcome, case.closed_at = "closed", "partly-fulfilled", clock.now()
    session.flush()
    assert lifecycle.may_open_again(session, case)
    lifecycle.search_again(session, case, "subject", "the person says that one was missed")
    assert case.state == "searching"
    assert (shown.outcome, shown.decision, refused.outcome) == (None, None, "refused")
    for outcome in ("withdrawn", "unverified"):
        case.state, case.outcome = "closed", outcome
        assert not lifecycle.may_open_again(session, case)


def test_what_is_opened_again_is_due_as_if_it_came_in_today(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session, "deletion", "opt-out").case
    before = {right.right: (right.due_on, right.latest_on) for right in case.rights}
    grant_all(session, case, to_deciding(session, case))
    later = clock.now() + timedelta(weeks=20)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    lifecycle.search_again(session, case, "subject", "another photo")
    assert case.due_on == min(right.due_on for right in case.rights) >= later.date() + timedelta(days=27)
    for right in case.rights:
        due, latest = before[right.right]
        # A month is not always as long, and a last day may fall on a Sunday.
        assert abs((right.due_on - due).days - 140) <= 6
        assert abs((right.latest_on - latest).days - 140) <= 6


def test_what_is_sent_later_is_searched_too(session: Session) -> None:
    case = send(session).case
    intake.add_account(session, case, "anna")
    assert session.scalars(select(Search)).all() == []
    confirm_identity(session, case)
    first = session.scalars(select(Search)).one()
    intake.add_account(session, case, "anna.b")
    second = session.scalars(select(Search).where(Search.id != first.id)).one()
    finish(session, first)
    assert case.state == "searching"
    finish(session, second)
    assert case.state == "deciding"
    intake.add_account(session, case, "anna.c")
    assert case.state == "searching"
    third = session.scalars(select(Search).where(Search.finished_at.is_(None))).one()
    finish(session, third)
    intake.add_account(session, case, "anna.c")
    assert case.state == "deciding"


def test_a_face_chosen_after_the_search_is_searched(session: Session) -> None:
    case = send(session).case
    to_deciding(session, case)
    probe = intake.probes_of(session, case)[0]
    probe.state, probe.boxes = "choose-face", [[0, 0, 9, 9], [20, 0, 29, 9]]
    intake.choose_face(session, probe, 1)
    assert case.state == "searching"


def test_nothing_is_added_once_it_is_decided(session: Session, tmp_path: Path) -> None:
    hit, miss = send(session, "opt-out").case, send(session, "opt-out").case
    grant_all(session, hit, to_deciding(session, hit, make_image(session, tmp_path / "store")))
    grant_all(session, miss, to_deciding(session, miss))
    told = []
    for case in (hit, miss):
        with pytest.raises(Conflict) as refusal:
            intake.add_account(session, case, "anna")
        told.append(refusal.value.sentence)
    assert told[0] == told[1]


def finish(session: Session, search: Search) -> None:
    """What the worker does at the end of a search that found nothing."""
    search.finished_at, search.work_state = clock.now(), "done"
    session.flush()
    lifecycle.search_finished(session, session.get_one(Case, search.case_id))


def test_what_was_confirmed_is_looked_for_with_once_more_and_only_once(session: Session, tmp_path: Path) -> None:
    case = send(session).case
    case.consented_at = clock.now()
    confirm_identity(session, case)
    image = make_image(session, tmp_path / "store")
    face = Face(image_id=image.id, left=0, top=0, right=9, bottom=9)
    session.add(face)
    session.flush()
    candidate = add_candidate(session, case, image)
    candidate.face_id = face.id
    finish(session, session.scalars(select(Search)).one())
    candidate.state, candidate.settled_at = "confirmed", clock.now()
    lifecycle.review_finished(session, case)
    assert (case.state, case.waiting_for) == ("searching", "machine")
    second = session.scalars(select(Search).where(Search.finished_at.is_(None))).one()
    later = add_candidate(session, case, make_image(session, tmp_path / "store", key="2.jpg"))
    finish(session, second)
    later.state, later.settled_at = "confirmed", clock.now()
    lifecycle.review_finished(session, case)
    assert case.state == "deciding"


def test_without_agreement_to_a_comparison_of_faces_there_is_no_second_hop(session: Session, tmp_path: Path) -> None:
    case = send(session).case
    case.consented_at = None
    confirm_identity(session, case)
    candidate = add_candidate(session, case, make_image(session, tmp_path / "store"))
    finish(session, session.scalars(select(Search)).one())
    candidate.state, candidate.settled_at = "confirmed", clock.now()
    lifecycle.review_finished(session, case)
    assert case.state == "deciding"

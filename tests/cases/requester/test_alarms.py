"""Requests that somebody must read together are linked and held; none of them skips its own identity check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, withdrawing
from portal.cases.answer import deciding
from portal.cases.arrival import intake
from portal.cases.housekeeping import purging
from portal.cases.requester import alarms, identity
from portal.db import Database
from portal.erasure import carrying, plans
from portal.errors import BadInput, Conflict, EffaceError, NotAllowed
from portal.tables import Account, Case, CaseEvent, CaseLink, CaseRight
from tests.cases.making import fill_draft, make_account, make_image, send, to_deciding


def kinds(session: Session, case: Case) -> list[str]:
    return sorted(session.scalars(select(CaseLink.kind).where(CaseLink.case_id == case.id)))


def send_from(session: Session, network: str, *rights: str, contact: bool = False) -> Case:
    return intake.submit(session, fill_draft(session, *rights, contact=contact), network).case


def test_duplicates_are_linked_in_both_directions_and_stay_open(session: Session) -> None:
    first, second = send(session, "deletion").case, send(session, "deletion").case
    other = send(session, "opt-out").case
    assert (kinds(session, first), kinds(session, second), kinds(session, other)) == (["duplicate"], ["duplicate"], [])
    assert {first.state, second.state} == {"searching"}
    assert not alarms.open_alarms(session, second)
    assert kinds(session, send(session, "deletion", contact=False).case) == []


def test_one_contact_with_another_face_is_held_in_both_cases(session: Session) -> None:
    first, second = send(session, "deletion").case, send(session, "opt-out").case
    alarms.look_at_faces(session, second, {second.id: True, first.id: False})
    alarms.look_at_faces(session, second, {second.id: True, first.id: False})
    assert kinds(session, first) == kinds(session, second) == ["many-faces"]
    assert [reading.other for reading in alarms.readings(session, first)] == [second]


def test_photos_of_two_people_in_one_request_are_seen(session: Session) -> None:
    case = send(session, "deletion").case
    alarms.look_at_faces(session, case, {case.id: False})
    assert [(reading.other, reading.holds) for reading in alarms.readings(session, case)] == [(None, True)]


def test_one_face_from_two_contacts_is_held(session: Session) -> None:
    first = send(session, "deletion").case
    second, third = (send(session, "opt-out", contact=False).case for _ in range(2))
    alarms.look_at_faces(session, second, {second.id: True, first.id: True, third.id: True})
    assert [kinds(session, case) for case in (first, second, third)] == [
        ["many-contacts"],
        ["many-contacts", "many-contacts"],
        ["many-contacts"],
    ]


def test_what_is_as_it_should_be_raises_nothing(session: Session) -> None:
    first, second = send(session, "deletion").case, send(session, "opt-out").case
    stranger = send(session, "copy", contact=False).case
    alarms.look_at_faces(session, second, {second.id: True, first.id: True, stranger.id: False, "gone": True})
    assert session.scalars(select(CaseLink)).all() == []


def test_many_requests_from_one_network_in_a_day(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [send_from(session, "192.0.2.0/24", "opt-out") for _ in range(3)]
    send_from(session, "198.51.100.0/24", "opt-out")
    assert session.scalars(select(CaseLink)).all() == []
    fourth = send_from(session, "192.0.2.0/24", "opt-out")
    assert len(kinds(session, fourth)) == 3
    assert all(alarms.open_alarms(session, case) for case in cases)
    assert "192.0.2" not in str([case.network_digest for case in cases])
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert kinds(session, send_from(session, "192.0.2.0/24", "opt-out")) == []
    purging.purge(session)
    session.expire_all()
    assert all(case.network_digest is None for case in cases)


def test_a_held_case_is_not_granted_until_somebody_wrote_why_it_is_fine(session: Session) -> None:
    first, second = send(session, "deletion").case, send(session, "opt-out").case
    account = to_deciding(session, second)
    alarms.look_at_faces(session, second, {first.id: False})
    with pytest.raises(Conflict) as held:
        deciding.decide(session, second.rights[0], account.id, "grant")
    assert held.value.code == "alarm-open"
    with pytest.raises(BadInput):
        alarms.clear(session, second, account.id, "  ")
    with pytest.raises(NotAllowed):
        alarms.clear(session, second, make_account(session, "reviewer").id, "It is fine.")
    alarms.clear(session, second, account.id, "She asks for her child.")
    assert alarms.open_alarms(session, first), "the other case is read by itself"
    with pytest.raises(Conflict):
        alarms.clear(session, second, account.id, "Again.")
    deciding.decide(session, second.rights[0], account.id, "grant")
    assert second.outcome == "nothing-found"


def test_what_is_raised_later_holds_again(session: Session) -> None:
    first, second, third = (send(session, right).case for right in ("deletion", "opt-out", "copy"))
    alarms.look_at_faces(session, first, {second.id: False})
    alarms.clear(session, first, make_account(session).id, "A parent.")
    alarms.look_at_faces(session, first, {second.id: False})
    assert alarms.open_alarms(session, first) == []
    alarms.look_at_faces(session, first, {third.id: False})
    assert len(alarms.open_alarms(session, first)) == 1


def test_a_note_is_purged_with_the_contact(session: Session) -> None:
    first, second = send(session, "deletion").case, send(session, "opt-out").case
    alarms.look_at_faces(session, first, {second.id: False})
    alarms.clear(session, first, make_account(session).id, "Anna and her child Ben.")
    purging.purge_contact(session, first)
    assert [reading.note for reading in alarms.readings(session, first)] == [None]


def test_a_checked_case_outranks_an_unchecked_one_and_is_not_refused_as_its_repetition(session: Session) -> None:
    unchecked, checked = send(session, "access").case, send(session, "access").case
    account = to_deciding(session, checked)
    assert alarms.is_outranked(session, unchecked, by=checked)
    assert not alarms.is_outranked(session, checked, by=unchecked)
    assert "Decide that one first." in alarms.readings(session, unchecked)[0].sentence
    assert "Decide this one first." in alarms.readings(session, checked)[0].sentence
    with pytest.raises(BadInput) as told:
        deciding.decide(session, checked.rights[0], account.id, "refuse", "too_many_requests")
    assert told.value.code == "duplicate-leads"
    to_deciding(session, unchecked)
    deciding.decide(session, checked.rights[0], account.id, "refuse", "too_many_requests")


def _check(decision: str) -> Callable[[Session, Case, Account], None]:
    return lambda session, case, account: identity.decide_identity(session, case, account.id, decision, "A note.")


def _decide(decision: str, reason: str | None = None) -> Callable[[Session, Case, Account], None]:
    return lambda session, case, account: deciding.decide(session, case.rights[0], account.id, decision, reason)


STEPS: dict[str, Callable[[Session, Case, Account], object]] = {
    "confirm": _check("confirmed"),
    "not confirm": _check("not-confirmed"),
    "searched": lambda session, case, account: lifecycle.search_finished(session, case),
    "grant": _decide("grant"),
    "refuse": _decide("refuse", "too_many_requests"),
    "agree": lambda session, case, account: deciding.approve_refusal(session, case.rights[0], make_account(session).id),
    "withdraw": lambda session, case, account: withdrawing.withdraw(session, case),
}


def _facts(session: Session, case: Case) -> tuple[object, ...]:
    session.refresh(case)
    right = session.scalars(select(CaseRight).where(CaseRight.case_id == case.id)).one()
    return case.state, case.outcome, case.identity, case.identity_by, right.decision, right.outcome


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 2)), min_size=5, max_size=25))
def test_approving_a_duplicate_never_skips_the_identity_check(database: Database, steps: list[tuple[str, int]]) -> None:
    """In 2026 another tool let a duplicate through unchecked when its twin was approved (GHSA-qx5f-ghc2-7g5c).

    Whatever is done to three requests of one contact, in any order: a step changes the one case it is about, and
    photographs are granted only in a case whose own check was made by a person.
    """
    with database.reading() as session:
        # One transaction that is never committed: each example begins with the same empty installation.
        cases = [intake.submit(session, draft).case for draft in _three_drafts(session)]
        account = make_account(session)
        for name, which in steps:
            before = [_facts(session, case) for case in cases]
            try:
                with session.begin_nested():
                    STEPS[name](session, cases[which], account)
            except EffaceError:
                pass
            after = [_facts(session, case) for case in cases]
            assert [i for i in range(3) if before[i] != after[i]] in ([], [which])
            for case in cases:
                _never_unchecked(session, case)
        session.rollback()


def _three_drafts(session: Session) -> list[intake.drafts.Draft]:
    return [fill_draft(session, "access") for _ in range(3)]


def _never_unchecked(session: Session, case: Case) -> None:
    events = set(session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case.id)))
    checked = "identity-confirmed" in events
    assert (case.identity == "confirmed") == checked
    assert case.state in {"identity-check", "closed"} or checked
    assert case.rights[0].decision is None or checked
    assert case.outcome in {None, "withdrawn", "unverified"} or checked


def test_an_alarm_raised_after_the_decision_holds_what_is_carried_out(session: Session, tmp_path: Path) -> None:
    case = send(session, "deletion").case
    caseworker = to_deciding(session, case, make_image(session, tmp_path))
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    erasure = plans.plan_erasure(session, case, "deletion", caseworker.id)
    assert not carrying.must_wait(session, case, erasure)
    alarms.look_at_faces(session, case, {case.id: False})
    assert carrying.must_wait(session, case, erasure)
    alarms.clear(session, case, caseworker.id, "It is her brother in the second one.")
    assert not carrying.must_wait(session, case, erasure)

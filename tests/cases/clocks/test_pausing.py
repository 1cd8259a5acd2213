"""The days of live requests: waiting for the person moves them as the law says, and what moved them is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from portal.cases import law, messages
from portal.cases.answer import answers
from portal.cases.arrival import intake
from portal.cases.arrival.looking import Prepared
from portal.cases.clocks import clarifying, extending, outlook, pausing
from portal.cases.housekeeping import upkeep
from portal.cases.requester import challenge, identity
from portal.errors import Conflict, NotAllowed
from portal.tables import Case
from tests.cases.making import EMAIL, last_code, make_account, send

Turn = Callable[[str], None]


@pytest.fixture
def turn_to(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Moves the clock to noon of a day."""

    def turn(day: str) -> None:
        moment = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
        ticks = count()
        monkeypatch.setattr("portal.clock.now", lambda: moment + next(ticks) * timedelta(milliseconds=1))

    return turn


def receive(session: Session, residence: str, *rights: str) -> Case:
    draft = intake.open_draft(session)
    intake.save_answers(session, draft, rights=list(rights), residence=residence, consent=True)
    intake.add_link(session, draft, "https://dating.example/anna")
    identity.send_code(session, draft, EMAIL)
    assert identity.confirm_code(session, draft, last_code(session)) == "confirmed"
    return intake.submit(session, draft).case


def show_photographs(session: Session, case: Case) -> None:
    asked = challenge.waiting(session, case)
    assert asked is not None
    challenge.draw(session, asked)
    for step in challenge.STEPS:
        challenge.take(session, asked, step, asked.code or "", Prepared(b"", b"", step.encode()))


def test_in_the_uk_the_month_begins_when_the_person_has_shown_who_they_are(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    assert case.due_on == date(2026, 12, 2)
    turn_to("2026-11-05")
    assert outlook.standing(session, case) == []
    challenge.ask(session, case, make_account(session).id)
    assert outlook.standing(session, case) == ["The clock waits for the person."]
    turn_to("2026-11-16")
    show_photographs(session, case)
    assert outlook.standing(session, case) == []
    [right] = case.rights
    assert (right.due_on, right.latest_on, case.due_on) == (date(2026, 12, 16), date(2027, 2, 16), date(2026, 12, 16))
    [moved] = pausing.applied(session, case)
    assert (moved.cause, moved.asked_on, moved.answered_on) == ("identity", date(2026, 11, 5), date(2026, 11, 16))
    assert (moved.before, moved.after) == (date(2026, 12, 2), date(2026, 12, 16))
    told = answers.status_of(session, case)
    assert told.answer_by == date(2026, 12, 16)
    assert "16 November 2026" in (told.more_time or "")
    # The law counts the day to tell of an extension from the same instant.
    turn_to("2026-12-10")
    assert extending.may_extend(session, right)
    extending.extend(session, right, make_account(session).id, "complex")
    assert right.due_on == date(2027, 2, 16)
    assert outlook.standing(session, case) == ["More time was taken."]


def test_in_the_uk_the_days_of_a_question_do_not_count(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    turn_to("2026-11-05")
    clarifying.ask(session, case, make_account(session).id, "Which years do you mean?")
    turn_to("2026-11-10")
    pausing.apply(session, case)
    assert case.due_on == date(2026, 12, 8)
    assert pausing.applied(session, case) == []
    turn_to("2026-11-16")
    messages.write(session, case, "subject", "From 2012 to 2014.")
    assert case.due_on == date(2026, 12, 14)
    assert [(each.cause, each.after) for each in pausing.applied(session, case)] == [
        ("clarification", date(2026, 12, 14))
    ]
    turn_to("2026-11-20")
    messages.write(session, case, "subject", "And thank you.")
    assert (case.due_on, len(pausing.applied(session, case))) == (date(2026, 12, 14), 1)


@pytest.mark.parametrize("residence", ["US-CA", ""])
def test_where_the_law_knows_no_pause_nothing_moves(session: Session, turn_to: Turn, residence: str) -> None:
    turn_to("2026-11-23")
    case = receive(session, residence, "access")
    before = case.due_on
    challenge.ask(session, case, make_account(session).id)
    assert outlook.standing(session, case) == []
    turn_to("2026-11-27")
    show_photographs(session, case)
    assert (case.due_on, pausing.applied(session, case)) == (before, [])


def test_what_is_asked_late_or_dropped_moves_nothing(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    late, dropped = (receive(session, "UK", "access") for _ in range(2))
    turn_to("2026-11-05")
    caseworker = make_account(session).id
    challenge.ask(session, dropped, caseworker)
    turn_to("2026-11-12")
    identity.decide_identity(session, dropped, caseworker, "confirmed", "We met her.")
    challenge.ask(session, late, caseworker)
    turn_to("2026-11-16")
    show_photographs(session, late)
    assert {late.due_on, dropped.due_on} == {date(2026, 12, 2)}
    assert pausing.applied(session, dropped) == pausing.applied(session, late) == []


def test_a_newer_version_of_the_law_makes_the_day_of_a_live_request_stricter(
    session: Session, turn_to: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_to("2026-11-23")
    case = receive(session, "EU", "access")
    rule = law.rule_by(case.rights[0].rule, case.rights[0].rule_version)
    before = case.due_on
    assert case.id not in pausing.keep_up(session)
    newer = replace(
        rule, version=rule.version + 1, first_day=date(2026, 12, 1), respond=law.Term(20, "cd"), extended=None
    )
    monkeypatch.setattr(law, "versions_after", lambda one: [newer] if one == rule else [])
    assert pausing.keep_up(session) == [case.id]
    pausing.apply(session, case)
    pausing.apply(session, case)
    assert case.due_on == date(2026, 12, 13) < before
    assert [(each.cause, each.before) for each in pausing.applied(session, case)] == [("newer-law", before)]
    assert "newer version" in (answers.status_of(session, case).more_time or "")


def test_only_a_caseworker_asks_and_never_so_that_a_hit_shows(session: Session) -> None:
    blind, checked = send(session, "opt-out", contact=False).case, send(session, "access").case
    caseworker = make_account(session).id
    with pytest.raises(NotAllowed):
        clarifying.ask(session, checked, make_account(session, "reviewer").id, "Which years?")
    with pytest.raises(Conflict):
        clarifying.ask(session, blind, caseworker, "Which years?")
    clarifying.ask(session, checked, caseworker, "Which years?")
    with pytest.raises(Conflict):
        clarifying.ask(session, checked, caseworker, "Which years?")


def test_the_clockwork_moves_the_day_while_a_question_waits(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    clarifying.ask(session, case, make_account(session).id, "Which years do you mean?")
    turn_to("2026-11-09")
    upkeep.keep(session)
    assert case.due_on == date(2026, 12, 2) + timedelta(days=8)

"""Who was asked what they mean and says nothing is reminded once; then the request goes on, and is never closed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cases import lifecycle, mails, messages
from portal.cases.answer import answering, deciding
from portal.cases.clocks import clarifying, pausing, prompting
from portal.cases.housekeeping import destroying, upkeep
from portal.tables import CaseEvent, Mail
from tests.cases.clocks.test_pausing import Turn, receive
from tests.cases.clocks.test_pausing import turn_to as turn_to
from tests.cases.making import EMAIL, make_account, make_image, send, to_deciding

NOTHING = {"reminded": 0, "went-on": 0}


def last_letter(session: Session) -> mails.Letter:
    opened = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail).order_by(Mail.created_at))]
    return next(letter for letter in reversed(opened) if letter is not None)


def test_one_reminder_then_on_without_an_answer_by_the_first_day(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    turn_to("2026-11-05")
    clarifying.ask(session, case, make_account(session).id, "Which years do you mean?")
    assert (case.waiting_for, answering.last_day(session, case)) == ("subject", date(2026, 11, 12))
    assert answering.remind_and_go_on(session) == NOTHING
    turn_to("2026-11-07")
    lifecycle.record(session, case, prompting.DONE, "machine")
    assert upkeep.keep(session) == {"reminded": 1, "ended": 0}
    assert answering.remind_and_go_on(session) == NOTHING
    reminder = last_letter(session)
    assert (reminder.to, reminder.subject) == (EMAIL, f"Your request {case.reference}")
    assert "12 November 2026" in reminder.body
    assert "Which years" not in reminder.body
    assert case.due_on == date(2026, 12, 7), "three days do not count, and the 5th is a Saturday"
    turn_to("2026-11-13")
    assert answering.remind_and_go_on(session) == {"reminded": 0, "went-on": 1}
    assert (case.state, case.waiting_for, case.due_on) == ("identity-check", "caseworker", date(2026, 12, 2))
    assert (answering.went_on(session, case), pausing.applied(session, case)) == (True, [])
    turn_to("2026-11-20")
    assert answering.remind_and_go_on(session) == NOTHING
    messages.write(session, case, "subject", "From 2012 to 2014.")
    assert (case.due_on, clarifying.may_ask(session, case)) == (date(2026, 12, 2), True)


def test_an_answer_ends_the_waiting_and_who_left_no_address_is_not_closed(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    answers, silent = receive(session, "UK", "access"), send(session, "access", contact=False).case
    for case in (answers, silent):
        clarifying.ask(session, case, make_account(session).id, "Which years do you mean?")
    turn_to("2026-11-04")
    messages.write(session, answers, "subject", "From 2012 to 2014.")
    assert (answers.waiting_for, answering.last_day(session, answers)) == ("caseworker", None)
    assert answering.remind_and_go_on(session) == NOTHING
    turn_to("2026-12-24")
    assert answering.remind_and_go_on(session) == {"reminded": 0, "went-on": 1}
    assert (silent.state, answering.went_on(session, silent), answering.went_on(session, answers)) == (
        "identity-check",
        True,
        False,
    )


def test_what_is_decided_waits_for_no_answer(session: Session, turn_to: Turn, tmp_path: Path) -> None:
    """Else a case with photographs, which takes longer, would have another last day than one without."""
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    caseworker = to_deciding(session, case, make_image(session, tmp_path / "store"))
    turn_to("2026-11-05")
    clarifying.ask(session, case, caseworker.id, "All of them?")
    turn_to("2026-11-06")
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    turn_to("2026-11-20")
    assert case.state == "fulfilling"
    assert answering.remind_and_go_on(session) == NOTHING
    pausing.apply(session, case)
    assert (case.due_on, answering.last_day(session, case)) == (date(2026, 12, 2), None)


def test_one_kind_of_upkeep_that_fails_stops_no_other(
    session: Session, turn_to: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    clarifying.ask(session, case, make_account(session).id, "Which years do you mean?")

    def broken(_session: Session) -> bool:
        raise RuntimeError("a drawn fault")

    monkeypatch.setattr(destroying, "keep_up", broken)
    monkeypatch.setattr(pausing, "keep_up", broken)
    turn_to("2026-11-04")
    lifecycle.record(session, case, prompting.DONE, "machine")
    assert upkeep.keep(session) == {"reminded": 1, "ended": 0}
    reminded = select(func.count()).select_from(CaseEvent).where(CaseEvent.kind == answering.REMINDED)
    assert session.scalar(reminded) == 1


def test_a_question_of_before_the_answer_is_not_asked_again_when_it_is_opened_again(
    session: Session, turn_to: Turn
) -> None:
    turn_to("2026-11-02")
    case = receive(session, "UK", "access")
    caseworker = to_deciding(session, case)
    clarifying.ask(session, case, caseworker.id, "Which years?")
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    assert (case.state, case.outcome) == ("closed", "nothing-found")
    lifecycle.search_again(session, case, "subject", "you missed one")
    turn_to("2026-11-12")
    assert answering.remind_and_go_on(session) == NOTHING
    assert (answering.went_on(session, case), clarifying.may_ask(session, case)) == (False, True)

"""A fee: only where the frozen rule knows one, once, and the clock waits for it where the law says so."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from portal.cases import law, letters, messages
from portal.cases.answer import answering
from portal.cases.clocks import charging, clarifying, pausing
from portal.errors import BadInput, Conflict, NotAllowed
from tests.cases.clocks.test_pausing import Turn, receive
from tests.cases.clocks.test_pausing import turn_to as turn_to
from tests.cases.making import make_account, send

HOW = "Pay it by bank transfer."


def test_in_the_uk_the_month_begins_when_the_fee_is_paid(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-23")
    case = receive(session, "UK", "copy", "opt-out")
    copy, opt_out = sorted(case.rights, key=lambda right: right.right)
    turn_to("2026-11-26")
    caseworker = make_account(session).id
    charging.ask(session, copy, caseworker, "GBP 20", "repeated", HOW)
    assert (case.waiting_for, messages.of_case(session, case)[0].text) == ("subject", HOW)
    [told] = charging.sentences(session, case)
    assert "GBP 20" in told
    turn_to("2026-12-03")
    assert pausing.keep_up(session) == [case.id]
    pausing.apply(session, case)
    assert (copy.due_on, opt_out.due_on) == (date(2027, 1, 4), date(2026, 12, 23))
    assert answering.remind_and_go_on(session) == {"reminded": 0, "went-on": 0}, "a fee is no question"
    turn_to("2026-12-07")
    messages.write(session, case, "subject", "I have paid.")
    assert case.waiting_for == "subject", "staff look whether it came"
    charging.settle(session, copy, caseworker, paid=True)
    assert (copy.due_on, opt_out.due_on, case.waiting_for) == (date(2027, 1, 7), date(2026, 12, 23), "caseworker")
    assert [(each.right, each.cause) for each in pausing.applied(session, case)] == [("copy", "fee")]
    assert charging.sentences(session, case) == []
    for _again in range(2):
        with pytest.raises(Conflict):
            charging.settle(session, copy, caseworker, paid=True)


def test_without_the_fee_the_days_are_as_if_nobody_had_asked(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-23")
    case = receive(session, "UK", "access")
    caseworker = make_account(session).id
    charging.ask(session, case.rights[0], caseworker, "GBP 20", "excessive", HOW)
    clarifying.ask(session, case, caseworker, "Which years?")
    turn_to("2026-12-03")
    answering.remind_and_go_on(session)
    assert case.waiting_for == "subject", "the fee is still waited for"
    charging.settle(session, case.rights[0], caseworker, paid=False)
    assert (case.due_on, case.waiting_for, pausing.applied(session, case)) == (date(2026, 12, 23), "caseworker", [])
    assert not charging.may_ask(session, case.rights[0]), "once"


def test_who_asked_before_the_fee_was_written_down_is_not_asked_for_one(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-20")
    [right] = receive(session, "UK", "access").rights
    turn_to("2026-11-23")
    assert (right.rule_version, charging.may_ask(session, right)) == (3, False)


def test_the_letter_says_how_much_and_why_before_anything_is_decided(session: Session) -> None:
    case = receive(session, "UK", "access")
    right, caseworker = case.rights[0], make_account(session).id
    assert letters.kinds_of(session, right) == []
    charging.ask(session, right, caseworker, "GBP 20", "repeated", HOW)
    letter = letters.write(session, right, "fee")
    assert any("GBP 20" in each and "a short time ago" in each for each in letter.paragraphs)
    assert HOW in letter.paragraphs
    letters.send(session, right, "fee", caseworker, letter.digest)
    assert letters.of_person(session, case) == [(right, "fee")]
    assert letters.as_pdf(letter, "Example", case.reference).startswith(b"%PDF")


def test_no_fee_where_no_rule_knows_it_and_none_that_tells_a_hit(session: Session) -> None:
    caseworker = make_account(session).id
    knowing = {right.right for right in receive(session, "UK", "access", "copy", "opt-out", "deletion").rights}
    assert knowing - {"opt-out"} == {"access", "copy", "deletion"}
    with pytest.raises(Conflict):
        charging.ask(session, send(session, "access").case.rights[0], caseworker, "EUR 20", "repeated", HOW)
    blind = receive(session, "UK", "deletion")
    assert blind.identity == "not-needed"
    with pytest.raises(Conflict):
        charging.ask(session, blind.rights[0], caseworker, "GBP 20", "repeated", HOW)
    right = receive(session, "UK", "access").rights[0]
    with pytest.raises(NotAllowed):
        charging.ask(session, right, make_account(session, "reviewer").id, "GBP 20", "repeated", HOW)
    for amount, reason, how in (
        ("", "repeated", HOW),
        ("a lot", "repeated", HOW),
        ("20 Anna", "repeated", HOW),
        ("GBP 20", "greed", HOW),
        ("£5", "repeated", " "),
    ):
        with pytest.raises(BadInput):
            charging.ask(session, right, caseworker, amount, reason, how)
    swiss = law.rules_for("CH", "access", date(2026, 11, 21))
    assert swiss.fee
    assert not [pause for pause in swiss.pauses if pause.cause == "fee"], "there the clock runs on"

"""Looking at a refusal again: where the law lets people ask, by its clock, and by somebody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails, messages, withdrawing
from portal.cases.answer import answers, appeals, deciding
from portal.cases.arrival import intake
from portal.config import Config
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed
from portal.tables import Account, Appeal, Case, Entry, Mail
from tests.cases.housekeeping.test_purging import turn
from tests.cases.making import fill_draft, make_account, make_image, to_deciding

WHY = "My sister had her photos deleted in Ulm."


def refused(session: Session, *rights: str, residence: str = "US-CT") -> tuple[Case, Account, Account]:
    """A finished case in which everything was refused, and the two who did that."""
    draft = fill_draft(session, *(rights or ("deletion",)))
    intake.save_answers(session, draft, residence=residence)
    case = intake.submit(session, draft).case
    decider, second = to_deciding(session, case), make_account(session)
    for right in case.rights:
        deciding.decide(session, right, decider.id, "refuse", "claim_not_covered")
    for right in case.rights:
        deciding.approve_refusal(session, right, second.id)
    assert case.state == "closed"
    return case, decider, second


def read(session: Session, case: Case) -> answers.RightAnswer:
    answer = answers.answer_of(session, case)
    assert answer is not None
    return answer.rights[0]


def in_time(session: Session, case: Case) -> None:
    """Who asks is sure, so that the answer is read at once."""
    case.identity = "confirmed"
    session.flush()


def test_the_clock_is_that_of_the_law(session: Session) -> None:
    case, _, _ = refused(session)
    in_time(session, case)
    assert read(session, case).can_appeal
    appeal = appeals.open_appeal(session, case.rights[0], WHY)
    # Connecticut Public Act 22-15: an appeal is answered within 60 days.
    today = clock.local_date(clock.now(), config_of(session).zone)
    assert appeal.due_on == today + timedelta(days=60)
    shown = read(session, case)
    assert not shown.can_appeal
    assert shown.appeal is not None
    assert f"{appeal.due_on:%-d %B %Y}" in shown.appeal
    assert appeals.cases_in_appeal(session) == {case.id: appeal.due_on}


def test_where_the_law_sets_no_last_day_there_is_none(session: Session) -> None:
    case, _, _ = refused(session, residence="UK")
    assert appeals.open_appeal(session, case.rights[0]).due_on is None
    assert appeals.cases_in_appeal(session) == {case.id: None}
    assert "We will answer by" not in (appeals.sentence_of(session, case.rights[0]) or "")


def test_where_the_law_knows_no_appeal_there_is_none(session: Session) -> None:
    case, _, _ = refused(session, residence="EU")
    in_time(session, case)
    assert not read(session, case).can_appeal
    with pytest.raises(Conflict):
        appeals.open_appeal(session, case.rights[0])


def test_it_can_be_asked_once_and_only_of_a_refusal(session: Session) -> None:
    case, _, _ = refused(session)
    appeals.open_appeal(session, case.rights[0])
    with pytest.raises(Conflict):
        appeals.open_appeal(session, case.rights[0])
    open_case = intake.submit(session, fill_draft(session, "deletion")).case
    with pytest.raises(Conflict):
        appeals.open_appeal(session, open_case.rights[0])


def test_a_reason_that_is_too_long_opens_nothing(session: Session) -> None:
    case, _, _ = refused(session)
    with pytest.raises(BadInput):
        appeals.open_appeal(session, case.rights[0], "a" * (messages.MOST + 1))
    assert session.scalars(select(Appeal)).all() == []


def test_neither_of_the_two_who_refused_answers_it(session: Session) -> None:
    case, decider, second = refused(session)
    appeal = appeals.open_appeal(session, case.rights[0])
    for account in (decider, second):
        with pytest.raises(NotAllowed):
            appeals.answer_appeal(session, appeal, account.id, False, "No.")
    with pytest.raises(NotAllowed):
        appeals.answer_appeal(session, appeal, make_account(session, "reviewer").id, False, "No.")
    assert appeal.decided_at is None
    assert messages.of_case(session, case) == []


def test_one_person_alone_may_where_the_installation_says_so(
    session: Session, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, decider, _ = refused(session)
    monkeypatch.setattr(appeals, "config_of", lambda _session: replace(config, two_people=False))
    appeal = appeals.open_appeal(session, case.rights[0])
    appeals.answer_appeal(session, appeal, decider.id, False, "We looked again.")
    assert appeal.changed is False


def test_a_refusal_that_is_kept_says_so_and_why(session: Session) -> None:
    case, _, _ = refused(session)
    in_time(session, case)
    appeal, other = appeals.open_appeal(session, case.rights[0], WHY), make_account(session)
    with pytest.raises(BadInput):
        appeals.answer_appeal(session, appeal, other.id, False, "  ")
    appeals.answer_appeal(session, appeal, other.id, False, "The law of your state does not cover this.")
    shown = read(session, case)
    assert "came to the same answer" in (shown.appeal or "")
    assert shown.complaint is not None
    assert [one.text for one in messages.of_case(session, case)] == [WHY, "The law of your state does not cover this."]
    assert session.scalars(select(Mail).where(Mail.dedupe.like("message/%"))).all()
    assert appeals.open_appeals(session) == []
    with pytest.raises(Conflict):
        appeals.answer_appeal(session, appeal, other.id, True, "Or not.")


def test_a_refusal_that_is_taken_back_is_decided_anew(session: Session) -> None:
    case, _, _ = refused(session, "deletion", "opt-out")
    first, second = case.rights
    appeal, other = appeals.open_appeal(session, first), make_account(session)
    appeals.answer_appeal(session, appeal, other.id, True, "We were wrong. We are sorry.")
    assert (case.state, case.outcome, case.due_on) == ("deciding", None, appeal.due_on)
    assert (first.outcome, first.decision) == (None, None)
    assert second.outcome == "refused"
    deciding.decide(session, first, other.id, "grant")
    assert case.state == "closed"
    assert first.outcome == "nothing-found"


def test_what_was_settled_is_not_decided_again_with_what_was_taken_back(session: Session) -> None:
    case, _, _ = refused(session, "deletion", "opt-out")
    first, second = case.rights
    other = make_account(session)
    appeals.answer_appeal(session, appeals.open_appeal(session, first), other.id, True, "We were wrong.")
    with pytest.raises(Conflict):
        deciding.decide(session, second, other.id, "grant")
    assert (second.decision, second.outcome) == ("refuse", "refused")
    # One more photo has everything looked for again, and leaves alone what was carried out.
    lifecycle.look_with_more(session, case)
    assert case.state == "searching"
    assert (second.decision, second.outcome) == ("refuse", "refused")


def test_a_request_taken_back_leaves_no_question_that_nobody_can_answer(session: Session) -> None:
    case, _, _ = refused(session, "deletion", "opt-out")
    first, second = (appeals.open_appeal(session, right) for right in case.rights)
    appeals.answer_appeal(session, first, make_account(session).id, True, "We were wrong.")
    withdrawing.withdraw(session, case)
    assert appeals.open_appeals(session) == []
    assert session.scalars(select(Appeal)).all() == [first]
    assert second not in session


@pytest.mark.parametrize("found", [True, False])
def test_an_unchecked_person_reads_a_second_answer_on_its_day_whatever_is_found(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: bool
) -> None:
    draft = fill_draft(session, "opt-out", "deletion")
    # In the United Kingdom an appeal has no last day of its own.
    intake.save_answers(session, draft, residence="UK")
    case = intake.submit(session, draft).case
    assert answers.is_blind(case)
    decider = to_deciding(session, case, *([make_image(session, tmp_path)] if found else []))
    for right in case.rights:
        deciding.decide(session, right, decider.id, "refuse", "claim_not_covered")
    second = make_account(session)
    for right in case.rights:
        deciding.approve_refusal(session, right, second.id)
    turn(monkeypatch, days=40)
    assert answers.answer_of(session, case) is not None
    appeal, other = appeals.open_appeal(session, case.rights[0]), make_account(session)
    appeals.answer_appeal(session, appeal, other.id, True, "We were wrong.")
    deciding.decide(session, case.rights[0], other.id, "grant")
    assert (case.state == "closed") is not found
    status, answer = answers.status_of(session, case), answers.answer_of(session, case)
    assert answer is None
    assert status.answer_by == case.rights[0].due_on > clock.now().date()


def test_what_was_written_is_in_no_log(session: Session) -> None:
    case, _, _ = refused(session)
    appeal = appeals.open_appeal(session, case.rights[0], WHY)
    appeals.answer_appeal(session, appeal, make_account(session).id, True, "Not Ulm but Bonn.")
    lines = [entry.body.decode() for entry in session.scalars(select(Entry))]
    assert any("appeal-answered" in line for line in lines)
    assert not [line for line in lines if "Ulm" in line or "Bonn" in line]


def test_any_answer_can_be_objected_to_and_the_person_is_told_that_we_got_it(session: Session) -> None:
    draft = fill_draft(session, "deletion")
    intake.save_answers(session, draft, residence="US-CT")
    case = intake.submit(session, draft).case
    caseworker = to_deciding(session, case)
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    assert case.outcome == "nothing-found"
    appeal = appeals.open_appeal(session, case.rights[0], "You missed the one from 2014.")
    letter = mails.open_mail(session, session.scalars(select(Mail).where(Mail.dedupe == f"appeal/{appeal.id}")).one())
    assert letter is not None
    assert appeal.due_on is not None
    assert mails.long_date(appeal.due_on) in letter.body
    assert "2014" not in letter.body
    appeals.answer_appeal(session, appeal, make_account(session).id, True, "We look again.")
    assert (case.state, case.rights[0].outcome) == ("deciding", None)

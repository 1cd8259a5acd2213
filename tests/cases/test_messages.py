"""Messages in a case: sealed, limited, told of by a mail that says nothing, and gone with the contact."""

from __future__ import annotations

import pytest
from dateutil.relativedelta import relativedelta
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import mails, messages, withdrawing
from portal.cases.answer import packages
from portal.cases.housekeeping import purging
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.tables import Case, CaseEvent, Entry, Mail, Message
from tests.cases.making import EMAIL, make_account, send

SECRET = "I moved from Ulm in 2019"


def said(session: Session, case: Case) -> list[tuple[bool, str, bool]]:
    return [(one.account_id is None, one.text, one.new) for one in messages.of_case(session, case)]


def news_mails(session: Session) -> list[mails.Letter]:
    letters = [
        mails.open_mail(session, mail) for mail in session.scalars(select(Mail).where(Mail.dedupe.like("message/%")))
    ]
    return [letter for letter in letters if letter is not None]


def test_both_sides_write_and_each_sees_what_is_new(session: Session) -> None:
    case, account = send(session).case, make_account(session)
    messages.write(session, case, "subject", SECRET)
    assert messages.cases_with_news(session) == {case.id}
    assert not messages.unread_by_person(session, case)
    messages.mark_read(session, case, by_person=False)
    assert messages.cases_with_news(session) == set()
    messages.write(session, case, account.id, "Thank you.")
    assert messages.unread_by_person(session, case)
    assert said(session, case) == [(True, SECRET, False), (False, "Thank you.", True)]
    messages.mark_read(session, case, by_person=True)
    assert said(session, case)[1] == (False, "Thank you.", False)


def test_what_is_written_lies_sealed_and_is_in_no_log(session: Session) -> None:
    case = send(session).case
    kept = messages.write(session, case, "subject", SECRET)
    assert b"Ulm" not in kept.sealed
    told = [str(event.facts) for event in session.scalars(select(CaseEvent))]
    told += [entry.body.decode() for entry in session.scalars(select(Entry))]
    assert not [line for line in told if "Ulm" in line]


def test_the_mail_says_only_that_there_is_news_and_comes_once(session: Session) -> None:
    case, account = send(session).case, make_account(session)
    for text in ("We found a picture of your face.", "And another."):
        messages.write(session, case, account.id, text)
    (letter,) = news_mails(session)
    assert letter.to == EMAIL
    assert letter.subject == f"Your request {case.reference}"
    for telling in ("picture", "photo", "face", "another", "message"):
        assert telling not in letter.body.lower()
    messages.mark_read(session, case, by_person=True)
    messages.write(session, case, account.id, "One more thing.")
    assert len(news_mails(session)) == 2


def test_nobody_is_mailed_about_what_the_person_wrote_or_without_an_address(session: Session) -> None:
    case = send(session, contact=False).case
    messages.write(session, case, "subject", "Hello")
    messages.write(session, case, make_account(session).id, "Hello")
    assert news_mails(session) == []


@pytest.mark.parametrize("text", ["", " \n\t ", "\0\x07", "a" * (messages.MOST + 1), "é" * 1_000_000])
def test_nothing_and_too_much_are_told_apart_and_not_kept(session: Session, text: str) -> None:
    case = send(session).case
    with pytest.raises(BadInput) as problem:
        messages.write(session, case, "subject", text)
    assert problem.value.code == ("long-message" if len(text) > messages.MOST else "empty-message")
    assert said(session, case) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\0b\x1b[31m", "ab[31m"),
        ("half \ud800 a pair", "half  a pair"),
        ("مرحبا 👩‍👧", "مرحبا 👩‍👧"),
        ("a" * messages.MOST, "a" * messages.MOST),
    ],
)
def test_odd_characters_are_kept_or_left_out(session: Session, text: str, kept: str) -> None:
    case = send(session).case
    messages.write(session, case, "subject", text)
    assert said(session, case) == [(True, kept, True)]


def test_only_caseworkers_write_to_a_person(session: Session) -> None:
    case = send(session).case
    with pytest.raises(NotAllowed):
        messages.write(session, case, make_account(session, "reviewer").id, "Hello")
    with pytest.raises(NotAllowed):
        messages.write(session, case, "machine", "Hello")


def test_a_person_writes_so_much_a_day(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session).case
    for number in range(messages.A_DAY):
        messages.write(session, case, "subject", str(number))
    with pytest.raises(TooMany):
        messages.write(session, case, "subject", "one more")
    then = clock.now() + relativedelta(days=1)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    messages.write(session, case, "subject", "one more")


def test_a_request_taken_back_takes_its_messages_along(session: Session) -> None:
    case = send(session).case
    messages.write(session, case, "subject", SECRET)
    withdrawing.withdraw(session, case)
    assert session.scalars(select(Message)).all() == []
    with pytest.raises(Conflict):
        messages.write(session, case, "subject", "Wait!")


def test_messages_go_with_the_contact(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session, contact=False).case
    case.state, case.outcome, case.closed_at, case.details = "closed", "nothing-found", clock.now(), None
    messages.write(session, case, "subject", SECRET)
    then = clock.now() + relativedelta(months=purging.RECORD_MONTHS)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    assert purging.overdue(session)["messages"] == 1
    assert purging.purge(session)["contacts"] == 1
    assert purging.overdue(session)["messages"] == 0


def test_the_copy_has_the_messages_in_it_escaped(session: Session) -> None:
    case = send(session).case
    messages.write(session, case, "subject", "<script>alert(1)</script>")
    facts = packages.as_facts(packages.gather(session, case))
    assert [(one["from"], one["text"]) for one in facts["messages"]] == [("you", "<script>alert(1)</script>")]
    page = packages.package_page.as_page(facts)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page


def test_the_log_says_who_wrote_and_not_what(session: Session) -> None:
    case, caseworker = send(session).case, make_account(session)
    messages.write(session, case, caseworker.id, "We looked in Ulm.")
    lines = [entry.body.decode() for entry in session.scalars(select(Entry))]
    assert [line for line in lines if "message-written" in line and caseworker.id in line and case.id in line]
    assert not [line for line in lines if "Ulm" in line]

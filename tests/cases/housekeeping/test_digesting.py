"""The morning's mail to the team: what cannot wait, to whom it belongs, once a day, and nothing about any person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases import mails, messages
from portal.cases.housekeeping import digesting, upkeep
from portal.db import config_of
from portal.tables import Account, Case, Mail
from tests.cases.making import make_account, send

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def wanted(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session.info, "config", replace(config_of(session), digest=True))
    turn(monkeypatch, MONDAY)


def turn(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("portal.clock.now", lambda: moment)


def told(session: Session) -> dict[str, str]:
    """The texts of the mails so far, by address."""
    found = session.scalars(select(Mail).where(Mail.dedupe.startswith("digest/")).order_by(Mail.created_at))
    letters = [letter for mail in found if (letter := mails.open_mail(session, mail)) is not None]
    assert all(letter.subject == "Requests that cannot wait" for letter in letters)
    return {letter.to: letter.body for letter in letters}


def request(session: Session, due_on: date, has: Account | None = None) -> Case:
    case = send(session, "access", contact=False).case
    case.due_on, case.caseworker_id = due_on, has.id if has else None
    session.flush()
    return case


def test_each_reads_what_is_late_and_what_is_theirs_or_nobodys(session: Session) -> None:
    one, two = make_account(session), make_account(session)
    reviewer = make_account(session, "reviewer")
    late = request(session, date(2026, 11, 20), one)
    soon = request(session, date(2026, 11, 26), one)
    open_to_all = request(session, date(2026, 11, 23))
    later = request(session, date(2026, 11, 27), two)
    messages.write(session, later, "subject", "I am Anna, ring me.")
    upkeep.keep(session)
    mailed = told(session)
    assert set(mailed) == {one.email, two.email}
    assert reviewer.email not in mailed
    assert f"Late: 1\n  {late.reference}, last day 20 November 2026" in mailed[one.email]
    assert "Late: 1" in mailed[two.email], "whoever has it may be away"
    assert soon.reference in mailed[one.email]
    assert soon.reference not in mailed[two.email]
    assert all(open_to_all.reference in body for body in mailed.values())
    assert f"nobody has read it: 1\n  {later.reference}" in mailed[two.email]
    assert later.reference not in mailed[one.email]
    assert not any(word in body for body in mailed.values() for word in ("Anna", "ring", "access"))


def test_what_somebody_has_who_left_the_team_is_told_to_all_others(session: Session) -> None:
    one, left = make_account(session), make_account(session)
    soon = request(session, date(2026, 11, 26), left)
    left.disabled_at = MONDAY
    upkeep.keep(session)
    mailed = told(session)
    assert set(mailed) == {one.email}
    assert f"Due within 3 days: 1\n  {soon.reference}" in mailed[one.email]


def test_it_comes_once_a_working_morning_where_it_is_wanted_and_something_waits(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account(session)
    digesting.digest(session)
    assert told(session) == {}, "nothing waits"
    request(session, date(2026, 11, 20))
    for moment in (MONDAY.replace(hour=6), MONDAY.replace(day=22)):
        turn(monkeypatch, moment)
        digesting.digest(session)
    assert told(session) == {}, "too early, and a Sunday"
    turn(monkeypatch, MONDAY)
    digesting.digest(session)
    digesting.digest(session)
    assert len(session.scalars(select(Mail).where(Mail.dedupe.startswith("digest/"))).all()) == 1
    monkeypatch.setitem(session.info, "config", replace(config_of(session), digest=False))
    turn(monkeypatch, MONDAY.replace(day=24))
    digesting.digest(session)
    assert len(told(session)) == 1

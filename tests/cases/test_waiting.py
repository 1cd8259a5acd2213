"""Who was asked and says nothing is reminded after a day; after a week the case ends and nothing of them is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import challenge, mails, messages, purging, waiting
from portal.db import Database
from portal.tables import Blob, Candidate, Case, Mail, Message, Probe
from tests.cases.making import EMAIL, make_account, send
from workers import clockwork


def asked_case(session: Session, contact: bool = True) -> Case:
    case = send(session, "access", contact=contact).case
    probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now())
    probe.blob_id = blobs.put_blob(session, "probe", b"a photograph", "image/jpeg").id
    session.add(probe)
    challenge.ask(session, case, make_account(session).id)
    return case


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    moment = clock.now() + timedelta(**by)
    monkeypatch.setattr("portal.clock.now", lambda: moment)


def letters(session: Session) -> list[mails.Letter]:
    opened = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail).order_by(Mail.created_at))]
    return [letter for letter in opened if letter is not None]


def test_one_reminder_after_a_day(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = asked_case(session)
    later(monkeypatch, hours=23.9)
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 0}
    later(monkeypatch, hours=0.2)
    assert waiting.remind_and_end(session) == {"reminded": 1, "ended": 0}
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 0}
    reminder = letters(session)[-1]
    assert (reminder.to, reminder.subject) == (EMAIL, f"Your request {case.reference}")
    day = waiting.last_day(session, case)
    assert day is not None
    assert mails.long_date(day) in reminder.body


def test_after_a_week_the_case_ends_and_everything_is_gone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        case_id = asked_case(session).id
    later(monkeypatch, days=7, seconds=-1)
    clockwork.purge_and_sign(database)
    with database.reading() as session:
        assert session.get_one(Case, case_id).state == "identity-check"
    later(monkeypatch, seconds=2)
    clockwork.purge_and_sign(database)
    with database.writing() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.outcome, case.waiting_for) == ("closed", "unverified", "nobody")
        assert {case.contact, case.contact_digest, case.network_digest, case.details} == {None}
        assert [right.outcome for right in case.rights] == ["unverified"]
        for table in (Blob, Candidate, Message):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        probes = session.scalars(select(Probe)).all()
        assert {(probe.state, probe.blob_id, probe.sealed, probe.digest) for probe in probes} == {
            ("purged", None, None, None)
        }
        assert sum(purging.overdue(session).values()) == 0
        [last] = letters(session)
        assert (last.to, "deleted what you sent" in last.body) == (EMAIL, True)
    # Even that mail does not stay when it cannot be sent.
    later(monkeypatch, days=1, seconds=1)
    clockwork.purge_and_sign(database)
    with database.reading() as session:
        assert letters(session) == []


def test_whoever_writes_or_was_never_asked_is_not_ended(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote, not_asked = asked_case(session), send(session, "access").case
    messages.write(session, wrote, "subject", "I have no camera.")
    later(monkeypatch, days=60)
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 0}
    assert {wrote.state, not_asked.state} == {"identity-check"}
    assert waiting.last_day(session, wrote) is None


def test_a_new_question_starts_a_new_week(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = asked_case(session)
    messages.write(session, case, "subject", "I have no camera.")
    later(monkeypatch, days=6)
    challenge.purge(session, case)
    challenge.ask(session, case, make_account(session).id)
    later(monkeypatch, days=2)
    assert waiting.remind_and_end(session) == {"reminded": 1, "ended": 0}
    later(monkeypatch, days=5)
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 1}


def test_without_an_address_there_is_no_reminder_and_no_mail(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = asked_case(session, contact=False)
    later(monkeypatch, days=2)
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 0}
    later(monkeypatch, days=5)
    assert waiting.remind_and_end(session) == {"reminded": 0, "ended": 1}
    assert case.outcome == "unverified"
    assert letters(session) == []

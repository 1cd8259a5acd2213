"""Who was asked and says nothing is reminded after a day; after a week the case ends and nothing of them is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import mails, messages, withdrawing
from portal.cases.arrival.looking import Prepared
from portal.cases.housekeeping import purging, stuck
from portal.cases.requester import challenge, waiting
from portal.db import Database
from portal.tables import Blob, Candidate, Case, CaseEvent, Mail, Message, Probe
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
    clockwork.tick(database, with_purge=True)
    with database.reading() as session:
        assert session.get_one(Case, case_id).state == "identity-check"
    later(monkeypatch, seconds=2)
    clockwork.tick(database, with_purge=True)
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
    clockwork.tick(database, with_purge=True)
    with database.reading() as session:
        assert letters(session) == []


def test_a_message_begins_the_week_anew_and_does_not_stop_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote, not_asked = asked_case(session), send(session, "access").case
    later(monkeypatch, days=5)
    messages.write(session, wrote, "subject", "I have no camera.")
    later(monkeypatch, days=6)
    assert waiting.remind_and_end(session)["ended"] == 0
    messages.write(session, wrote, make_account(session).id, "Send us a link of your profile, then.")
    later(monkeypatch, days=6.9)
    assert waiting.remind_and_end(session)["ended"] == 0
    later(monkeypatch, days=0.2)
    assert waiting.remind_and_end(session)["ended"] == 1
    assert (wrote.outcome, wrote.contact, not_asked.state) == ("unverified", None, "identity-check")
    assert waiting.last_day(session, not_asked) is None


def test_messages_do_not_keep_a_case_for_ever(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = asked_case(session)
    for _ in range(6):
        later(monkeypatch, days=4.9)
        if case.state == "identity-check":
            messages.write(session, case, "subject", "Wait for me.")
        waiting.remind_and_end(session)
    assert case.outcome == "unverified"


def test_half_of_what_was_asked_does_not_stop_the_week(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = asked_case(session)
    later(monkeypatch, days=6)
    asked = challenge.waiting(session, case)
    assert asked is not None
    challenge.draw(session, asked)
    challenge.take(session, asked, "paper", asked.code or "", Prepared(b"", b"", b"a photograph"))
    later(monkeypatch, days=1.1)
    assert waiting.remind_and_end(session)["ended"] == 1
    assert session.scalar(select(func.count()).select_from(Blob)) == 0


def test_one_case_that_fails_stops_no_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        ids = [asked_case(session).id for _ in range(3)]
        # What cannot be unsealed fails when the mail is written.
        session.get_one(Case, ids[1]).contact = b"broken"
        old = send(session, "opt-out", contact=False).case
        intake_photo = Probe(case_id=old.id, kind="selfie", state="ready", created_at=clock.now())
        session.add(intake_photo)
        old_id = old.id
        withdrawing.withdraw(session, old)
        intake_photo.state = "ready"
    later(monkeypatch, days=15)
    clockwork.tick(database, with_purge=True)
    clockwork.tick(database, with_purge=True)
    with database.reading() as session:
        assert [session.get_one(Case, each).state for each in ids] == ["closed", "identity-check", "closed"]
        assert session.get_one(Case, old_id).purged_at is not None
        failed = session.get_one(Case, ids[1])
        events = session.scalars(select(CaseEvent).where(CaseEvent.kind == "upkeep-failed")).all()
        assert [(event.case_id, event.facts["what"]) for event in events] == [
            (ids[1], "remind or end"),
            (ids[1], "remind of the signs"),
        ], "each is written down once, however often it is tried"
        assert "Upkeep did not succeed: remind or end." in stuck.troubles(session, failed)


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

"""Everything we keep for a time is gone after it, in every outcome, and the log says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from dateutil.relativedelta import relativedelta
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import blobs, clock
from portal.cases import lifecycle, mails, withdrawing
from portal.cases.answer import deciding, packages
from portal.cases.arrival import intake
from portal.cases.arrival.limits import spend
from portal.cases.housekeeping import purging
from portal.cases.requester import alarms, assurance, identity
from portal.config import Config
from portal.db import Database
from portal.erasure import plans
from portal.tables import (
    Attempt,
    Base,
    Blob,
    Candidate,
    Case,
    CaseLink,
    Code,
    Declaration,
    Draft,
    Entry,
    Mail,
    Package,
    Probe,
    SecondSign,
    Suppression,
    WebSession,
)
from tests.cases.arrival.test_intake import photograph
from tests.cases.making import EMAIL, fill_draft, grant_all, make_account, make_image, send, to_deciding


def turn(monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
    """Go on by some time. Months and a day more, or less: from a leap day there is no day of the same number."""
    then = clock.now() + relativedelta(**later)  # type: ignore[arg-type]
    monkeypatch.setattr("portal.clock.now", lambda: then)


def count(session: Session, table: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_draft_left_alone_goes_with_all_that_is_in_it(
    session: Session, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = fill_draft(session)
    intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "selfie")
    turn(monkeypatch, hours=23)
    assert purging.purge(session)["drafts"] == 0
    assert count(session, Blob) == 1
    turn(monkeypatch, hours=1)
    assert purging.overdue(session)["drafts"] == 1
    assert purging.purge(session)["drafts"] == 1
    assert [count(session, table) for table in (Draft, Probe, Blob, Code)] == [0, 0, 0, 0]
    assert not any(purging.overdue(session).values())


@pytest.mark.parametrize("outcome", ["nothing-found", "unverified"])
def test_what_was_sent_goes_days_after_closing(
    session: Session, config: Config, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    draft = fill_draft(session)
    intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "selfie")
    case = intake.submit(session, draft).case
    if outcome == "unverified":
        identity.decide_identity(session, case, make_account(session).id, "not-confirmed", "Could not say.")
    else:
        grant_all(session, case, to_deciding(session, case))
    assert case.outcome == outcome
    turn(monkeypatch, days=config.probe_days, seconds=-1)
    assert purging.purge(session)["probes"] == 0
    turn(monkeypatch, seconds=2)
    assert purging.purge(session)["probes"] == 2
    session.expire_all()
    assert count(session, Blob) == 0
    assert {probe.state for probe in session.scalars(select(Probe))} == {"purged"}
    assert {probe.sealed for probe in session.scalars(select(Probe))} == {None}
    assert case.purged_at is not None
    assert case.contact is not None


def test_open_cases_keep_what_they_need(session: Session, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = fill_draft(session)
    intake.add_picture(session, draft, intake.prepare_picture(config, photograph()), "selfie")
    intake.submit(session, draft)
    turn(monkeypatch, days=80)
    assert purging.purge(session)["probes"] == 0
    assert count(session, Blob) == 1


def test_crops_of_a_closed_case_go(
    session: Session, tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = send(session, "access").case
    account = to_deciding(session, case, make_image(session, tmp_path / "store"))
    grant_all(session, case, account)
    packages.record(session, session.scalars(select(Package)).one(), packages.Built(b"zip", 1, 0))
    assert case.state == "closed"
    turn(monkeypatch, days=config.probe_days)
    assert purging.purge(session)["crops"] == 1
    assert session.scalars(select(Candidate)).one().crop_id is None
    assert count(session, Blob) == 0


def test_who_asked_is_forgotten_after_two_years(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session).case
    identity.decide_identity(session, case, make_account(session).id, "not-confirmed", "Anna could not say.")
    turn(monkeypatch, months=24, days=-1)
    assert purging.purge(session)["contacts"] == 0
    turn(monkeypatch, days=2)
    assert purging.purge(session)["contacts"] == 1
    session.expire_all()
    assert (case.contact, case.contact_digest, case.details, case.identity_note) == (None, None, None, None)
    assert session.get(Case, case.id) is not None


def test_the_name_under_a_declaration_is_forgotten_where_nothing_else_is_known(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = intake.submit(session, fill_draft(session, "access", contact=False)).case
    case.details = None
    assurance.declare(session, case, "Anna Example")
    assurance.give_contact(session, case, "second@example.org")
    lifecycle.move(session, case, "closed", make_account(session).id, "insuf_verification", outcome="unverified")
    turn(monkeypatch, months=24, days=1)
    assert purging.overdue(session)["contacts"] == 1
    assert purging.purge(session)["contacts"] == 1
    assert session.scalars(select(Declaration.sealed)).all() == [None]
    assert session.execute(select(SecondSign.sealed, SecondSign.digest)).all() == [(None, None)]


def test_counts_and_browser_sessions_go(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    spend(session, "x", "y", 1, timedelta(minutes=1))
    now = clock.now()
    session.add(WebSession(token_digest="t", data=b"d", created_at=now, expires_at=now + timedelta(minutes=1)))
    session.flush()
    turn(monkeypatch, minutes=2)
    counts = purging.purge(session)
    assert (counts["attempts"], counts["sessions"]) == (1, 1)
    assert [count(session, table) for table in (Attempt, WebSession, Entry)] == [0, 0, 0]


def test_a_picture_nothing_points_to_goes(session: Session) -> None:
    blobs.put_blob(session, "candidate-crop", b"crop", "image/jpeg")
    assert purging.purge(session)["blobs"] == 1
    assert count(session, Blob) == 0


def test_one_line_in_the_log_and_none_for_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_draft(session)
    before = count(session, Entry)
    purging.purge(session)
    assert count(session, Entry) == before
    turn(monkeypatch, hours=25)
    purging.purge(session)
    purging.purge(session)
    lines = [entry.body for entry in session.scalars(select(Entry).where(Entry.kind == "purged"))]
    assert len(lines) == 1
    assert b'"left":0' in lines[0].replace(b" ", b"")


@pytest.mark.sqlite
def test_purged_bytes_are_in_no_file(database: Database, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        draft = intake.open_draft(session)
        identity.send_code(session, draft, EMAIL)
        intake.add_link(session, draft, "https://dating.example/annaberta")
        sealed = bytes(session.scalars(select(Probe.sealed)).one() or b"")
        mail = session.scalars(select(Mail)).one()
        assert mails.open_mail(session, mail) is not None
    assert any(sealed[-24:] in file.read_bytes() for file in config.data.glob("efface.sqlite*"))
    turn(monkeypatch, hours=25)
    with database.writing() as session:
        purging.purge(session)
    database.forget_deleted_bytes()
    assert not any(sealed[-24:] in file.read_bytes() for file in config.data.glob("efface.sqlite*"))


def test_mails_in_files_go_after_a_week(session: Session, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = config.data / "outbox"
    outbox.mkdir(parents=True)
    (outbox / "1.eml").write_text("Your code is 123456")
    assert purging.purge(session)["outbox"] == 0
    turn(monkeypatch, days=7, seconds=1)
    assert purging.purge(session)["outbox"] == 1
    assert list(outbox.iterdir()) == []


def test_a_code_that_could_not_be_sent_is_forgotten(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    identity.send_code(session, intake.open_draft(session), EMAIL)
    turn(monkeypatch, days=1)
    purging.purge(session)
    assert [count(session, table) for table in (Mail, Code)] == [0, 0]


def test_a_note_written_after_a_request_was_taken_back_goes_with_the_record(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = send(session, "opt-out").case
    withdrawing.withdraw(session, case)
    session.add(CaseLink(case_id=case.id, other_id=case.id, kind="many-faces", raised_at=clock.now()))
    alarms.clear(session, case, make_account(session).id, "Her name is Ada.")
    turn(monkeypatch, months=purging.RECORD_MONTHS, days=1)
    assert purging.overdue(session)["contacts"] == 1
    assert purging.purge(session)["contacts"] == 1
    assert session.scalars(select(CaseLink)).all() == []
    assert sum(purging.overdue(session).values()) == 0
    assert not any(purging.overdue(session).values())


def test_links_between_requests_go_with_the_record_and_not_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (send(session, "deletion").case for _ in range(2))
    withdrawing.withdraw(session, first)
    assert purging.purge(session)["links"] == 0
    assert session.scalars(select(CaseLink.kind)).all() == ["duplicate", "duplicate"]
    turn(monkeypatch, months=purging.RECORD_MONTHS, days=1)
    assert purging.overdue(session)["links"] == 2
    assert purging.purge(session)["links"] == 2
    assert session.scalars(select(CaseLink)).all() == []
    assert second.state == "searching"


def test_a_suppression_goes_on_its_last_day(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session, "deletion").case
    caseworker = to_deciding(session, case, make_image(session, tmp_path))
    deciding.decide(session, case.rights[0], caseworker.id, "grant")
    erasure = plans.plan_erasure(session, case, "deletion", caseworker.id)
    until = clock.now() + timedelta(days=730)
    row = Suppression(image_id=1, digest="d", blocks="intake", created_at=clock.now(), expires_at=until)
    row.erasure_id = erasure.id
    session.add(row)
    assert purging.purge(session)["suppressions"] == 0
    monkeypatch.setattr("portal.clock.now", lambda: until)
    assert purging.overdue(session)["suppressions"] == 1
    assert purging.purge(session)["suppressions"] == 1
    assert purging.overdue(session)["suppressions"] == 0

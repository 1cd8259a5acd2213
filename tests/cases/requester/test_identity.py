"""Codes count wrong tries, work once, for ten minutes; a person decides who is asking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import mails
from portal.cases.arrival import intake
from portal.cases.requester import access, identity
from portal.db import Database
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.tables import Attempt, Code, Draft, Mail
from tests.cases.making import EMAIL, fill_draft, last_code, make_account, send


@pytest.fixture
def draft(session: Session) -> Draft:
    draft = intake.open_draft(session)
    identity.send_code(session, draft, f" {EMAIL} ")
    return draft


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_is_mailed_and_kept_only_as_a_digest(session: Session, draft: Draft) -> None:
    code = last_code(session)
    row = session.scalars(select(Code)).one()
    mail = session.scalars(select(Mail)).one()
    assert code not in row.digest
    assert code.encode() not in mail.sealed
    letter = mails.open_mail(session, mail)
    assert letter is not None
    assert (letter.to, letter.subject) == (EMAIL, "Your code")
    assert identity.confirm_code(session, draft, f" {code[:3]} {code[3:]} ") == "confirmed"
    assert draft.contact_confirmed_at is not None


def test_five_wrong_tries_kill_a_code(session: Session, draft: Draft) -> None:
    code = last_code(session)
    tries = [identity.confirm_code(session, draft, wrong(code)) for _ in range(6)]
    assert tries == ["wrong", "wrong", "wrong", "wrong", "too-many", "too-many"]
    assert identity.confirm_code(session, draft, code) == "too-many"
    assert draft.contact_confirmed_at is None
    identity.send_code(session, draft, EMAIL)
    assert identity.confirm_code(session, draft, last_code(session)) == "confirmed"


def test_a_wrong_try_outlives_the_page(database: Database) -> None:
    with database.writing() as session:
        draft_id = intake.open_draft(session).id
        identity.send_code(session, intake.find_draft(session, draft_id), EMAIL)
        code = last_code(session)
    for _ in range(5):
        with database.writing() as session:
            identity.confirm_code(session, intake.find_draft(session, draft_id), wrong(code))
    with database.writing() as session:
        assert identity.confirm_code(session, intake.find_draft(session, draft_id), code) == "too-many"


def test_a_code_works_once(session: Session, draft: Draft) -> None:
    code = last_code(session)
    assert identity.confirm_code(session, draft, code) == "confirmed"
    assert identity.confirm_code(session, draft, code) == "expired"


def test_a_code_works_for_ten_minutes(session: Session, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    code = last_code(session)
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    assert identity.confirm_code(session, draft, code) == "expired"


def test_a_new_code_ends_the_old_one(session: Session, draft: Draft) -> None:
    old = last_code(session)
    identity.send_code(session, draft, EMAIL)
    assert session.scalar(select(func.count()).select_from(Code)) == 1
    assert last_code(session) == old or identity.confirm_code(session, draft, old) == "wrong"


def test_a_code_speaks_for_its_address_only(session: Session, draft: Draft) -> None:
    code = last_code(session)
    intake.save_answers(session, draft, contact="somebody.else@example.org")
    assert identity.confirm_code(session, draft, code) == "wrong"


def test_a_code_of_another_draft_is_wrong(session: Session, draft: Draft) -> None:
    code = last_code(session)
    other = intake.open_draft(session)
    identity.send_code(session, other, "other@example.org")
    assert last_code(session) == code or identity.confirm_code(session, other, code) == "wrong"
    assert identity.confirm_code(session, intake.open_draft(session), code) == "expired"


def test_three_codes_in_ten_minutes(session: Session, draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    identity.send_code(session, draft, EMAIL)
    identity.send_code(session, draft, EMAIL)
    with pytest.raises(TooMany):
        identity.send_code(session, draft, EMAIL)
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    identity.send_code(session, draft, EMAIL)


def test_nobody_is_flooded_by_many_drafts(session: Session, draft: Draft) -> None:
    for _ in range(5):
        identity.send_code(session, intake.open_draft(session), EMAIL)
    with pytest.raises(TooMany):
        identity.send_code(session, intake.open_draft(session), EMAIL.upper())
    assert EMAIL not in str([attempt.key for attempt in session.scalars(select(Attempt))])


@pytest.mark.parametrize("typed", ["", "anna", "a@b\nBcc: c@d", "a b@c", "<a@b>", "a@b,c@d", "x" * 250 + "@a.org"])
def test_what_is_no_address(session: Session, draft: Draft, typed: str) -> None:
    with pytest.raises(BadInput):
        identity.send_code(session, draft, typed)


def test_a_caseworker_decides_who_is_asking(session: Session) -> None:
    case = send(session).case
    caseworker = make_account(session)
    with pytest.raises(BadInput):
        identity.decide_identity(session, case, caseworker.id, "confirmed", "")
    with pytest.raises(BadInput):
        identity.decide_identity(session, case, caseworker.id, "maybe", "note")
    with pytest.raises(NotAllowed):
        identity.decide_identity(session, case, make_account(session, "reviewer").id, "confirmed", "note")
    identity.decide_identity(session, case, caseworker.id, "confirmed", "Knows the account.")
    assert (case.identity, case.state, case.identity_by) == ("confirmed", "searching", caseworker.id)
    with pytest.raises(Conflict):
        identity.decide_identity(session, case, caseworker.id, "not-confirmed", "late")


def test_not_confirmed_closes_without_a_search(session: Session) -> None:
    case = send(session).case
    identity.decide_identity(session, case, make_account(session).id, "not-confirmed", "Gave another birthday.")
    assert (case.state, case.outcome) == ("closed", "unverified")
    assert [right.outcome for right in case.rights] == ["unverified"]


def test_the_checklist_says_what_each_right_needs(session: Session) -> None:
    case = send(session, "access", "opt-out").case
    checks = {check.name: check for check in identity.checklist(session, case)}
    assert checks["contact"].met
    assert "a person to be sure" in checks["access"].sentence
    assert "law forbids" in checks["opt-out"].sentence
    assert "second sign" in checks["access"].sentence
    assert checks["challenge"].met is False
    assert not next(
        check for check in identity.checklist(session, send(session, contact=False).case) if check.name == "contact"
    ).met


def test_signing_in_again(session: Session) -> None:
    sent = send(session)
    typed = sent.secret_words.upper().replace(" ", " - ")
    assert access.sign_in(session, sent.case.reference.lower().replace("-", " "), typed).id == sent.case.id
    refusals = []
    for reference, secret in (
        (sent.case.reference, "five other words are wrong"),
        ("EF-2222-2222", sent.secret_words),
        ("", ""),
        (sent.case.reference, "x" * 100_000),
    ):
        with pytest.raises(NotAllowed) as told:
            access.sign_in(session, reference, secret)
        refusals.append((told.value.sentence, told.value.code))
    assert len(set(refusals)) == 1


def test_signing_in_is_tried_ten_times(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        access.count_try(session, "EF-2222-2222", "192.0.2.1")
    with pytest.raises(TooMany):
        access.count_try(session, "ef 2222 2222", "192.0.2.2")
    keys = [attempt.key for attempt in session.scalars(select(Attempt))]
    assert all(len(key) == 64 and "192.0.2" not in key for key in keys)
    later = clock.now() + timedelta(minutes=16)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    access.count_try(session, "EF-2222-2222", "192.0.2.1")


def test_a_draft_filled_in_full_is_complete(session: Session) -> None:
    assert intake.missing(session, fill_draft(session)) == []

"""More time is taken once, in time, and the person is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, mails
from portal.cases.answer import answers, deciding
from portal.cases.arrival import intake
from portal.cases.clocks import extending
from portal.errors import BadInput, Conflict, NotAllowed
from portal.tables import Mail
from tests.cases.making import fill_draft, make_account, send, to_deciding


def test_more_time_is_taken_once_and_told(session: Session) -> None:
    case = send(session, "access").case
    right = case.rights[0]
    caseworker = make_account(session)
    latest = right.latest_on
    assert latest > right.due_on
    extending.extend(session, right, caseworker.id, "complex")
    assert (right.due_on, case.due_on) == (latest, latest)
    assert mails.long_date(latest) in (answers.status_of(session, case).more_time or "")
    mail = session.scalars(select(Mail).where(Mail.dedupe == f"more-time/{right.id}")).one()
    letter = mails.open_mail(session, mail)
    assert letter is not None
    assert mails.long_date(latest) in letter.body
    with pytest.raises(Conflict):
        extending.extend(session, right, caseworker.id, "complex")


def test_more_time_is_not_taken_too_late_by_others_or_without_a_reason(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = send(session, "access").case.rights[0]
    caseworker = make_account(session)
    with pytest.raises(BadInput):
        extending.extend(session, right, caseworker.id, "we forgot")
    with pytest.raises(NotAllowed):
        extending.extend(session, right, make_account(session, "reviewer").id, "many")
    late = clock.now() + timedelta(days=(right.due_on - clock.now().date()).days + 2)
    monkeypatch.setattr("portal.clock.now", lambda: late)
    with pytest.raises(Conflict):
        extending.extend(session, right, caseworker.id, "many")


def test_a_right_without_an_extension_has_no_more_time(session: Session) -> None:
    right = send(session, "opt-out").case.rights[0]
    right.latest_on = right.due_on
    assert not extending.may_extend(session, right)


def test_more_time_is_not_taken_after_the_day_to_tell_of_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    right = send(session, "access").case.rights[0]
    rule = law.rule_by(right.rule, right.rule_version)
    early = replace(rule, notice=law.Term(3, "cd"))
    monkeypatch.setattr("portal.cases.law.rule_by", lambda *_frozen: early)
    assert extending.may_extend(session, right)
    late = clock.now() + timedelta(days=5)
    monkeypatch.setattr("portal.clock.now", lambda: late)
    assert not extending.may_extend(session, right)
    monkeypatch.setattr("portal.cases.law.rule_by", lambda *_frozen: rule)
    assert extending.may_extend(session, right)


def test_without_an_identity_check_the_day_does_not_move_with_what_ends(session: Session) -> None:
    draft = fill_draft(session, "deletion", "opt-out")
    intake.save_answers(session, draft, residence="UK")
    case = intake.submit(session, draft).case
    caseworker = to_deciding(session, case)
    first, second = case.rights
    extending.extend(session, second, caseworker.id, "complex")
    for right in (first, second):
        deciding.decide(session, right, caseworker.id, "grant")
    assert (case.identity, case.state) == ("not-needed", "closed")
    assert case.due_on == first.due_on < second.due_on

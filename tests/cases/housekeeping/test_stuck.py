"""What did not succeed is seen, and can be tried again by a person."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases.housekeeping import stuck
from portal.errors import Conflict
from portal.tables import CaseEvent, Mail
from tests.cases.making import make_account, send


def test_nothing_is_in_the_way_of_work_that_goes_on(session: Session) -> None:
    case = send(session, "access").case
    assert stuck.troubles(session, case) == []
    assert stuck.cases_in_trouble(session) == set()
    with pytest.raises(Conflict):
        stuck.try_again(session, case, make_account(session).id)


@pytest.mark.parametrize("state", ["failed", "due"])
def test_what_did_not_succeed_says_why_and_is_tried_again_at_once(session: Session, state: str) -> None:
    case, other = send(session, "access").case, send(session, "access").case
    for mail in session.scalars(select(Mail).where(Mail.case_id == case.id)):
        mail.work_state, mail.attempts, mail.problem = state, 8, "The mail server did not take the mail."
    session.flush()
    assert stuck.troubles(session, case) == ["The mail server did not take the mail."]
    assert stuck.troubles(session, other) == []
    assert stuck.cases_in_trouble(session) == ({case.id} if state == "failed" else set())
    stuck.try_again(session, case, make_account(session).id)
    mails = session.scalars(select(Mail).where(Mail.case_id == case.id)).all()
    assert {(mail.work_state, mail.attempts, mail.problem) for mail in mails} == {("due", 0, None)}
    assert stuck.troubles(session, case) == []
    assert "tried-again" in session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case.id)).all()

"""What people say of an answer is a number of a day, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases.answer import feedback
from portal.errors import BadInput
from portal.tables import Feedback
from tests.cases.making import send


def test_each_request_counts_once_a_day(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = send(session, "access").case, send(session, "access").case
    assert [feedback.say(session, case, "no") for case in (first, second, first)] == [True, True, False]
    today = session.scalars(select(Feedback.day)).one()
    then = clock.now() + timedelta(days=1)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    assert feedback.say(session, first, "yes")
    assert feedback.said(session, today, today) == {"yes": 0, "partly": 0, "no": 2}
    assert feedback.said(session, today, today + timedelta(days=1)) == {"yes": 1, "partly": 0, "no": 2}


@pytest.mark.parametrize("word", ["", "Yes", "' OR 1=1", "x" * 5000])
def test_another_word_is_no_answer(session: Session, word: str) -> None:
    with pytest.raises(BadInput, match="yes, partly or no"):
        feedback.say(session, send(session, "access").case, word)
    assert session.scalars(select(Feedback)).all() == []


def test_nothing_is_kept_but_the_day_the_word_and_how_many() -> None:
    assert set(Feedback.__table__.columns.keys()) == {"day", "answer", "count"}

"""The person for whom somebody acts is asked once more, and after a week without their word the request ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import mails, withdrawing
from portal.cases.acting import confirming, person_link
from portal.cases.housekeeping import upkeep
from portal.errors import Gone
from portal.tables import Blob, Case, Mail
from tests.cases.acting.test_mandates import accept, mandate_of, send

NOTHING = {"reminded": 0, "ended": 0}


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    moment = clock.now() + timedelta(**by)
    monkeypatch.setattr("portal.clock.now", lambda: moment)


def letters(session: Session) -> list[mails.Letter]:
    opened = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail).order_by(Mail.created_at))]
    return [letter for letter in opened if letter is not None]


def links(session: Session) -> list[str]:
    bodies = [letter.body for letter in letters(session) if letter.to == "anna@person.example"]
    return [body.split("/for-you/")[1].split()[0] for body in bodies]


def test_one_reminder_with_a_link_that_works_then_the_end(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = send(session, "copy", "deletion").case
    later(monkeypatch, hours=23)
    assert confirming.remind_and_end(session) == NOTHING
    later(monkeypatch, hours=2)
    assert confirming.remind_and_end(session) == {"reminded": 1, "ended": 0}
    assert confirming.remind_and_end(session) == NOTHING
    first, second = links(session)
    assert person_link.find(session, second)[0].id == case.id
    with pytest.raises(Gone):
        person_link.find(session, first)
    later(monkeypatch, days=30)
    assert confirming.remind_and_end(session) == NOTHING, "it waits for a caseworker, too"
    accept(session, case)
    later(monkeypatch, days=6.9)
    assert confirming.remind_and_end(session) == NOTHING
    later(monkeypatch, days=0.2)
    assert upkeep.keep(session)["ended"] == 1
    assert (case.state, case.outcome, case.contact) == ("closed", "unverified", None)
    assert session.scalar(select(func.count()).select_from(Blob)) == 0
    last = letters(session)[-1]
    assert last.to == "bo@agent.example"
    assert "has not confirmed" in last.body
    assert "photo" not in last.subject + last.body


@pytest.mark.parametrize("why", ["an opt-out", "confirmed", "checked", "nobody may ask", "no address"])
def test_others_are_never_ended_so(session: Session, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    rights = ("deletion", "opt-out") if why == "an opt-out" else ("deletion",)
    said = {"nobody may ask": {"basis": "power-of-attorney"}, "no address": {"email": ""}}.get(why, {})
    case: Case = send(session, *rights, **said).case
    accept(session, case)
    if why == "confirmed":
        person_link.confirm(session, case, mandate_of(session, case))
    if why == "checked":
        case.identity = "confirmed"
    session.flush()
    for _ in range(3):
        later(monkeypatch, days=8)
        assert confirming.remind_and_end(session) == NOTHING
    assert case.state == "identity-check"


@pytest.mark.parametrize("how", ["silence", "yes", "closed"])
def test_a_link_ends_long_before_the_mailbox_does(session: Session, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    case = send(session, "copy", "deletion").case
    [link] = links(session)
    mandate = mandate_of(session, case)
    if how == "yes":
        person_link.confirm(session, case, mandate)
        later(monkeypatch, hours=23)
        person_link.confirm(session, case, person_link.find(session, link)[1])
        later(monkeypatch, hours=2)
    if how == "silence":
        later(monkeypatch, days=29)
        accept(session, case)
        later(monkeypatch, days=29)
        assert person_link.find(session, link)[0].id == case.id, "who judged late leaves the person time"
        later(monkeypatch, days=2)
    if how == "closed":
        withdrawing.withdraw(session, case)
        mandate.token_digest = person_link._digest(session, link)
    with pytest.raises(Gone):
        person_link.find(session, link)

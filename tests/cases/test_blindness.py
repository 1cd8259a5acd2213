"""Where nobody checked who asks, carrying a request out must look like having nothing to carry out."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases import mails
from portal.cases.answer import answers, appeals, deciding, keeping, protocol
from portal.cases.arrival import intake
from portal.cases.clocks import calendar, extending
from portal.db import config_of
from portal.erasure import forgetting
from portal.tables import Case, Mail
from tests.cases.making import fill_draft, make_account, make_image, to_deciding


def twins(session: Session, tmp_path: Path, residence: str = "EU") -> tuple[Case, Case]:
    """A hit and a miss, both decided on the last day: the hit is still being carried out, the miss is closed."""
    found = []
    for images in ([make_image(session, tmp_path)], []):
        draft = fill_draft(session, "deletion" if residence == "EU" else "opt-out")
        intake.save_answers(session, draft, residence=residence)
        case = intake.submit(session, draft).case
        assert case.identity == "not-needed"
        found.append((case, to_deciding(session, case, *images)))
    return found[0][0], found[1][0]


def grant_on_the_last_day(session: Session, cases: tuple[Case, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    zone = ZoneInfo(config_of(session).zone)
    moment = datetime.combine(cases[0].due_on, time(15), zone)
    monkeypatch.setattr("portal.clock.now", lambda: moment)
    for case in cases:
        for right in case.rights:
            deciding.decide(session, right, to_decide(session), "grant")


def to_decide(session: Session) -> str:
    return make_account(session).id


def seen(session: Session, case: Case) -> str:
    """All that the person sees, without what is their own."""
    page = repr(answers.status_of(session, case)) + repr(answers.answer_of(session, case))
    page += repr(calendar.day_of_answer(session, case).count(b"\n"))
    page += repr([one | {"received_at": ""} for one in protocol.statuses(session, case, True)])
    return page.replace(case.reference, "EF")


def test_decided_on_the_last_day_both_read_the_same_answer_at_once(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit, miss = twins(session, tmp_path)
    grant_on_the_last_day(session, (hit, miss), monkeypatch)
    assert (hit.state, miss.state) == ("fulfilling", "closed")
    assert "We do what you asked" in seen(session, hit)
    assert seen(session, hit) == seen(session, miss)
    news = {
        case.id: [
            mail.run_after
            for mail in session.scalars(select(Mail).where(Mail.case_id == case.id))
            if (mail.dedupe or "").startswith("news/")
        ]
        for case in (hit, miss)
    }
    assert len(news[hit.id]) == len(news[miss.id]) == 1
    assert mails.contact_of(session, hit) is not None


def test_decided_early_both_wait_for_the_same_day(session: Session, tmp_path: Path) -> None:
    hit, miss = twins(session, tmp_path)
    for case in (hit, miss):
        deciding.decide(session, case.rights[0], to_decide(session), "grant")
    assert "We do what you asked" not in seen(session, hit)
    assert seen(session, hit) == seen(session, miss)
    days = {
        mail.run_after.date() if mail.run_after else None
        for mail in session.scalars(select(Mail))
        if (mail.dedupe or "").startswith("news/")
    }
    assert days == {hit.due_on}


def test_more_time_cannot_be_taken_while_it_is_carried_out(session: Session, tmp_path: Path) -> None:
    hit, miss = twins(session, tmp_path)
    assert extending.may_extend(session, hit.rights[0])
    for case in (hit, miss):
        deciding.decide(session, case.rights[0], to_decide(session), "grant")
    assert not extending.may_extend(session, hit.rights[0])
    assert not extending.may_extend(session, miss.rights[0])


def test_both_can_object_to_the_answer_at_the_same_time(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit, miss = twins(session, tmp_path, "US-CT")
    grant_on_the_last_day(session, (hit, miss), monkeypatch)
    assert (hit.state, miss.state) == ("fulfilling", "closed")
    assert [appeals.may_appeal(session, case.rights[0]) for case in (hit, miss)] == [True, True]


def test_both_can_have_the_same_forgotten(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of deleted photographs can be taken back. Before the answer that must not tell whether there are."""
    hit, miss = twins(session, tmp_path)
    both = (hit, miss)

    def offered() -> list[list[str]]:
        shown = [keeping.forgettable(session, case, answers.is_answered(session, case)) for case in both]
        assert shown[0] == shown[1]
        assert seen(session, hit) == seen(session, miss)
        return shown

    for case in both:
        case.rights[0].keeps = "face"
        deciding.decide(session, case.rights[0], to_decide(session), "grant")
    assert offered() == [["face"]] * 2
    for case in both:
        forgetting.forget(session, case, "face")
    assert offered() == [[]] * 2
    monkeypatch.setattr("portal.clock.now", lambda: datetime.combine(hit.due_on, time(15), ZoneInfo("UTC")))
    assert (hit.state, miss.state) == ("fulfilling", "closed")
    assert offered() == [["photographs"]] * 2
    for case in both:
        forgetting.forget(session, case, "photographs")
    assert offered() == [[]] * 2
    assert [keeping.mode(case) for case in both] == ["none", "none"]

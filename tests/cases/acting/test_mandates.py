"""Acting for another, below the pages: what may be granted, when it ends, and taking a request back in every state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, withdrawing
from portal.cases.acting import authority, mandates, person_link, renewing
from portal.cases.acting.papers import PDF, Paper
from portal.cases.answer import deciding
from portal.cases.arrival import intake
from portal.cases.arrival.sending import Submitted
from portal.cases.housekeeping import purging
from portal.cases.requester import access, identity
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound
from portal.tables import Blob, Case, Mandate
from tests.cases.making import (
    add_candidate,
    confirm_identity,
    last_code,
    make_account,
    make_image,
)
from tests.cases.making import send as send_own

PAPER = Paper(b"%PDF-1.4 %%EOF", PDF)


def send(session: Session, *rights: str, place: str = "US-CA", **said: object) -> Submitted:
    draft = intake.open_draft(session)
    intake.save_answers(session, draft, rights=list(rights), residence=place, for_whom="agent", consent=True)
    intake.add_link(session, draft, "https://dating.example/anna")
    identity.send_code(session, draft, "bo@agent.example")
    identity.confirm_code(session, draft, last_code(session))
    facts = {"basis": "permission", "email": "anna@person.example"} | said
    mandate = mandates.say(
        session,
        draft,
        mandates.Said(person="Anna", requester="Bo", rights=tuple(rights), **facts),  # type: ignore[arg-type]
    )
    assert intake.missing(session, draft) == ["papers"]
    point = next(each for each in mandates.rule_of_draft(session, draft).points_for(mandate.basis) if each.paper)
    mandates.add_paper(session, mandate, mandates.rule_of_draft(session, draft), point.name, PAPER)
    return intake.submit(session, draft)


def mandate_of(session: Session, case: Case) -> Mandate:
    mandate = mandates.of_case(session, case)
    assert mandate is not None
    return mandate


def accept(session: Session, case: Case) -> str:
    account = make_account(session)
    lines = authority.lines(session, mandate_of(session, case))
    authority.judge(session, case, account.id, {line.point.name: True for line in lines}, "")
    return account.id


def to_deciding(session: Session, case: Case) -> str:
    account = accept(session, case)
    if case.state == "identity-check":
        confirm_identity(session, case)
    lifecycle.search_finished(session, case)
    assert case.state == "deciding"
    return account


def test_nothing_is_granted_until_the_person_confirmed_but_an_opt_out(session: Session) -> None:
    case = send(session, "deletion", "opt-out").case
    account = to_deciding(session, case)
    by_name = {right.right: right for right in case.rights}
    deciding.decide(session, by_name["opt-out"], account, "grant")
    with pytest.raises(Conflict, match="not confirmed"):
        deciding.decide(session, by_name["deletion"], account, "grant")
    person_link.confirm(session, case, mandate_of(session, case))
    deciding.decide(session, by_name["deletion"], account, "grant")


def test_with_a_power_of_attorney_nobody_asks_the_person_in_california(session: Session) -> None:
    case = send(session, "deletion", basis="power-of-attorney").case
    assert mandate_of(session, case).asked_at is None
    deciding.decide(session, case.rights[0], to_deciding(session, case), "grant")


def test_what_the_person_told_us_in_another_way_counts(session: Session) -> None:
    case = send(session, "deletion", email="").case
    account = to_deciding(session, case)
    with pytest.raises(BadInput):
        authority.confirm_for_person(session, case, account, " ")
    authority.confirm_for_person(session, case, account, "They phoned from the number of the account.")
    with pytest.raises(Conflict):
        authority.confirm_for_person(session, case, account, "Again.")
    deciding.decide(session, case.rights[0], account, "grant")


def test_a_permission_that_ends_meanwhile_stops_what_only_it_carried(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = mandates.today(session) + timedelta(days=2)
    case = send(session, "opt-out", "copy", basis="power-of-attorney", expires_on=ends).case
    account = to_deciding(session, case)
    later = clock.now() + timedelta(days=4)
    monkeypatch.setattr(clock, "now", lambda: later)
    by_name = {right.right: right for right in case.rights}
    assert not mandates.may_read_answer(session, case, as_person=False)
    with pytest.raises(Conflict, match="run out"):
        deciding.decide(session, by_name["copy"], account, "grant")
    # The opt-out was asked for while it held, and stays asked for.
    deciding.decide(session, by_name["opt-out"], account, "grant")


def test_a_permission_that_is_over_opens_no_request(session: Session) -> None:
    with pytest.raises(BadInput, match="day is over"):
        send(session, "deletion", expires_on=mandates.today(session) - timedelta(days=1))


def test_each_has_words_of_their_own(session: Session) -> None:
    sent = send(session, "deletion")
    own = person_link.confirm(session, sent.case, mandate_of(session, sent.case))
    for words, is_person in ((own, True), (sent.secret_words, False)):
        case = access.sign_in(session, sent.case.reference, words)
        assert person_link.is_person(session, case, words) is is_person


def test_two_caseworkers_at_once_give_one_answer(database: Database) -> None:
    with database.writing() as session:
        case_id = send(session, "deletion").case.id

    def judge(_number: int) -> bool:
        try:
            with database.writing() as session:
                accept(session, session.get_one(Case, case_id))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(judge, range(4))) == [False, False, False, True]


def test_a_yes_and_a_no_at_once_end_the_request_once(database: Database) -> None:
    with database.writing() as session:
        case_id = send(session, "deletion").case.id

    def say(yes: bool) -> bool:
        try:
            with database.writing() as session:
                case = session.get_one(Case, case_id)
                if yes:
                    person_link.confirm(session, case, mandate_of(session, case))
                else:
                    withdrawing.withdraw(session, case)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(say, [True, False, True, False]))
    with database.reading() as session:
        case = session.get_one(Case, case_id)
        # The first no ends it, whenever it comes; a yes after that comes too late.
        assert case.outcome == "withdrawn"
        assert sum(done[1::2]) == 1
        assert mandate_of(session, case).sealed is None


@pytest.mark.parametrize("state", ["identity-check", "searching", "reviewing", "deciding", "fulfilling"])
def test_the_person_takes_it_back_in_every_state_before_it_is_carried_out(
    session: Session, tmp_path: Path, state: str
) -> None:
    case = send(session, "deletion").case
    person_link.confirm(session, case, mandate_of(session, case))
    bring(session, case, state, tmp_path / "store")
    assert case.state == state
    withdrawing.withdraw(session, case)
    mandate = mandate_of(session, case)
    assert (case.outcome, mandate.sealed, mandate.token_digest, mandate.note) == ("withdrawn", None, None, None)
    assert session.scalar(select(func.count()).select_from(Blob)) == 0
    with pytest.raises(Conflict):
        withdrawing.withdraw(session, case)


def bring(session: Session, case: Case, state: str, folder: Path) -> None:
    if state == "identity-check":
        return
    account = accept(session, case)
    confirm_identity(session, case)
    if state == "searching":
        return
    candidate = add_candidate(session, case, make_image(session, folder))
    lifecycle.search_finished(session, case)
    if state == "reviewing":
        return
    candidate.state = "confirmed"
    lifecycle.review_finished(session, case)
    if state == "fulfilling":
        deciding.decide(session, case.rights[0], account, "grant")


def test_the_papers_go_with_what_was_sent_and_the_names_with_the_contact(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = send(session, "deletion").case
    lifecycle.move(session, case, "closed", "machine", "insuf_verification", outcome="unverified")
    closed = clock.now()
    monkeypatch.setattr(clock, "now", lambda: closed + timedelta(days=13))
    purging.purge(session)
    assert papers(session) == 1
    monkeypatch.setattr(clock, "now", lambda: closed + timedelta(days=15))
    assert purging.overdue(session)["papers"] == 1
    purging.purge(session)
    assert (papers(session), purging.overdue(session)["papers"]) == (0, 0)
    assert mandates.said_of(session, mandate_of(session, case)).person == "Anna"
    monkeypatch.setattr(clock, "now", lambda: closed + timedelta(days=800))
    purging.purge(session)
    assert mandates.said_of(session, mandate_of(session, case)).person == ""


def papers(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Blob).where(Blob.purpose == "proof")) or 0


def test_a_draft_that_is_left_takes_its_papers_along(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = intake.open_draft(session)
    intake.save_answers(session, draft, rights=["deletion"], residence="EU", for_whom="deceased")
    mandate = mandates.say(session, draft, mandates.Said("heir", "Anna", "Bo", ("deletion",)))
    mandates.add_paper(session, mandate, mandates.rule_of_draft(session, draft), "death", PAPER)
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    purging.purge(session)
    assert papers(session) == 0
    assert session.scalar(select(func.count()).select_from(Mandate)) == 0


def test_whoever_asks_for_themselves_has_no_list(session: Session) -> None:
    case = send_own(session, "deletion").case
    with pytest.raises(NotFound):
        authority.judge(session, case, make_account(session).id, {}, "")


def expired(session: Session, case: Case) -> Mandate:
    mandate = mandate_of(session, case)
    mandate.expires_on = mandates.today(session) - timedelta(days=1)
    session.flush()
    return mandate


def test_renewing_while_a_turn_down_waits_leaves_it_to_a_caseworker(session: Session) -> None:
    case = send(session, "deletion").case
    first, second = make_account(session).id, make_account(session).id
    mandate = mandate_of(session, case)
    missing = {line.point.name: False for line in authority.lines(session, mandate)}
    authority.judge(session, case, first, missing, "The signature is missing.")
    assert case.waiting_for == "approver"
    renewing.renew(session, case, expired(session, case), PAPER, None)
    assert (case.waiting_for, mandate.judged, authority.waits_for_second(mandate)) == ("caseworker", None, False)
    with pytest.raises(Conflict):
        authority.agree(session, case, second)
    assert case.state == "identity-check"


def test_a_renewed_permission_is_judged_without_taking_the_case_from_whom_it_waits_for(session: Session) -> None:
    case = send(session, "deletion", "opt-out").case
    to_deciding(session, case)
    lifecycle.move(session, case, "reviewing", make_account(session).id, "look again")
    renewing.renew(session, case, expired(session, case), PAPER, None)
    assert case.waiting_for == "caseworker"
    accept(session, case)
    assert (case.state, case.waiting_for) == ("reviewing", "reviewer")

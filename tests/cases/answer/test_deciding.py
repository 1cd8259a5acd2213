"""A person decides, a second one agrees to every refusal, and nothing goes to somebody who was not checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases.answer import deciding
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed
from portal.tables import Package
from tests.cases.making import grant_all, make_account, make_image, send, to_deciding


def test_a_refusal_needs_a_second_person(session: Session) -> None:
    case = send(session, "deletion").case
    account = to_deciding(session, case)
    right = case.rights[0]
    deciding.decide(session, right, account.id, "refuse", "suspected_fraud", "We saw this request before.")
    assert (case.state, case.waiting_for) == ("deciding", "approver")
    with pytest.raises(NotAllowed) as told:
        deciding.approve_refusal(session, right, account.id)
    assert told.value.code == "same-person"
    with pytest.raises(NotAllowed):
        deciding.approve_refusal(session, right, make_account(session, "reviewer").id)
    deciding.approve_refusal(session, right, make_account(session).id)
    assert (case.state, case.outcome) == ("closed", "refused")
    with pytest.raises(Conflict):
        deciding.approve_refusal(session, right, make_account(session).id)


def test_a_returned_refusal_is_decided_again(session: Session) -> None:
    case = send(session, "deletion").case
    account = to_deciding(session, case)
    right = case.rights[0]
    deciding.decide(session, right, account.id, "refuse", "suspected_fraud")
    deciding.return_refusal(session, right, make_account(session).id)
    assert (right.decision, case.waiting_for) == (None, "caseworker")
    deciding.decide(session, right, account.id, "grant")
    assert case.outcome == "nothing-found"


def test_one_person_alone_is_written_down(session: Session) -> None:
    session.info["config"] = replace(config_of(session), two_people=False)
    case = send(session, "deletion").case
    account = to_deciding(session, case)
    deciding.decide(session, case.rights[0], account.id, "refuse", "claim_not_covered")
    right = case.rights[0]
    assert (case.outcome, right.one_person, right.approved_by) == ("refused", True, account.id)


def test_reasons_come_from_the_list(session: Session) -> None:
    case = send(session, "deletion").case
    account = to_deciding(session, case)
    right = case.rights[0]
    for reason, note in ((None, ""), ("because", "x"), ("other", "  ")):
        with pytest.raises(BadInput):
            deciding.decide(session, right, account.id, "refuse", reason, note)
    with pytest.raises(BadInput):
        deciding.decide(session, right, account.id, "perhaps")
    assert right.decision is None


def test_only_while_deciding_and_only_caseworkers(session: Session) -> None:
    case = send(session, "deletion").case
    with pytest.raises(Conflict):
        deciding.decide(session, case.rights[0], make_account(session).id, "grant")
    to_deciding(session, case)
    with pytest.raises(NotAllowed):
        deciding.decide(session, case.rights[0], make_account(session, "admin", "reviewer").id, "grant")


def test_a_case_waits_until_every_right_is_decided(session: Session, tmp_path: Path) -> None:
    case = send(session, "access", "deletion").case
    account = to_deciding(session, case, make_image(session, tmp_path / "store"))
    deciding.decide(session, case.rights[0], account.id, "grant")
    assert case.state == "deciding"
    assert session.scalars(select(Package)).all() == []
    deciding.decide(session, case.rights[1], account.id, "grant")
    assert case.state == "fulfilling"
    assert session.scalars(select(Package)).one().work_state == "due"
    assert [right.right for right in deciding.rights_to_erase(session, case)] == ["deletion"]


def test_access_and_copy_share_one_package(session: Session, tmp_path: Path) -> None:
    case = send(session, "access", "copy").case
    grant_all(session, case, to_deciding(session, case, make_image(session, tmp_path / "store")))
    assert len(session.scalars(select(Package)).all()) == 1


def test_nothing_found_is_an_answer_too(session: Session) -> None:
    case = send(session, "access", "deletion").case
    grant_all(session, case, to_deciding(session, case))
    assert (case.state, case.outcome) == ("closed", "nothing-found")
    assert session.scalars(select(Package)).all() == []
    assert deciding.rights_to_erase(session, case) == []


def test_photographs_never_go_to_somebody_who_was_not_checked(session: Session, tmp_path: Path) -> None:
    case = send(session, "access").case
    account = to_deciding(session, case, make_image(session, tmp_path / "store"))
    case.identity = "not-needed"
    with pytest.raises(Conflict) as told:
        deciding.decide(session, case.rights[0], account.id, "grant")
    assert told.value.code == "identity-missing"


@pytest.mark.parametrize("reason", sorted(deciding.TELLING))
def test_a_refusal_does_not_tell_an_unchecked_person_what_was_found(session: Session, reason: str) -> None:
    case = send(session, "opt-out").case
    account = to_deciding(session, case)
    with pytest.raises(BadInput) as told:
        deciding.decide(session, case.rights[0], account.id, "refuse", reason, "note")
    assert told.value.code == "reason-tells"

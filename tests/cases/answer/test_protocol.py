"""The state of a request in the words of the Data Rights Protocol, from receipt to each of its ends."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.cases import withdrawing
from portal.cases.answer import deciding, protocol
from portal.cases.requester import identity
from portal.tables import Case
from tests.cases.making import confirm_identity, grant_all, make_account, send, to_deciding


def told(session: Session, case: Case, reads_answer: bool = True) -> dict[str, Any]:
    return protocol.statuses(session, case, reads_answer)[0]


def short(one: dict[str, Any]) -> tuple[str, str | None]:
    return one["status"], one.get("reason")


def test_from_receipt_over_the_check_to_an_answer_that_finds_nothing(session: Session) -> None:
    case = send(session, "access").case
    first = told(session, case)
    assert short(first) == ("in_progress", "need_user_verification")
    assert first["user_verification_url"].endswith("/case")
    assert first["expected_by"] == case.rights[0].due_on.isoformat()
    assert (first["request_id"], first["right"]) == (f"{case.reference}/access", "access")
    confirm_identity(session, case)
    assert short(told(session, case)) == ("in_progress", None)
    account = to_deciding(session, case)
    grant_all(session, case, account)
    last = told(session, case)
    assert short(last) == ("denied", "no_match")
    assert "We did not find photos of you." in last["processing_details"]
    assert not {"expected_by", "user_verification_url", "results_url"} & set(last)
    other = told(session, case, reads_answer=False)
    assert (short(other), "It went to the person" in other["processing_details"]) == (("in_progress", None), True)


@pytest.mark.parametrize(
    ("reason", "in_protocol"),
    [(each, each) for each in deciding.OF_THE_PROTOCOL]
    + [("not_same_person", "no_match"), ("exempt_legal", "claim_not_covered"), ("partial", "other")],
)
def test_a_refusal_has_a_reason_that_the_protocol_knows(session: Session, reason: str, in_protocol: str) -> None:
    case = send(session, "access").case
    confirm_identity(session, case)
    account = to_deciding(session, case)
    deciding.decide(session, case.rights[0], account.id, "refuse", reason, "In plain words.")
    assert short(told(session, case)) == ("in_progress", None), "until a second person agreed"
    deciding.approve_refusal(session, case.rights[0], make_account(session).id)
    assert short(told(session, case)) == ("denied", in_protocol)


def test_what_was_taken_back_is_revoked_and_what_nobody_could_be_made_sure_of_is_denied(session: Session) -> None:
    back, unsure = send(session, "access").case, send(session, "access").case
    withdrawing.withdraw(session, back)
    assert short(told(session, back)) == ("revoked", None)
    identity.decide_identity(session, unsure, make_account(session).id, "not-confirmed", "Nobody knows them.")
    assert short(told(session, unsure)) == ("denied", "insuf_verification")


def test_a_request_that_nobody_began_with_is_open(session: Session) -> None:
    case = send(session, "opt-out").case
    case.state = "received"
    assert short(told(session, case)) == ("open", None)
    assert told(session, case)["received_at"] == case.received_at.isoformat(timespec="seconds")

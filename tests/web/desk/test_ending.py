"""Several requests are ended at once: each by its own rule, none that somebody must read first, all or nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, messages
from portal.db import Database
from portal.tables import Case, CaseLink
from tests.cases.making import send
from tests.web.desk import Colleague, colleague

END = "/staff/cases/end"


def to_decide(session: Session) -> Case:
    """A request not to be used any more, about whose sender nobody asks, and in which nothing was found."""
    case = send(session, "opt-out").case
    for link in session.scalars(select(CaseLink)):
        session.delete(link)
    case.state, case.waiting_for, case.identity = "deciding", "caseworker", "not-needed"
    session.flush()
    return case


def to_check(session: Session) -> Case:
    case = send(session, "access").case
    for link in session.scalars(select(CaseLink)):
        session.delete(link)
    assert case.state == "identity-check"
    return case


def chosen(cora: Colleague, *cases: Case) -> str:
    leads_to = cora.post(f"{END}/chosen", case=[case.reference for case in cases])
    assert "csrf" not in leads_to
    return cora.get(leads_to)


def posted(*cases: Case) -> list[str]:
    return [f"{case.id}:{case.state}" for case in cases]


def state_of(database: Database, case: Case) -> tuple[str, str, str | None]:
    with database.reading() as session:
        found = session.get_one(Case, case.id)
        return found.state, found.waiting_for, found.outcome


def test_each_ends_by_its_own_rule_and_a_refusal_waits_for_a_second_person(
    app: Flask, database: Database, cora: Colleague
) -> None:
    with database.writing() as session:
        unknown, refused = to_check(session), to_decide(session)
    page = chosen(cora, unknown, refused)
    assert "2 requests to end" in page
    assert "It closes, because nobody could make sure who is asking." in page
    assert "A second person must agree to it." in page
    both = posted(unknown, refused)
    assert "Write down how you know." in cora.post(END, status=422, case=both, reason="insuf_verification")
    # The one whose sender nobody has looked at cannot be refused as outside the law: so neither is.
    page = cora.post(END, status=409, case=both, reason="outside_jurisdiction", note="They live in Chile.")
    assert "Nothing was ended" in page
    assert [state_of(database, case)[0] for case in (unknown, refused)] == ["identity-check", "deciding"]
    cora.post(END, case=both, reason="insuf_verification", note="The address is one of a mail drop.")
    assert state_of(database, unknown) == ("closed", "nobody", "unverified")
    assert state_of(database, refused) == ("deciding", "approver", None)
    with database.reading() as session:
        right = session.get_one(Case, refused.id).rights[0]
        assert (right.decision, right.decided_by, right.approved_by) == ("refuse", cora.id, None)
    assert "It is not at a step" in chosen(cora, refused)
    other = colleague(app, database, "reviewer")
    other.post(END, status=403, case=posted(refused), reason="insuf_verification", note="Me, too.")


@pytest.mark.parametrize("why", ["duplicate", "alarm", "message", "machine"])
def test_what_somebody_must_read_first_is_never_ended_with_others(
    database: Database, cora: Colleague, why: str
) -> None:
    with database.writing() as session:
        one, other = to_decide(session), to_decide(session)
        if why == "message":
            messages.write(session, one, "subject", "I have moved.")
        elif why == "machine":
            lifecycle.wait_for(session, one, "subject")
        else:
            kind = "duplicate" if why == "duplicate" else "many-cases"
            # It stands with the other one of the two: a link is read from both ends.
            session.add(CaseLink(case_id=other.id, other_id=one.id, kind=kind, raised_at=clock.now()))
    page = chosen(cora, one)
    said = {"message": "The person wrote to you.", "machine": "It is not at a step"}.get(why, "Read them together")
    assert said in page
    assert "There is none that can be ended here." in page
    page = cora.post(END, status=409, case=posted(one), reason="claim_not_covered", note="No such right.")
    assert said in page
    assert state_of(database, one)[0] == "deciding"
    if why == "alarm":
        with database.writing() as session:
            session.scalars(select(CaseLink)).one().cleared_at = clock.now()
        assert "1 request to end" in chosen(cora, one)


def test_nothing_ticked_goes_back_to_the_list_and_a_state_that_changed_ends_nothing(
    database: Database, cora: Colleague
) -> None:
    assert cora.client.get(cora.post(f"{END}/chosen")).location == "/staff/cases/"
    assert "Tick the requests first." in cora.get("/staff/cases/")
    with database.writing() as session:
        case = to_decide(session)
    page = cora.post(
        END, status=409, case=f"{case.id}:identity-check", reason="insuf_verification", note="Nobody knows."
    )
    assert "It has moved on meanwhile." in page
    assert state_of(database, case)[0] == "deciding"


def test_one_that_is_not_kept_any_more_ends_none_of_the_others(database: Database, cora: Colleague) -> None:
    with database.writing() as session:
        case = to_check(session)
    both = [*posted(case), f"{'0' * 32}:deciding"]
    page = cora.post(END, status=409, case=both, reason="insuf_verification", note="Nobody knows.")
    assert "Nothing was ended" in page
    assert "Not kept any more." in page
    assert state_of(database, case)[0] == "identity-check"
    cora.post(END, case=posted(case), reason="insuf_verification", note="Nobody knows.")
    assert state_of(database, case)[0] == "closed"

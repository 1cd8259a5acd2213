"""After a deletion a missed photograph is one button: the check that was made holds, and the clock begins today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases.answer import answers, following_up
from portal.cases.arrival import looking
from portal.cases.housekeeping import purging
from portal.cases.requester import alarms, assurance
from portal.errors import BadInput, Conflict
from portal.tables import Blob, Case, CaseLink, Search
from tests.cases.making import confirm_identity, send


def ended(session: Session, *rights: str, outcome: str = "fulfilled") -> Case:
    """A checked request that was carried out ninety days ago."""
    case = send(session, *(rights or ("deletion",))).case
    if case.state == "identity-check":
        confirm_identity(session, case)
    # Somebody who asks for a deletion alone is checked where a caseworker had a reason to ask.
    case.identity = "confirmed"
    for right in case.rights:
        right.decision, right.outcome = "grant", outcome
        right.due_on = right.latest_on = right.due_on - timedelta(days=90)
    case.state, case.outcome, case.closed_at = "closed", outcome, clock.now()
    case.received_at -= timedelta(days=90)
    session.flush()
    return case


def test_one_click_keeps_the_check_and_starts_its_own_clock(session: Session) -> None:
    case = ended(session, "access", "deletion")
    new = following_up.follow_up(session, case)
    assert (new.state, new.identity, new.identity_by) == ("searching", "confirmed", case.identity_by)
    assert [right.right for right in new.rights] == ["deletion"], "only what was carried out, nothing more is shown"
    fresh = send(session, "deletion").case.rights[0]
    assert (new.rights[0].due_on, new.rights[0].rule_version) == (fresh.due_on, fresh.rule_version)
    assert new.due_on > case.rights[1].due_on
    link = session.scalars(select(CaseLink).where(CaseLink.kind == "follow-up")).one()
    assert (link.case_id, link.other_id) == (new.id, case.id)
    assert not alarms.open_alarms(session, new)
    assert session.scalars(select(Search).where(Search.case_id == new.id)).one().work_state == "due"
    assert new.secret_hash == case.secret_hash
    assert new.reference != case.reference
    assert case.state == "closed"


def test_what_was_sent_is_looked_with_again_and_deleted_by_its_own_clock(session: Session) -> None:
    case = ended(session)
    new = following_up.follow_up(session, case, "https://dating.example/anna-2")
    texts = {looking.opened(session, probe) for probe in looking.probes_of(session, new)}
    assert texts == {"https://dating.example/anna", "https://dating.example/anna-2"}
    purging.purge_probes(session, case)
    assert len(looking.probes_of(session, new)) == 2
    assert {blob.id for blob in session.scalars(select(Blob))} >= {
        probe.blob_id for probe in looking.probes_of(session, new) if probe.blob_id
    }


def test_without_anything_to_look_with_a_link_is_asked_for(session: Session) -> None:
    case = ended(session)
    purging.purge_probes(session, case)
    with pytest.raises(BadInput, match="Give us a link"):
        following_up.follow_up(session, case)
    assert following_up.follow_up(session, case, "https://dating.example/anna").state == "searching"


def test_it_follows_once_at_a_time(session: Session) -> None:
    case = ended(session)
    new = following_up.follow_up(session, case)
    with pytest.raises(Conflict, match=new.reference):
        following_up.follow_up(session, case)


@pytest.mark.parametrize("why", ["not checked", "nothing erased", "going on"])
def test_others_make_a_new_request(session: Session, why: str) -> None:
    case = ended(session, outcome="nothing-found" if why == "nothing erased" else "fulfilled")
    if why == "not checked":
        case.identity = "not-needed"
    if why == "going on":
        case.state, case.outcome, case.closed_at = "fulfilling", None, None
    session.flush()
    assert not following_up.may_follow_up(session, case)
    with pytest.raises(Conflict, match="new one"):
        following_up.follow_up(session, case)
    assert session.scalars(select(CaseLink).where(CaseLink.kind == "follow-up")).all() == []


def test_where_the_law_asks_for_more_by_now_the_check_is_made_anew(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = ended(session)
    monkeypatch.setattr(following_up, "_rank", lambda right: 3 if right.case_id != case.id else 2)
    new = following_up.follow_up(session, case)
    assert (new.state, new.identity) == ("identity-check", None)
    assert answers.answer_of(session, new) is None


def test_signs_that_were_shown_stand_in_the_request_that_follows(session: Session) -> None:
    case = ended(session, "access", "deletion")
    new = following_up.follow_up(session, case)
    assert assurance.standing(session, case).complete
    assert assurance.standing(session, new) == assurance.standing(session, case)

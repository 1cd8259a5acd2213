"""What the person reads. Until it is decided, and for ever where nobody was checked, a hit reads like a miss."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle, mails, withdrawing
from portal.cases.answer import answers, deciding, packages, protocol
from portal.cases.requester import identity
from portal.tables import Case, Erasure, Mail, Package
from tests.cases.making import (
    add_candidate,
    add_face,
    confirm_identity,
    grant_all,
    make_account,
    make_image,
    send,
    to_deciding,
)


def seen(session: Session, case: Case) -> bytes:
    """All bytes a person could see of a case, with its reference masked."""
    status, answer = answers.status_of(session, case), answers.answer_of(session, case)
    shown: list[Any] = [dataclasses.asdict(status), dataclasses.asdict(answer) if answer else None]
    # For programs there is no more to see. The instant of receipt is each one's own.
    shown += [one | {"received_at": ""} for one in protocol.statuses(session, case, True)]
    for mail in session.scalars(select(Mail).where(Mail.case_id == case.id).order_by(Mail.created_at)):
        letter = mails.open_mail(session, mail)
        shown.append(dataclasses.asdict(letter) if letter else None)
    return json.dumps(shown, default=str).replace(case.reference, "EF").encode()


@pytest.mark.parametrize("right", ["access", "copy", "opt-out", "deletion"])
def test_a_hit_reads_like_a_miss_until_it_is_decided(session: Session, tmp_path: Path, right: str) -> None:
    hit, miss = send(session, right).case, send(session, right).case
    assert seen(session, hit) == seen(session, miss)
    for case in (hit, miss):
        if case.state == "identity-check":
            confirm_identity(session, case)
    during = seen(session, miss)
    assert seen(session, hit) == during
    candidate = add_candidate(session, hit, make_image(session, tmp_path / "store"))
    lifecycle.search_finished(session, hit)
    lifecycle.search_finished(session, miss)
    assert (hit.state, miss.state) == ("reviewing", "deciding")
    assert seen(session, hit) == seen(session, miss) == during
    candidate.state = "confirmed"
    lifecycle.review_finished(session, hit)
    assert seen(session, hit) == during
    assert answers.answer_of(session, hit) is None


def test_an_unchecked_hit_reads_like_a_miss_for_ever(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit, miss = send(session, "opt-out").case, send(session, "opt-out").case
    account = to_deciding(session, hit, make_image(session, tmp_path / "store"))
    to_deciding(session, miss)
    grant_all(session, hit, account)
    grant_all(session, miss, account)
    assert (hit.state, miss.state) == ("fulfilling", "closed")

    def shown(case: Case) -> list[Any]:
        status, answer = answers.status_of(session, case), answers.answer_of(session, case)
        return [dataclasses.replace(status, reference=""), answer]

    assert shown(hit) == shown(miss)
    erasure = Erasure(
        case_id=hit.id,
        kind="opt-out",
        state="running",
        plan_digest="0" * 64,
        asked_by=account.id,
        planned_at=clock.now(),
    )
    session.add(erasure)
    session.flush()
    assert shown(hit) == shown(miss)
    refusals = []
    for case in (hit, miss):
        with pytest.raises(deciding.Conflict) as told:
            withdrawing.withdraw(session, case)
        refusals.append((told.value.sentence, told.value.code))
    assert refusals[0] == refusals[1]
    erasure.state = "settled"
    lifecycle.fulfil_step(session, hit)
    assert hit.state == "closed"
    assert shown(hit) == shown(miss)
    last_day = clock.now() + timedelta(days=(miss.due_on - clock.now().date()).days)
    mailed = session.scalars(select(Mail).where(Mail.dedupe.like("news/%"))).all()
    assert {mail.run_after.date() for mail in mailed if mail.run_after} == {last_day.date()}
    monkeypatch.setattr("portal.clock.now", lambda: last_day)
    assert shown(hit) == shown(miss)
    answer = answers.answer_of(session, hit)
    assert answer is not None
    assert (answer.photographs, answer.found, answer.coverage, answer.certificate_ids) == ([], None, None, [])
    assert "did not check who you are" in answer.rights[0].sentence


def test_the_answer_to_access_tells_all_but_the_template(session: Session, tmp_path: Path) -> None:
    case = send(session, "access").case
    image = make_image(session, tmp_path / "store")
    _, plain = add_face(session, image, (0, 0, 10, 10))
    account = to_deciding(session, case, image)
    grant_all(session, case, account)
    packages.record(session, session.scalars(select(Package)).one(), packages.Built(b"zip", 1, 0))
    answer = answers.answer_of(session, case)
    assert answer is not None
    assert answer.found == "We found 1 photograph that two people agreed look like you."
    (photograph,) = answer.photographs
    assert (photograph.store, photograph.manifest["account"]) == ("Profiles", "anna")
    assert [(each.encoder, each.numbers, each.count) for each in photograph.templates] == [("drawn", 128, 1)]
    assert answer.coverage is not None
    assert "can miss pictures" in answer.coverage.sentence
    assert answer.package_id is not None
    shown = repr(answer)
    assert plain.hex() not in shown
    assert repr(plain) not in shown


def test_a_miss_is_no_guarantee(session: Session) -> None:
    case = send(session, "access").case
    grant_all(session, case, to_deciding(session, case))
    answer = answers.answer_of(session, case)
    assert answer is not None
    assert answer.photographs == []
    assert "not a guarantee" in answer.rights[0].sentence
    assert "hold nothing" not in repr(answer)


def test_a_refusal_says_why_and_where_to_complain(session: Session) -> None:
    case = send(session, "access").case
    account = to_deciding(session, case)
    deciding.decide(session, case.rights[0], account.id, "refuse", "exempt_legal", "A court asked us to keep them.")
    assert answers.answer_of(session, case) is None
    deciding.approve_refusal(session, case.rights[0], make_account(session).id)
    answer = answers.answer_of(session, case)
    assert answer is not None
    (right,) = answer.rights
    assert right.sentence == "We cannot do this because a law or a court makes us keep them."
    assert right.note == "A court asked us to keep them."
    assert right.complaint is not None


def test_the_end_of_an_unverified_and_of_a_withdrawn_case(session: Session) -> None:
    unverified, withdrawn = send(session).case, send(session).case
    identity.decide_identity(session, unverified, make_account(session).id, "not-confirmed", "Could not say.")
    withdrawing.withdraw(session, withdrawn)
    for case in (unverified, withdrawn):
        status, answer = answers.status_of(session, case), answers.answer_of(session, case)
        assert answer is None
        assert status.ended
        assert not status.can_withdraw
    assert "Could not say" not in repr(answers.status_of(session, unverified))


def test_the_person_is_told_when_it_is_their_turn(session: Session) -> None:
    case = send(session).case
    assert answers.status_of(session, case).your_turn is None
    probe = answers.looking.probes_of(session, case)[0]
    probe.state = "choose-face"
    session.flush()
    assert "Tap your face" in (answers.status_of(session, case).your_turn or "")
    probe.state = "refused"
    session.flush()
    assert "another way" in (answers.status_of(session, case).your_turn or "")


def test_whoever_is_checked_later_sees_what_was_done(session: Session) -> None:
    case = send(session, "opt-out").case
    grant_all(session, case, to_deciding(session, case))
    assert answers.answer_of(session, case) is None
    with pytest.raises(deciding.Conflict):
        identity.decide_identity(session, case, make_account(session).id, "not-confirmed", "Did not answer.")
    identity.decide_identity(session, case, make_account(session).id, "confirmed", "Came to the office.")
    assert case.state == "closed"
    answer = answers.answer_of(session, case)
    assert answer is not None
    assert answer.rights[0].outcome == "nothing-found"

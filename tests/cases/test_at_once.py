"""Two who do the same thing at the same moment: it is done once, and the other is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cases import lifecycle
from portal.cases.answer import deciding
from portal.cases.arrival import intake
from portal.cases.arrival.limits import spend
from portal.cases.requester import identity
from portal.db import Database
from portal.erasure import plans
from portal.errors import Conflict, EffaceError
from portal.matching import review
from portal.tables import Case, CaseEvent, CaseRight, Entry, Erasure, Judgement, Search
from tests.cases.making import EMAIL, fill_draft, last_code, make_account, send, to_deciding
from tests.erasure.test_carrying import Scene
from tests.matching import making

MANY = 6


def at_once(database: Database, act: Callable[[Session], object]) -> list[object]:
    """What came of `act` in several threads that begin together: its result, or the code of its error."""
    together = Barrier(MANY)

    def one(_: int) -> object:
        together.wait()
        try:
            with database.writing() as session:
                return act(session)
        except EffaceError as problem:
            return problem.code

    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(one, range(MANY)))


def test_a_request_sent_by_many_clicks_is_one_case(database: Database) -> None:
    with database.writing() as session:
        draft_id = fill_draft(session).id
    came = at_once(
        database, lambda session: len(intake.submit(session, intake.find_draft(session, draft_id)).secret_words)
    )
    assert came.count("draft-gone") == MANY - 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_a_code_typed_by_many_confirms_once(database: Database) -> None:
    with database.writing() as session:
        draft_id = intake.open_draft(session).id
        identity.send_code(session, intake.find_draft(session, draft_id), EMAIL)
        code = last_code(session)
    came = at_once(database, lambda session: identity.confirm_code(session, intake.find_draft(session, draft_id), code))
    assert sorted(map(str, came)) == ["confirmed"] + ["expired"] * (MANY - 1)


def test_no_wrong_try_is_lost_when_many_guess(database: Database) -> None:
    with database.writing() as session:
        draft_id = intake.open_draft(session).id
        identity.send_code(session, intake.find_draft(session, draft_id), EMAIL)
        wrong = f"{(int(last_code(session)) + 1) % 1_000_000:06}"
    came = at_once(
        database, lambda session: identity.confirm_code(session, intake.find_draft(session, draft_id), wrong)
    )
    assert sorted(map(str, came)) == ["too-many"] * (MANY - 4) + ["wrong"] * 4


def test_a_case_is_moved_once(database: Database) -> None:
    with database.writing() as session:
        case_id = send(session).case.id
        account_id = make_account(session).id
    came = at_once(
        database, lambda session: lifecycle.move(session, session.get_one(Case, case_id), "searching", account_id).kind
    )
    assert came.count("identity-confirmed") == 1
    assert came.count("no-such-move") == MANY - 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Search)) == 1
        kinds = session.scalars(select(CaseEvent.kind)).all()
        assert kinds.count("identity-confirmed") == 1


def test_no_try_is_granted_beyond_the_limit(database: Database) -> None:
    came = at_once(database, lambda session: spend(session, "test", "one place", MANY - 2, timedelta(minutes=1)))
    assert came.count(True) == MANY - 2


def test_a_refusal_is_approved_once(database: Database) -> None:
    with database.writing() as session:
        case = send(session, "deletion").case
        right, first, second = case.rights[0], to_deciding(session, case), make_account(session)
        deciding.decide(session, right, first.id, "refuse", "suspected_fraud")
        right_id = right.id
    came = at_once(
        database,
        lambda session: deciding.approve_refusal(session, session.get_one(CaseRight, right_id), second.id),
    )
    assert came.count(None) == 1
    assert came.count("not-deciding") == MANY - 1
    assert lines(database, "refusal-approved") == 1


def test_of_two_who_decide_one_right_the_second_is_told(database: Database) -> None:
    with database.writing() as session:
        case = send(session, "access", "deletion").case
        account_id, right_id = to_deciding(session, case).id, case.rights[1].id
    came = at_once(
        database,
        lambda session: deciding.decide(
            session, session.get_one(CaseRight, right_id), account_id, "refuse", "suspected_fraud", seen=""
        ),
    )
    assert came.count(None) == 1
    assert came.count("decided-meanwhile") == MANY - 1
    assert lines(database, "right-decided") == 1


def test_a_refusal_is_approved_as_it_was_read(database: Database) -> None:
    with database.writing() as session:
        case = send(session, "access", "deletion").case
        right, first, second = case.rights[1], to_deciding(session, case), make_account(session)
        deciding.decide(session, right, first.id, "refuse", "suspected_fraud")
        read = deciding.mark(right)
        deciding.decide(session, right, first.id, "refuse", "claim_not_covered")
        with pytest.raises(Conflict, match="meanwhile"):
            deciding.approve_refusal(session, right, second.id, read)
        deciding.approve_refusal(session, right, second.id, deciding.mark(right))


def test_a_pair_is_judged_once_by_each(database: Database) -> None:
    with database.writing() as session:
        account_id = making.make_account(session, "r")
        [candidate] = making.make_candidates(session, making.make_case(session), 1)
        assert review.next_pair(session, account_id) is candidate
    came = at_once(database, lambda session: review.answer(session, account_id, candidate.id, "same").state)
    assert sorted(map(str, came)) == ["not-held"] * (MANY - 1) + ["open"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Judgement)) == 1


def test_a_plan_is_approved_once(database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path)
    digest = scene.plan().plan_digest
    came = at_once(
        database,
        lambda session: plans.approve(session, session.scalars(select(Erasure)).one(), scene.approver, digest),
    )
    assert came.count(None) == 1
    assert came.count("not-waiting") == MANY - 1
    assert lines(database, "plan-approved") == 1


def lines(database: Database, kind: str) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Entry.kind == kind)) or 0

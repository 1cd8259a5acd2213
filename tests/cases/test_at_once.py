"""Two who do the same thing at the same moment: it is done once, and the other is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cases import identity, intake, lifecycle
from portal.db import Database
from portal.errors import EffaceError
from portal.tables import Case, CaseEvent, Search
from tests.cases.making import EMAIL, fill_draft, last_code, make_account, send

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

"""After the certificate: what is kept is said, what is completed later counts, and a blind case has no news."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.cases import mails
from portal.cases.answer import answers
from portal.db import Database
from portal.erasure import aftermath, carrying, holds, plans, rechecking, remedies
from portal.tables import Case, CaseEvent, CaseRight, Erasure, Recheck
from tests.erasure.test_carrying import KEYS, Scene
from tests.erasure.test_rechecking import later, run_due
from tests.erasure.test_withheld import lift, place, ready, resume


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    scene = Scene(database, tmp_path / "photographs")
    with database.writing() as session:
        session.get_one(Case, scene.case_id).identity = "confirmed"
    return scene


def ended(scene: Scene) -> tuple[str | None, str | None, str]:
    """Outcomes of case and right, and what the person reads about it."""
    with scene.database.reading() as session:
        case = session.get_one(Case, scene.case_id)
        answer = answers.answer_of(session, case)
        assert answer is not None
        return case.outcome, case.rights[0].outcome, answer.rights[0].sentence


def nothing_left(scene: Scene) -> None:
    """What people say is such that only a hold keeps the certificate from being a full one."""
    with scene.database.writing() as session:
        erasure = session.scalars(select(Erasure)).one()
        for item in erasure.items:
            if item.kind == "model":
                basis = remedies.Evidence(date(2026, 11, 1), basis="It was trained on another version.")
                remedies.answer(session, item, scene.asker, "not-affected", "Looked.", basis)
                remedies.confirm(session, item, scene.approver)
            elif item.kind in plans.REMEDIES_FOR:
                plans.answer_item(session, item, scene.asker, "destroyed", "Asked on Monday.")
        carrying.settle_if_complete(session, erasure)


def test_a_later_certificate_completes_what_was_done_in_part(scene: Scene) -> None:
    ready(scene)
    hold = place(scene, "b.jpg").hold
    with scene.database.reading() as session:
        [(shown, count)] = holds.on_case(session, scene.case_id)
        assert (shown.id, count) == (hold.id, 1)
    scene.run()
    nothing_left(scene)
    assert ended(scene)[:2] == ("partly-fulfilled", "partly-fulfilled")
    with scene.database.reading() as session:
        after = aftermath.of_case(session, session.get_one(Case, scene.case_id))
        assert after is not None
        assert after.kept[0].startswith("1 photograph: still there, because it is needed for a legal claim")
        assert "7 O 1/26" not in repr(after)
        session.get_one(Case, scene.case_id).identity = "not-needed"
        assert aftermath.of_case(session, session.get_one(Case, scene.case_id)) is None
    lift(scene, hold)
    resume(scene)
    assert scene.run() == "worked"
    outcome, of_right, sentence = ended(scene)
    assert (outcome, of_right) == ("fulfilled", "fulfilled")
    assert sentence.startswith("The photos of you are deleted.")
    with scene.database.reading() as session:
        [changed] = session.scalars(select(CaseEvent).where(CaseEvent.kind == "outcome-changed"))
        assert changed.facts == {"right": "deletion", "before": "partly-fulfilled", "outcome": "fulfilled"}
        assert aftermath.of_case(session, session.get_one(Case, scene.case_id)) is None
        assert holds.on_case(session, scene.case_id) == []


def test_what_came_back_is_said_until_it_is_dealt_with(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(scene)
    scene.run()
    scene.answer_people()
    (scene.folder / KEYS[0]).write_bytes(f"picture {KEYS[0]}".encode())
    later(monkeypatch, 1)
    run_due(scene)
    with scene.database.writing() as session:
        check = session.scalars(select(Recheck).where(Recheck.state == "found")).one()
        rechecking.confirm(session, check, scene.asker)
        rechecking.erase_again(session, check, scene.approver)
        after = aftermath.of_case(session, session.get_one(Case, scene.case_id))
        assert after is not None
        assert after.again is not None
        assert "We delete it again" in after.again
    assert scene.run() == "worked"
    with scene.database.reading() as session:
        after = aftermath.of_case(session, session.get_one(Case, scene.case_id))
        assert after is not None
        assert "We have dealt with it." in (after.again or "")


def test_after_the_end_nobody_who_was_not_checked_gets_a_mail_that_tells_a_hit(scene: Scene) -> None:
    ready(scene)
    scene.run()
    scene.answer_people()
    with scene.database.writing() as session:
        case = session.get_one(Case, scene.case_id)
        case.identity = "not-needed"
        assert case.state == "closed"
        assert mails.queue_news(session, case) is None


def test_a_hold_on_the_request_shows_before_anything_is_confirmed(scene: Scene) -> None:
    with scene.database.writing() as session:
        other = session.get_one(Case, scene.case_id)
        wish = holds.Wish("case", other.id, "regulator", "They wrote.", "12/26", review_on=date(2100, 1, 1))
        holds.place(session, wish, scene.asker)
        assert [count for _hold, count in holds.on_case(session, other.id)] == [3]
        assert session.scalars(select(CaseRight.case_id)).first() == other.id
        assert holds.on_case(session, "another") == []

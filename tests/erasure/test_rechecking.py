"""What was erased is looked at again on its days; what is back is erased again when two people agree."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

import workers
from portal import clock
from portal.db import Database
from portal.erasure import rechecking
from portal.errors import Conflict, NotAllowed
from portal.tables import Case, CaseEvent, Entry, Erasure, ErasureItem, Image, Recheck, Store, Suppression
from tests.erasure.test_carrying import KEYS, Scene
from tests.matching.making import make_face, make_image


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    scene = Scene(database, tmp_path / "photographs")
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    scene.answer_people()
    assert scene.erasure().state == "settled"
    return scene


def later(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=days))


def checks(scene: Scene) -> dict[str, str]:
    with scene.database.reading() as session:
        return {one.occasion: one.state for one in session.scalars(select(Recheck))}


def run_due(scene: Scene) -> list[str]:
    with scene.database.reading() as session:
        ids = list(session.scalars(select(Recheck.id).order_by(Recheck.due_at)))
    return [workers.carry_out(scene.database, "rechecking", one) for one in ids]


def sealed(scene: Scene) -> set[str]:
    with scene.database.reading() as session:
        return set(session.scalars(select(ErasureItem.kind).where(ErasureItem.sealed.is_not(None))))


def found(scene: Scene) -> Recheck:
    with scene.database.reading() as session:
        [one] = rechecking.waiting(session)
        return one


def test_on_its_days_and_on_no_other_it_is_looked_at_and_then_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sealed(scene) == {"image", "suppression", "record"}
    assert run_due(scene) == ["not-due"] * 3
    for days, states in ((1, "clear due due"), (6, "clear clear due"), (22.9, "clear clear due"), (0.2, "clear " * 3)):
        later(monkeypatch, days)
        run_due(scene)
        assert list(checks(scene).values()) == states.split()
    assert not sealed(scene), "nothing is kept after the last look"
    with scene.database.reading() as session:
        lines = session.scalars(select(Entry).where(Entry.kind == "rechecked")).all()
        looked = session.scalars(select(Recheck.looked).where(Recheck.occasion == "day-30")).one()
    assert len(lines) == 3
    assert looked == 14


def test_a_file_that_came_back_is_erased_again_when_two_people_agree(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scene.folder / KEYS[0]).write_bytes(f"picture {KEYS[0]}".encode())
    later(monkeypatch, 1)
    run_due(scene)
    check = found(scene)
    assert check.state == "found"
    with scene.database.writing() as session:
        here = rechecking.need_recheck(session, check.id)
        with pytest.raises(Conflict):
            rechecking.erase_again(session, here, scene.approver)
        assert not session.scalars(select(CaseEvent).where(CaseEvent.kind == "copy-found-again")).all()
        rechecking.confirm(session, here, scene.asker)
        with pytest.raises(Conflict):
            rechecking.dismiss(session, here, scene.approver)
        with pytest.raises(NotAllowed, match="second person"):
            rechecking.erase_again(session, here, scene.asker)
        rechecking.erase_again(session, here, scene.approver)
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    assert scene.erasure().state == "settled"
    assert checks(scene)["day-30"] == "due", "its days begin anew"
    with scene.database.reading() as session:
        assert session.scalars(select(CaseEvent).where(CaseEvent.kind == "copy-found-again")).all()
        assert session.get_one(Case, scene.case_id).state == "closed"


def test_a_copy_that_a_scan_took_in_again_goes_with_its_row_and_faces(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore in which the promises were lost, too: the gate let it through."""
    (scene.folder / KEYS[0]).write_bytes(f"picture {KEYS[0]}".encode())
    with scene.database.writing() as session:
        for promise in session.scalars(select(Suppression)):
            session.delete(promise)
        image = make_image(session, session.scalars(select(Store)).first(), KEYS[0], f"picture {KEYS[0]}".encode())
        make_face(session, image)
        image_id = image.id
        assert rechecking.recheck_all(session) == 1
        assert rechecking.recheck_all(session) == 0, "it waits already"
    run_due(scene)
    check = found(scene)
    assert {hit["kind"] for hit in check.hits} == {"image", "suppression"}
    with scene.database.writing() as session:
        rechecking.confirm(session, rechecking.need_recheck(session, check.id), scene.asker)
        rechecking.erase_again(session, rechecking.need_recheck(session, check.id), scene.approver)
    assert scene.run() == "worked"
    assert scene.files() == {"other.jpg"}
    with scene.database.reading() as session:
        assert session.get_one(Image, image_id).state == "erased"
        assert len(session.scalars(select(Suppression)).all()) == 3


def test_a_dismissed_finding_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.folder / KEYS[0]).write_bytes(b"another picture of that name")
    later(monkeypatch, 1)
    run_due(scene)
    with scene.database.writing() as session:
        rechecking.dismiss(session, rechecking.need_recheck(session, found(scene).id), scene.asker)
    assert checks(scene)["day-1"] == "dismissed"
    assert scene.erasure().state == "settled"
    assert (scene.folder / KEYS[0]).exists()


def test_where_the_store_is_away_nothing_is_said_and_the_facts_go_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.folder.rename(scene.folder.with_name("away"))
    later(monkeypatch, 1)
    assert run_due(scene)[0] == "failed"
    assert checks(scene)["day-1"] == "due"
    later(monkeypatch, rechecking.LONGEST.days)
    with scene.database.writing() as session:
        assert rechecking.keep(session) == 1
        assert rechecking.keep(session) == 0
    assert not sealed(scene)
    assert set(checks(scene).values()) == {"missed"}


def test_facts_of_what_was_found_stay_until_it_is_dealt_with(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.folder / KEYS[0]).write_bytes(f"picture {KEYS[0]}".encode())
    later(monkeypatch, 31)
    run_due(scene)
    assert "image" in sealed(scene)
    later(monkeypatch, 30)
    with scene.database.writing() as session:
        assert rechecking.keep(session) == 0
        for one in rechecking.waiting(session):
            rechecking.dismiss(session, one, scene.asker)
        assert rechecking.keep(session) == 1
    assert not sealed(scene)


def test_no_name_of_a_file_is_in_the_log(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.folder / KEYS[0]).write_bytes(f"picture {KEYS[0]}".encode())
    later(monkeypatch, 1)
    run_due(scene)
    with scene.database.reading() as session:
        assert not any(b"a.jpg" in entry.body for entry in session.scalars(select(Entry)))
        assert session.scalars(select(Erasure)).one().state == "settled"

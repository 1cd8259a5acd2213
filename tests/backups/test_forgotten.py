"""What was forgotten, or had its time, after a copy was made is in no table and no file once that copy is put back."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock, forgotten
from portal.audit import ledger, merkle
from portal.backups import copies, finishing, forgetting
from portal.cases import lifecycle, noting, withdrawing
from portal.cases.answer import keeping
from portal.cases.arrival import intake, looking
from portal.cases.housekeeping import purging
from portal.cases.requester import challenge, identity
from portal.config import Config
from portal.db import Database
from portal.errors import Conflict
from portal.notices import answering, chasing, feeds, making, wire
from portal.notices import forgetting as taking_back
from portal.tables import (
    Base,
    Blob,
    Case,
    Challenge,
    Code,
    Feed,
    FeedEntry,
    Notice,
    NoticeGround,
    Probe,
    Suppression,
    WebSession,
)
from tests.cases.arrival.test_intake import photograph
from tests.cases.making import confirm_identity, fill_draft, grant_all, make_account, to_deciding
from tests.erasure.test_carrying import Scene

pytestmark = pytest.mark.migrated


def back_and_finished(database: Database, copy: copies.Copy) -> finishing.Report:
    with database.writing() as session:
        audit.publish(session)
    database.forget_deleted_bytes()
    database.close()
    copies.put_back(database.config, copies.read_copy(database.config, copy.folder))
    return finishing.finish(database)


def saved(database: Database, folder: Path) -> copies.Copy:
    with database.writing() as session:
        audit.publish(session)
    return copies.save(database, folder / "copies")


def values(session: Session) -> set[bytes]:
    """Every value of every table that is longer than a number, as bytes."""
    found: set[bytes] = set()
    for table in Base.metadata.sorted_tables:
        for row in session.execute(table.select()):
            found |= {one if isinstance(one, bytes) else str(one).encode() for one in row}
    return {one for one in found if len(one) > 15}


def left_in_files(config: Config, secret: set[bytes]) -> list[str]:
    """The files below the data folder in which one of these values stands."""
    return [
        str(path)
        for path in sorted(config.data.rglob("*"))
        if path.is_file() and any(one in path.read_bytes() for one in secret)
    ]


def test_numbers_that_were_forgotten_do_not_come_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(database, tmp_path / "photographs")
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    scene.answer_people()
    with database.writing() as session:
        answering.answer(session, session.scalars(select(Notice)).one(), "erased", "")
    copy = saved(database, tmp_path)
    with database.reading() as session:
        known = {row.digest.encode() for row in session.scalars(select(Suppression))}
        known |= {hashlib.sha256(f"picture {key}".encode()).digest() for key in ("a.jpg", "b.jpg", "c/d.jpg")}
        known |= {one.hex().encode() for one in known if len(one) == 32}
        ground = session.scalars(select(NoticeGround)).one()
        notice = session.scalars(select(Notice)).one()
        assert notice.sealed is not None
        known |= {ground.sealed, notice.sealed}
        (public,) = session.scalars(select(FeedEntry.digest))
        known |= {public, public.hex().encode()}
        before = head_of(session)
        assert all(making.digests_of(session, ground).values())
    with database.writing() as session:
        taking_back.forget(session, session.get_one(Case, scene.case_id), "photographs")
        assert public.hex() in "".join(feeds.pages(session, session.scalars(select(Feed)).one()))
    weeks = later(22)
    monkeypatch.setattr("portal.clock.now", lambda: weeks)
    with database.writing() as session:
        chasing.keep_up(session, look_now=True)
    database.forget_deleted_bytes()
    assert left_in_files(database.config, known) == []

    report = back_and_finished(database, copy)

    assert (report.erasures, report.forgotten) == (0, 1)
    with database.reading() as session:
        # The list is as long as ever, and each head that was signed fits it still.
        page = "".join(feeds.pages(session, session.scalars(select(Feed)).one()))
        assert re.fullmatch(r"- [0-9a-f]{64}\n", page)
        assert head_of(session) == before
        assert merkle.root([wire.leaf_of(page.strip())]) == wire_root(before)
        assert not known & values(session)
        assert session.scalars(select(Suppression)).all() == []
        assert not any(making.digests_of(session, session.scalars(select(NoticeGround)).one()).values())
        assert keeping.keeps_nothing(session.get_one(Case, scene.case_id))
        assert session.scalars(select(Notice.sealed)).all() == [None]
    assert left_in_files(database.config, known) == []


def head_of(session: Session) -> list[str]:
    """Name, size and root of the feed."""
    return session.scalars(select(Feed.note)).one().split("\n")[:3]


def wire_root(head: list[str]) -> bytes:
    return base64.b64decode(head[2])


class Requests:
    """Three requests at the time of the copy: with fresh photographs, one to be taken back, one that stays open."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.writing() as session:
            self.judged, self.taken_back, self.open = (self.make(session) for _ in range(3))
            case = session.get_one(Case, self.judged)
            assert case.state == "identity-check"
            asked = challenge.ask(session, case, make_account(session).id)
            challenge.draw(session, asked)
            for colour, step in zip(("blue", "green"), challenge.STEPS, strict=True):
                prepared = intake.prepare_picture(database.config, photograph(colour=colour))
                challenge.take(session, asked, step, asked.code or "", prepared)
            session.add(WebSession(token_digest="0" * 64, data=b"", created_at=clock.now(), expires_at=later(1)))

    def make(self, session: Session) -> str:
        draft = fill_draft(session, "access", "deletion")
        for kind, colour in (("selfie", "red"), ("picture", "white")):
            prepared = intake.prepare_picture(self.database.config, photograph(colour=colour))
            intake.add_picture(session, draft, prepared, kind)
        return intake.submit(session, draft).case.id


def later(days: float) -> Any:
    return clock.now() + timedelta(days=days)


def test_what_people_sent_and_what_had_its_time_is_gone_before_the_first_answer(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Requests(database)
    copy = saved(database, tmp_path)
    with database.reading() as session:
        sealed = {row.id: row.sealed for row in session.scalars(select(Blob))}
        probes = {row.id: row.case_id for row in session.scalars(select(Probe))}
        out = next(row for row in session.scalars(select(Probe).filter_by(case_id=scene.open, kind="selfie")))
        kept = {one.blob_id for one in session.scalars(select(Probe).filter_by(case_id=scene.open))} - {
            out.blob_id,
            None,
        }
        contact = session.get_one(Case, scene.taken_back).contact
        assert contact is not None
    with database.writing() as session:
        judged = session.get_one(Case, scene.judged)
        confirm_identity(session, judged)
        grant_all(session, judged, to_deciding(session, judged))
        withdrawing.withdraw(session, session.get_one(Case, scene.taken_back))
        case = session.get_one(Case, scene.open)
        looking.take_out(session, case, session.get_one(Probe, out.id))
        keeping.choose(session, case, "none")
        ended = judged.outcome, judged.closed_at
        assert judged.state == "closed"
    now = later(database.config.probe_days + 1)
    monkeypatch.setattr("portal.clock.now", lambda: now)

    report = back_and_finished(database, copy)

    assert report.ended == 2
    with database.reading() as session:
        judged, taken_back, case = (session.get_one(Case, one) for one in (scene.judged, scene.taken_back, scene.open))
        assert (judged.outcome, judged.closed_at) == ended
        assert (taken_back.outcome, taken_back.contact, case.outcome) == ("withdrawn", None, None)
        assert {row.id for row in session.scalars(select(Blob))} == kept
        assert {row.state for row in session.scalars(select(Challenge))} == {"purged"}
        living = session.scalars(select(Probe).where(Probe.state != "purged"))
        assert {row.id for row in living} == {one for one, owner in probes.items() if owner == scene.open} - {out.id}
        assert keeping.mode(case) == "none"
        assert [session.scalar(select(func.count()).select_from(table)) for table in (WebSession, Code)] == [0, 0]
        gone = {contact, *(one for name, one in sealed.items() if name not in kept)}
        assert (len(kept), len(gone)) == (1, 8)
        assert not gone & values(session)
        assert not any(purging.overdue(session).values())
    assert left_in_files(database.config, gone) == []


def test_a_plan_that_was_taken_back_is_not_carried_out_after_a_restore(database: Database, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path / "photographs")
    scene.plan()
    scene.approve()
    copy = saved(database, tmp_path)
    with database.writing() as session:
        withdrawing.withdraw(session, session.get_one(Case, scene.case_id))
    report = back_and_finished(database, copy)
    assert (report.ended, report.erasures) == (1, 0)
    assert scene.erasure().state == "stopped"
    assert scene.run() != "worked"
    assert len(scene.files()) == 4


def test_what_cannot_be_deleted_keeps_all_shut(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Requests(database)
    copy = saved(database, tmp_path)
    with database.writing() as session:
        lifecycle.move(session, session.get_one(Case, scene.open), "closed", "subject", outcome="withdrawn")
    monkeypatch.setattr(purging, "purge_probes", lambda *arguments: 1 / 0)
    now = later(database.config.probe_days + 1)
    monkeypatch.setattr("portal.clock.now", lambda: now)
    with pytest.raises(ZeroDivisionError):
        back_and_finished(database, copy)
    assert copies.is_marked(database.config)
    monkeypatch.setattr(forgetting, "end_again", lambda session: 0)
    with database.writing() as session:
        session.get_one(Case, scene.open).state = "closed"
        session.get_one(Case, scene.open).outcome = "refused"
        session.get_one(Case, scene.open).closed_at = clock.now() - timedelta(days=database.config.probe_days)
    with pytest.raises(Conflict, match=r"could not be deleted: \{'pictures'"):
        finishing.finish(database)
    assert copies.is_marked(database.config)


def test_lines_count_once_they_are_whole_and_go_when_no_copy_needs_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, third = ("1" * 32, "2" * 32, "3" * 32)
    with database.writing() as session:
        forgotten.note(session, "blob", [one])
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            1 / 0  # noqa: B018
    (path,) = forgotten.folder_of(database.config).iterdir()
    path.write_bytes(path.read_bytes() + f"blob {other[:9]}".encode())
    with database.session(write=True) as session:
        assert session.get(Case, other) is None
        forgotten.note(session, "blob", [other])
        session.rollback()
        forgotten.note(session, "contact", [third])
        undone = session.begin_nested()
        with session.begin_nested():
            forgotten.note(session, "blob", [other])
        undone.rollback()
        with session.begin_nested():
            forgotten.note(session, "probe", [third])
        session.commit()
    assert forgotten.read(database.config)["blob"] == {one}
    assert forgotten.read(database.config)["contact"] == {third}
    assert forgotten.read(database.config)["probe"] == {third}
    assert forgotten.forget(database.config, clock.now()) == 0
    assert forgotten.forget(database.config, later(2)) == 1
    assert not any(forgotten.read(database.config).values())


def test_a_request_that_was_opened_again_stays_open(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        case = intake.submit(session, fill_draft(session)).case
        account = to_deciding(session, case)
    copy = saved(database, tmp_path)
    with database.writing() as session:
        case = session.get_one(Case, case.id)
        grant_all(session, case, account)
        assert case.outcome == "nothing-found"
    with database.writing() as session:
        lifecycle.search_again(session, session.get_one(Case, case.id), account.id, "a better photo")
    assert ledger.stages(database.config, ledger.CASES)
    assert back_and_finished(database, copy).ended == 0
    with database.reading() as session:
        assert session.get_one(Case, case.id).state == "deciding"


def test_what_came_after_the_end_of_a_request_stays_in_a_newer_copy(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Requests(database)
    with database.writing() as session:
        ended, taken_back = session.get_one(Case, scene.judged), session.get_one(Case, scene.taken_back)
        confirm_identity(session, ended)
        grant_all(session, ended, to_deciding(session, ended))
        withdrawing.withdraw(session, taken_back)
    now = later(database.config.probe_days + 1)
    monkeypatch.setattr("portal.clock.now", lambda: now)
    with database.writing() as session:
        purging.purge(session)
        ended, taken_back = session.get_one(Case, scene.judged), session.get_one(Case, scene.taken_back)
        noting.note(session, taken_back, make_account(session).id, "They called: it was a mistake.")
        ended.secret_hash = "that of new words"
        purged_at = ended.purged_at
        assert purged_at is not None
    copy = saved(database, tmp_path)

    report = back_and_finished(database, copy)

    assert (report.ended, report.forgotten) == (0, 0)
    with database.reading() as session:
        ended, taken_back = session.get_one(Case, scene.judged), session.get_one(Case, scene.taken_back)
        assert [one.text for one in noting.of_case(session, taken_back)] == ["They called: it was a mistake."]
        assert (ended.secret_hash, ended.purged_at) == ("that of new words", purged_at)


def test_who_wants_photographs_known_again_after_all_keeps_that(database: Database, tmp_path: Path) -> None:
    scene = Requests(database)
    with database.writing() as session:
        case = session.get_one(Case, scene.judged)
        keeping.note_forgotten(session, case, "photographs")
        forgotten.note(session, "photographs", [case.id])
        assert keeping.mode(case) == "none"
    early = saved(database, tmp_path / "early")
    with database.writing() as session:
        keeping.choose(session, session.get_one(Case, scene.judged), "photographs")
    assert back_and_finished(database, saved(database, tmp_path / "late")).forgotten == 0
    with database.reading() as session:
        assert keeping.mode(session.get_one(Case, scene.judged)) == "photographs"
    back_and_finished(database, early)
    with database.reading() as session:
        assert keeping.mode(session.get_one(Case, scene.judged)) == "photographs"


def test_who_could_not_be_made_sure_of_keeps_a_way_to_be_written_to(database: Database, tmp_path: Path) -> None:
    scene = Requests(database)
    copy = saved(database, tmp_path)
    with database.writing() as session:
        case = session.get_one(Case, scene.taken_back)
        identity.decide_identity(session, case, make_account(session).id, "not-confirmed", "The names differ.")
        sent = {row.blob_id for row in session.scalars(select(Probe).filter_by(case_id=case.id))}
        assert case.outcome == "unverified"
        assert case.contact is not None
        assert len(sent - {None}) == 2

    assert back_and_finished(database, copy).ended == 1

    with database.reading() as session:
        back = session.get_one(Case, scene.taken_back)
        assert (back.outcome, back.contact, back.identity_note) == ("unverified", case.contact, "The names differ.")
        assert {row.blob_id for row in session.scalars(select(Probe).filter_by(case_id=case.id))} == sent

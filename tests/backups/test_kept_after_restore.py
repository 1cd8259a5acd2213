"""What the person chose to have kept, or took back, is so after an older copy of the database was put back, too."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from portal import audit, clock, forgotten
from portal.audit import ledger
from portal.backups import copies, finishing
from portal.cases.answer import keeping
from portal.cases.housekeeping.purging import overdue, purge
from portal.db import Database
from portal.erasure import forgetting
from portal.keys import keys_of
from portal.suppression import Gate, faces
from portal.tables import Candidate, Case, Encoder, KeptFace, Suppression, Template
from tests.erasure.test_carrying import Scene
from tests.fakes import template_of

pytestmark = pytest.mark.migrated


def put_back_after(database: Database, folder: Path, keeps: str, forget: str) -> Scene:
    """A deletion after a copy was made, something forgotten after it, and the copy put back and finished."""
    scene = Scene(database, folder / "photographs")
    with database.writing() as session:
        encoder = Encoder(name="drawn", version="1", dimensions=128)
        session.add(encoder)
        session.flush()
        for candidate in session.scalars(select(Candidate)):
            assert candidate.face_id is not None
            sealed = keys_of(session).seal_small(template_of(3).astype("<f4").tobytes(), "template", candidate.face_id)
            session.add(Template(face_id=candidate.face_id, encoder_id=encoder.id, sealed=sealed))
        session.get_one(Case, scene.case_id).rights[0].keeps = keeps
        audit.publish(session)
    copy = copies.save(database, folder / "copies")
    scene.plan()
    scene.approve()
    assert scene.run() == "worked"
    scene.answer_people()
    with database.writing() as session:
        if forget:
            forgetting.forget(session, session.get_one(Case, scene.case_id), forget)
        audit.publish(session)
    database.close()
    copies.put_back(database.config, copies.read_copy(database.config, copy.folder))
    report = finishing.finish(database)
    assert (report.erasures, report.left, report.refused) == (1, 0, 0)
    return scene


@pytest.mark.parametrize(
    ("keeps", "forget", "promises", "faces_left"),
    [("none", "", 0, 0), ("face", "", 3, 1), ("face", "face", 3, 0), ("face", "photographs", 0, 0)],
)
def test_nothing_more_is_kept_after_a_restore_than_before_it(
    database: Database, tmp_path: Path, keeps: str, forget: str, promises: int, faces_left: int
) -> None:
    scene = put_back_after(database, tmp_path, keeps, forget)
    assert scene.files() == {"other.jpg"}
    assert scene.count(Suppression) == promises
    with database.reading() as session:
        gate = Gate(session)
        assert gate.stops(hashlib.sha256(b"picture a.jpg").digest(), None) is bool(promises)
        assert len([row for row in faces.kept_for(session, scene.case_id) if row.ended_at is None]) == faces_left
        wanted = "none" if not promises else "photographs" if not faces_left else "face"
        assert keeping.mode(session.get_one(Case, scene.case_id)) == wanted


def test_beside_the_database_lies_only_what_is_sealed_and_it_has_its_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is needed to delete again after a restore is all that stays for who wants nothing kept."""
    put_back_after(database, tmp_path, "none", "")
    beside = [path for path in ledger.folder_of(database.config).rglob("*") if path.is_file()]
    digest = hashlib.sha256(b"picture a.jpg").digest()
    assert beside
    for path in beside:
        said = path.read_bytes()
        assert not any(sign in said for sign in (b"a.jpg", digest, digest.hex().encode()))
    assert list((database.config.data / "keys").glob("face/*")) == []
    later = clock.now() + timedelta(days=database.config.backup_days + 1)
    for path in beside:
        os.utime(path, (0, 0))
    days = len(list(forgotten.folder_of(database.config).iterdir()))
    monkeypatch.setattr("portal.clock.now", lambda: later)
    with database.writing() as session:
        # The erasure, the notices to recipients, how the request ended, and the numbers of what was deleted.
        assert purge(session)["ledger"] == len({path.stem for path in beside}) + days
    assert not any(forgotten.read(database.config).values())
    assert not [path for path in ledger.folder_of(database.config).rglob("*") if path.is_file()]


def test_each_mode_has_its_end_and_the_purge_leaves_nothing_overdue(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = put_back_after(database, tmp_path, "face", "")
    with database.reading() as session:
        [row] = faces.kept_for(session, scene.case_id)
        ends = max(row.expires_at, *session.scalars(select(Suppression.expires_at)))
    monkeypatch.setattr("portal.clock.now", lambda: ends)
    with database.writing() as session:
        late = overdue(session)
        assert (late["faces"], late["suppressions"]) == (1, 3)
        counts = purge(session)
        assert (counts["faces"], counts["suppressions"]) == (1, 3)
        assert not any(overdue(session).values())
        assert keys_of(session).is_destroyed(faces.KIND, scene.case_id)
        assert session.scalars(select(KeptFace.sealed)).all() == [None]

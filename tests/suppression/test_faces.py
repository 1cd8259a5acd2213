"""A face that is kept by consent: under a key of its own, for one purpose, and gone at once when it is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.keys import KeyDestroyed, keys_of
from portal.suppression import Faces, faces, forget_face, keep_face, newest
from portal.tables import Encoder, Entry, KeptFace
from tests.fakes import template_of
from tests.suppression.rows import an_erasure

NAME = "drawn-faces 1"
NEAR = 0.5


@pytest.fixture
def encoder(session: Session) -> Encoder:
    row = Encoder(name="drawn-faces", version="1", dimensions=128)
    session.add(row)
    session.flush()
    return row


def of(*people: float) -> list[bytes]:
    return [template_of(person).astype("<f4").tobytes() for person in people]


def keep(session: Session, encoder: Encoder, *people: float, days: int = 30) -> str:
    case_id = an_erasure(session).case_id
    assert keep_face(session, case_id, encoder, of(*people), clock.now() + timedelta(days=days))
    return case_id


def test_the_same_face_is_near_and_another_is_not(session: Session, encoder: Encoder) -> None:
    keep(session, encoder, 3, 3.1, 9)
    kept = Faces(session, NAME)
    assert len(kept) == 1, "one of three, the one that the others are nearest to"
    assert kept.are_near(of(3.05), NEAR)
    assert not kept.are_near(of(9), NEAR)
    assert not kept.are_near([], NEAR)
    assert not Faces(session, "another 1").are_near(of(3), NEAR), "templates of two encoders are not compared"


def test_a_copy_of_the_database_does_not_open_without_the_key(session: Session, encoder: Encoder) -> None:
    case_id, other = keep(session, encoder, 3), keep(session, encoder, 8)
    rows = {row.case_id: row.sealed for row in session.scalars(select(KeptFace))}
    sealed, theirs = rows[case_id], rows[other]
    assert sealed is not None
    assert theirs is not None
    plain = of(3)[0]
    assert plain not in sealed
    keys = keys_of(session)
    assert keys.unseal_apart(sealed, faces.KIND, case_id) == plain
    before = newest(session)
    assert forget_face(session, case_id) == 1
    assert newest(session) != before, "gates that are open notice it"
    for _again in range(2):
        with pytest.raises(KeyDestroyed):
            keys.unseal_apart(sealed, faces.KIND, case_id)
    assert keys.unseal_apart(theirs, faces.KIND, other), "only this one"
    assert (keys.folder / "face" / f"{case_id}.key").read_bytes() == b""
    assert [len(Faces(session, NAME)), Faces(session, NAME).are_near(of(3), NEAR)] == [1, False]
    [row] = faces.kept_for(session, case_id)
    assert (row.sealed, row.ended_because) == (None, "withdrawn")
    assert not keep_face(session, case_id, encoder, of(3), clock.now()), "and is never kept again"


def test_what_was_taken_back_before_anything_was_kept_is_never_kept(session: Session, encoder: Encoder) -> None:
    case_id = an_erasure(session).case_id
    assert forget_face(session, case_id) == 0
    assert not keep_face(session, case_id, encoder, of(3), clock.now() + timedelta(days=1))


def test_each_has_its_end_and_its_key_goes_with_it(
    session: Session, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, later = keep(session, encoder, 3, days=30), keep(session, encoder, 8, days=60)
    [row] = faces.kept_for(session, soon)
    end: datetime = row.expires_at
    monkeypatch.setattr("portal.clock.now", lambda: end)
    assert not Faces(session, NAME).are_near(of(3), NEAR), "also before the sweep"
    assert faces.end_faces(session) == 1
    assert faces.end_faces(session) == 0
    keys = keys_of(session)
    assert keys.is_destroyed(faces.KIND, soon)
    assert not keys.is_destroyed(faces.KIND, later)
    assert (row.sealed, row.ended_because) == (None, "expired")


def test_what_can_stop_nothing_any_more_is_not_kept(session: Session, encoder: Encoder) -> None:
    case_id = keep(session, encoder, 3)
    newer = Encoder(name="newer", version="2", dimensions=128)
    session.add(newer)
    session.flush()
    keep_face(session, case_id, newer, of(4), clock.now() + timedelta(days=1))
    encoder.state = "retired"
    session.flush()
    assert faces.end_faces(session) == 1
    assert [row.ended_because for row in faces.kept_for(session, case_id)] == ["no-use", None]
    assert len(Faces(session, "newer 2")) == 1, "the key stays for the encoder that is used"


def test_an_older_database_does_not_bring_a_face_back(session: Session, encoder: Encoder) -> None:
    case_id = keep(session, encoder, 3)
    [row] = faces.kept_for(session, case_id)
    forget_face(session, case_id)
    row.sealed, row.ended_at, row.ended_because = b"as it was", None, None
    session.flush()
    assert len(Faces(session, NAME)) == 0
    assert faces.end_faces(session) == 1
    assert not faces.any_kept(session)


def test_the_log_says_that_it_was_forgotten_and_nothing_of_the_face(session: Session, encoder: Encoder) -> None:
    case_id = keep(session, encoder, 3)
    forget_face(session, case_id)
    [entry] = session.scalars(select(Entry).where(Entry.kind == "face-forgotten"))
    assert case_id.encode() in entry.body
    assert len(entry.body) < 500
    assert not np.any([str(float(number)).encode() in entry.body for number in template_of(3)[:4]])

"""A photograph of a face that is kept out is held back by a scan, until a person has looked at it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from portal import clock
from portal.db import Database
from portal.errors import BadInput, Conflict
from portal.suppression import forget_face, held_back, keep_face
from portal.tables import Encoder, Entry, HeldBack, Image, Scan, Store
from tests.fakes import drawn_jpeg, template_of
from tests.matching.making import make_account
from tests.stores.test_scanning import adds_up, counts, pictures
from tests.suppression.rows import an_erasure

KEPT = 3


@pytest.fixture
def kept(database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan]) -> str:
    """A store with a photograph of somebody else, and the case whose face is kept out."""
    (folder / "a.jpg").write_bytes(drawn_jpeg(8, seed=1))
    scan(okc)
    with database.writing() as session:
        case_id, encoder = an_erasure(session).case_id, session.scalars(select(Encoder)).one()
        template = template_of(KEPT).astype("<f4").tobytes()
        assert keep_face(session, case_id, encoder, [template], clock.now() + timedelta(days=1))
    return case_id


def test_a_new_photograph_of_the_face_is_held_back_and_another_is_not(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan], kept: str
) -> None:
    (folder / "b.jpg").write_bytes(drawn_jpeg(KEPT, seed=7))
    (folder / "c.jpg").write_bytes(drawn_jpeg(12, KEPT, seed=8))
    (folder / "d.jpg").write_bytes(drawn_jpeg(12, seed=9))
    for _again in range(2):
        done = scan(okc)
        assert adds_up(done)
        assert counts(done)["stopped"] == 2
    seen = pictures(database)
    assert [seen[f"{name}.jpg"] for name in "bc"] == [("stopped", "stopped", 0)] * 2
    assert seen["d.jpg"] == ("live", "searched", 1)
    with database.writing() as session:
        waiting = held_back.waiting(session)
        assert [row.image.key for row in waiting] == ["b.jpg", "c.jpg"], "once each"
        assert {row.image.digest for row in waiting} == {None}
        assert not any(kept.encode() in entry.body for entry in session.scalars(select(Entry)) if "scan" in entry.kind)
        account = make_account(session, "looker")
        with pytest.raises(BadInput):
            held_back.decide(session, waiting[0], "let-in", account, " ")
        held_back.decide(session, waiting[0], "let-in", account, "She agreed in writing on Monday.")
        held_back.decide(session, waiting[1], "kept-out", account, "")
        with pytest.raises(Conflict):
            held_back.decide(session, waiting[1], "let-in", account, "No, she did.")
    assert counts(scan(okc)) == {"seen": 4, "unchanged": 2, "new": 1, "stopped": 1, "faces": 1}
    assert pictures(database)["b.jpg"] == ("live", "searched", 1)
    with database.reading() as session:
        assert held_back.waiting(session) == []


def test_once_the_face_is_forgotten_what_it_held_back_comes_in(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan], kept: str
) -> None:
    (folder / "b.jpg").write_bytes(drawn_jpeg(KEPT, seed=7))
    assert counts(scan(okc))["stopped"] == 1
    with database.writing() as session:
        forget_face(session, kept)
    assert counts(scan(okc))["new"] == 1
    with database.reading() as session:
        assert session.scalars(select(HeldBack)).all() == []
        assert session.scalars(select(Image.state).where(Image.key == "b.jpg")).one() == "live"

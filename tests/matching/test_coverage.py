"""What a search could look at, and what it could not and why."""

from __future__ import annotations

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.matching.coverage import coverage
from portal.matching.coverage_words import COMPARED, KINDS, lines, summary, totals
from portal.tables import Encoder, Image, Scan, Store
from portal.tables.stores import COVERAGE
from tests.matching.making import make_face, make_image, make_store

VECTOR = np.ones(128, np.float32)


def add(session: Session, store: Store, key: str, kind: str, state: str = "live", faces: int = 0) -> Image:
    """A photograph of this kind, with faces that have templates of the encoder `drawn 1`."""
    image = make_image(session, store, key)
    image.coverage, image.state = kind, state
    for _ in range(faces):
        make_face(session, image, VECTOR)
    session.flush()
    return image


def drawn(session: Session) -> int:
    return session.scalars(select(Encoder.id).filter_by(name="drawn")).one()


def test_each_photograph_counts_under_one_kind_of_its_store(session: Session) -> None:
    archive, other = make_store(session, name="archive"), make_store(session, name="other")
    add(session, archive, "a.jpg", "searched", faces=2)
    add(session, archive, "b.jpg", "fallback", faces=1)
    add(session, archive, "c.jpg", "too-small", faces=1)
    add(session, archive, "d.jpg", "faceless")
    add(session, archive, "e.jpg", "unreadable", "unreadable")
    add(session, archive, "f.jpg", "stopped", "stopped")
    add(session, other, "a.jpg", "searched", faces=1)
    add(session, other, "b.jpg", "searched", faces=1)
    assert coverage(session, drawn(session)) == {
        "archive": {"searched": 1, "fallback": 1, "too-small": 1, "faceless": 1, "unreadable": 1, "stopped": 1},
        "other": {"searched": 2},
    }


def test_what_is_gone_or_erased_is_not_counted(session: Session) -> None:
    store = make_store(session, name="archive")
    add(session, store, "a.jpg", "searched", faces=1)
    add(session, store, "b.jpg", "searched", "gone", faces=1)
    add(session, store, "c.jpg", "not-looked-at", "erased")
    assert coverage(session, drawn(session)) == {"archive": {"searched": 1}}


def test_templates_of_another_encoder_are_not_said_to_be_searched(session: Session) -> None:
    store = make_store(session, name="archive")
    add(session, store, "a.jpg", "searched", faces=2)
    add(session, store, "b.jpg", "fallback", faces=1)
    half = add(session, store, "c.jpg", "searched", faces=1)
    make_face(session, half)  # Of this one's two faces only one was encoded.
    add(session, store, "d.jpg", "faceless")
    assert coverage(session, drawn(session)) == {
        "archive": {"searched": 1, "fallback": 1, "old-encoder": 1, "faceless": 1}
    }
    newer = Encoder(name="newer", version="1", dimensions=128)
    session.add(newer)
    session.flush()
    # Also where nothing was ever encoded by the one that searches, and the database does not know it.
    for encoder in (newer.id, None):
        assert coverage(session, encoder) == {"archive": {"old-encoder": 3, "faceless": 1}}


def test_a_store_that_was_never_scanned_is_named(session: Session) -> None:
    make_store(session, name="attic")
    assert coverage(session, None) == {"attic": {}}
    assert lines({}) == ["no photographs were seen there"]
    assert summary({"attic": {}}) == "There were no photographs that we could search."


def test_an_unfinished_scan_leaves_some_not_looked_at(session: Session) -> None:
    store = make_store(session, name="archive")
    add(session, store, "a.jpg", "searched", faces=1)
    scan = Scan(store_id=store.id, state="paused", expected=5, seen=1, started_at=clock.now())
    session.add(scan)
    session.flush()
    assert coverage(session, drawn(session)) == {"archive": {"searched": 1, "not-looked-at": 4}}
    scan.state = "done"
    session.flush()
    assert coverage(session, drawn(session)) == {"archive": {"searched": 1}}


def test_a_second_scan_that_only_began_takes_nothing_away(session: Session) -> None:
    store = make_store(session, name="archive")
    for name in ("a.jpg", "b.jpg"):
        add(session, store, name, "searched", faces=1)
    session.add(Scan(store_id=store.id, state="running", expected=2, seen=0, started_at=clock.now()))
    session.flush()
    assert coverage(session, drawn(session)) == {"archive": {"searched": 2}}


def test_every_kind_that_an_image_can_have_is_put_into_words() -> None:
    assert set(COVERAGE) | {"old-encoder", "set-aside"} == set(KINDS)
    report = {"one": dict.fromkeys(KINDS, 1), "two": {"faceless": 1_000}}
    assert totals(report)["faceless"] == 1_001
    assert len(lines(totals(report))) == len(KINDS)
    assert summary(report) == (
        "We hold 1,009 photographs in 2 stores. In 3 photographs there are faces that we can compare. "
        "In 1,006 photographs there are none."
    )
    for kind, words in KINDS.items():
        assert ("can be compared" in words) == (kind in COMPARED)
        assert ("because" in words) == (kind not in COMPARED)


def test_where_all_were_compared_it_says_so() -> None:
    report = {"one": {"searched": 1}}
    assert summary(report).endswith("In 1 photograph there are faces that we can compare. That is all of them.")
    assert lines(report["one"]) == ["1 photograph: a face was found that can be compared"]

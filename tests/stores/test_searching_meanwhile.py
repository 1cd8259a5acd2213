"""A search goes on while scans, erasures and other encoders change what is held: nothing is held up or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import workers
from portal import blobs, clock, images, jobs
from portal.db import Database
from portal.errors import ObjectUnreadable
from portal.stores.folder import Folder
from portal.tables import Candidate, Case, Encoder, Image, Probe, Scan, Search, Store
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from tests.matching.making import make_case
from tests.stores.test_scanning import rows
from workers import searching


@pytest.fixture
def search_id(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan], encoder: DrawnFaceEncoder
) -> str:
    """A search for somebody who is on two photographs."""
    for name, seed in (("a.jpg", 5), ("b.jpg", 6)):
        (folder / name).write_bytes(drawn_jpeg(3, seed=seed))
    scan(okc)
    data = drawn_jpeg(3)
    with database.writing() as session:
        case = make_case(session, state="searching")
        probe = Probe(case_id=case.id, kind="selfie", state="ready", created_at=clock.now(), chosen=0)
        probe.boxes = [list(box) for box in encoder.find(images.open_picture(data).pixels)]
        probe.blob_id = blobs.put_blob(session, "probe", data, "image/jpeg").id
        search = Search(case_id=case.id, created_at=clock.now())
        session.add_all([probe, search])
        session.flush()
        jobs.make_due(session, search)
        return search.id


def state(database: Database) -> str:
    [case] = rows(database, Case)
    return str(case.state)


def test_one_unreadable_file_does_not_hold_up_the_case(
    database: Database, search_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Folder.open

    def unreadable(folder: Folder, key: str) -> bytes:
        if key == "a.jpg":
            raise ObjectUnreadable("This file cannot be read.")
        return real(folder, key)

    monkeypatch.setattr(Folder, "open", unreadable)
    assert workers.carry_out(database, "searching", search_id) == "worked"
    assert state(database) == "reviewing"
    assert len(rows(database, Candidate)) == 1


def during_the_search(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Once, between the search and its being written down."""
    real, left = searching.cut_crops, [happens]

    def then(*arguments: Any) -> dict[int, bytes]:
        crops = real(*arguments)
        if left:
            left.pop()()
        return crops

    monkeypatch.setattr(searching, "cut_crops", then)


def test_an_image_erased_during_the_search_is_no_candidate(
    database: Database, search_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased = rows(database, Image)[0].id

    def erase() -> None:
        with database.writing() as session:
            session.get_one(Image, erased).state = "erased"

    during_the_search(monkeypatch, erase)
    assert workers.carry_out(database, "searching", search_id) == "worked"
    assert erased not in {candidate.image_id for candidate in rows(database, Candidate)}
    assert len(rows(database, Candidate)) == 1


def test_a_search_in_a_gallery_that_was_retired_meanwhile_is_made_again(
    database: Database, search_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(state: str) -> None:
        with database.writing() as session:
            session.query(Encoder).one().state = state

    during_the_search(monkeypatch, lambda: say("retired"))
    assert workers.carry_out(database, "searching", search_id) == "worked"
    assert (state(database), rows(database, Search)[0].finished_at) == ("searching", None)
    say("live")
    assert workers.carry_out(database, "searching", search_id) == "worked"
    assert (state(database), len(rows(database, Candidate))) == ("reviewing", 2)

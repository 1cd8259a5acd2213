"""The gallery is searched exactly, takes in what is new, forgets what is gone, and is shared without harm."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from portal.config import Config
from portal.db import Database
from portal.keys import SealBroken, keys_in
from portal.matching import gallery as module
from portal.matching import shared
from portal.matching.gallery import Gallery, WrongDimensions, load_gallery
from portal.tables import Encoder, Face, Image, Template
from tests.matching.making import make_face, make_image, make_store
from tests.matching.test_nearness import plain, some_vectors

SPAWN = multiprocessing.get_context("spawn")
SHARES = shared.TMPFS.is_dir()
needs_tmpfs = pytest.mark.skipif(not SHARES, reason="this machine has no tmpfs")


def add(database: Database, vectors: np.ndarray) -> list[int]:
    """Commit one live image with one face for each vector. Face ids."""
    with database.writing() as session:
        store = make_store(session)
        return [make_face(session, make_image(session, store, f"{n}.jpg"), v).id for n, v in enumerate(vectors)]


def erase(database: Database, face_ids: list[int]) -> None:
    with database.writing() as session:
        session.execute(delete(Face).where(Face.id.in_(face_ids)))


def load(database: Database) -> Gallery:
    return load_gallery(database, "drawn", "1")


def found(gallery: Gallery, vector: np.ndarray, threshold: float = 1e-6) -> list[int]:
    return [face.face_id for face in gallery.search(vector[np.newaxis], threshold)]


def memory_of(config: Config) -> bytes:
    """All bytes that rest in the shared files, without their gaps."""
    folder = shared.folder_of(config)
    assert folder is not None
    taken = b""
    for path in folder.iterdir():
        with path.open("rb") as file:
            taken += file.read(1_000_000)
            file.seek(shared.VECTORS_AT)
            taken += file.read()
    return taken


def test_a_gallery_is_read_back_as_it_was_stored(database: Database) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors)
    gallery = load(database)
    assert len(gallery) == 3
    assert np.array_equal(gallery.rows.vectors[:3], vectors)
    assert [found(gallery, vector) for vector in vectors] == [[face] for face in faces]


def test_what_is_found_is_what_the_plain_loop_finds_nearest_first(database: Database) -> None:
    vectors, probes = some_vectors(200, 1), some_vectors(3, 2)
    faces = add(database, vectors)
    answer = load(database).search(probes, 0.93)
    expected = {faces[row]: distance for row, distance in plain(vectors, probes, 0.93).items()}
    assert 0 < len(expected) < 200
    assert {face.face_id: face.distance for face in answer} == pytest.approx(expected)
    assert [face.distance for face in answer] == sorted(face.distance for face in answer)


@pytest.fixture(params=[2, 65_536])
def stretch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRETCH", request.param)


@pytest.mark.usefixtures("stretch")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5))
def test_whatever_is_added_and_erased_the_live_faces_are_found(
    database: Database, steps: list[tuple[int, int]]
) -> None:
    """Two galleries of the same rows, one that sees each step and one that sees only some."""
    probe = some_vectors(1, 9)
    add(database, probe)
    with database.writing() as session:
        session.execute(delete(Face))
    live: dict[int, np.ndarray] = {}
    seeing, late = load(database), load(database)
    for at, (more, fewer) in enumerate(steps):
        vectors = some_vectors(more, 100 + at)
        live |= dict(zip(add(database, vectors), vectors, strict=True))
        gone = list(live)[:fewer]
        erase(database, gone)
        live = {face: vector for face, vector in live.items() if face not in gone}
        seeing.keep_up(thorough=at % 2 == 0)
    for gallery in (seeing, late):
        expected = plain(np.array(list(live.values())).reshape(-1, 128), probe, 0.95)
        assert {face.face_id for face in gallery.search(probe, 0.95)} == {list(live)[row] for row in expected}
    late.keep_up(thorough=True)
    assert len(late) == len(live)
    assert np.count_nonzero(late.rows.vectors.any(axis=1)) == len(live)


def test_rows_committed_before_a_search_are_in_it(database: Database) -> None:
    vectors = some_vectors(2, 1)
    first = add(database, vectors[:1])
    gallery = load(database)
    second = add(database, vectors[1:])
    assert found(gallery, vectors[0]) == first
    assert found(gallery, vectors[1]) == second


def test_more_than_one_batch_is_taken_in(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    vectors = some_vectors(10, 1)
    add(database, vectors)
    told: list[tuple[int, int]] = []
    gallery = load_gallery(database, "drawn", "1", lambda done, of: told.append((done, of)))
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert np.array_equal(gallery.rows.vectors[:10], vectors)


def test_templates_of_another_encoder_are_never_compared(database: Database) -> None:
    vectors = some_vectors(2, 1)
    one, other = add(database, vectors)
    with database.writing() as session:
        session.add(Encoder(id=77, name="drawn", version="2", dimensions=128))
        session.flush()
        session.execute(update(Template).where(Template.face_id == other).values(encoder_id=77))
    assert len(load_gallery(database, "drawn", "3")) == 0
    assert load_gallery(database, "drawn", "3").search(vectors, 2.0) == []
    first, second = load(database), load_gallery(database, "drawn", "2")
    assert (found(first, vectors[0], 2.0), found(second, vectors[0], 2.0)) == ([one], [other])


def test_a_template_of_other_dimensions_is_refused_by_name(database: Database) -> None:
    add(database, some_vectors(1, 1))
    add(database, some_vectors(1, 1, dimensions=64))
    with pytest.raises(WrongDimensions, match="128"):
        load(database)


def test_an_erased_image_is_not_found(database: Database) -> None:
    vectors = some_vectors(1, 1)
    add(database, vectors)
    gallery = load(database)
    with database.writing() as session:
        session.execute(update(Image).values(state="erased"))
    assert found(gallery, vectors[0]) == []


def test_a_template_moved_to_another_face_does_not_open(database: Database) -> None:
    one, other = add(database, some_vectors(2, 1))
    with database.writing() as session:
        rows = {row.face_id: row for row in session.query(Template)}
        rows[one].sealed = rows[other].sealed
    with pytest.raises(SealBroken):
        load(database)


def test_templates_sealed_in_envelopes_before_are_searched_too(database: Database) -> None:
    vectors = some_vectors(1, 1)
    (face,) = add(database, vectors)
    with database.writing() as session:
        sealed = keys_in(database.config.data).seal(vectors[0].tobytes(), f"template/{face}")
        session.execute(update(Template).values(sealed=sealed))
    assert found(load(database), vectors[0]) == [face]


def test_a_deleted_template_is_gone_from_the_next_answer(database: Database) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors)
    gallery = load(database)
    assert sorted(found(gallery, vectors[0], 2.0)) == faces
    erase(database, faces[:1])
    assert sorted(found(gallery, vectors[0], 2.0)) == faces[1:]


@needs_tmpfs
def test_the_bytes_of_a_deleted_template_are_overwritten(database: Database) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors)
    load(database)
    assert all(vector.tobytes() in memory_of(database.config) for vector in vectors)
    erase(database, faces[1:2])
    load(database)
    memory = memory_of(database.config)
    assert [vector.tobytes() in memory for vector in vectors] == [True, False, True]


@needs_tmpfs
def test_only_its_owner_can_read_the_shared_rows_and_a_stop_takes_them_away(database: Database) -> None:
    add(database, some_vectors(1, 1))
    load(database)
    folder = shared.folder_of(database.config)
    assert folder is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    shared.forget(database.config)
    assert not folder.exists()


@needs_tmpfs
def test_no_template_lies_in_a_file_on_a_disk(database: Database) -> None:
    vectors = some_vectors(3, 1)
    add(database, vectors)
    found(load(database), vectors[0])
    resting = b"".join(path.read_bytes() for path in database.config.data.rglob("*") if path.is_file())
    assert not any(vector.tobytes()[:32] in resting for vector in vectors)


@needs_tmpfs
def test_rows_taken_away_while_in_use_are_made_again(database: Database) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors)
    gallery = load(database)
    shared.forget(database.config)
    assert found(gallery, vectors[2]) == faces[2:]


@needs_tmpfs
def test_a_folder_that_somebody_else_put_there_is_refused(database: Database) -> None:
    add(database, some_vectors(1, 1))
    folder = shared.folder_of(database.config)
    assert folder is not None
    folder.mkdir(mode=0o755)
    with pytest.raises(module.EffaceError, match="somebody else"):
        load(database)
    folder.rmdir()


@needs_tmpfs
def test_a_full_tmpfs_is_said_and_costs_no_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    vectors = some_vectors(3, 1)
    faces = add(database, vectors)
    add_later = some_vectors(1, 2)

    def full(_file: int, _start: int, _length: int) -> None:
        raise OSError(28, "No space left on device")

    shared_before = load(database)
    monkeypatch.setattr(os, "posix_fallocate", full)
    added = add(database, add_later)
    with caplog.at_level(logging.WARNING):
        assert found(shared_before, add_later[0]) == added
    assert "No space left on device" in caplog.text
    assert found(load(database), vectors[1]) == faces[1:2]
    assert not any(vector.tobytes() in memory_of(database.config) for vector in vectors)
    with pytest.raises(shared.NoRoom):
        Gallery(database, _encoder(database), None).keep_up(may_hold_alone=False)
    monkeypatch.undo()
    assert load(database).rows.path is not None


def test_a_machine_without_a_tmpfs_finds_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "TMPFS", Path("/no/such/folder"))
    vectors = some_vectors(9, 1)
    faces = add(database, vectors)
    gallery = load(database)
    erase(database, faces[:2])
    more = some_vectors(4, 2)
    faces += add(database, more)
    gallery.keep_up(thorough=True)
    assert len(gallery) == 11
    assert found(gallery, more[3]) == faces[-1:]


# Real processes


def _encoder(database: Database) -> Encoder:
    with database.reading() as session:
        return session.query(Encoder).filter_by(name="drawn", version="1").one()


def search_elsewhere(config: Config, vector: np.ndarray, answers: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    database = Database(config)
    gallery = load(database)
    answers.put((found(gallery, vector), len(gallery), gallery.rows.newest))
    database.close()


def search_for_long(config: Config, vector: np.ndarray, face: int, rounds: int) -> None:
    database = Database(config)
    gallery = load(database)
    for _ in range(rounds):
        assert found(gallery, vector) == [face]
        gallery.keep_up(thorough=True)
    database.close()


def write_half_and_die(config: Config) -> None:
    """Builds in batches of two, and is killed in the middle of writing the third."""
    database = Database(config)
    module.BATCH = 2
    gallery = Gallery(database, _encoder(database))

    def die(done: int, _all: int) -> None:
        if done == 4:
            gallery.rows._write_header(1)
            gallery.rows.ids[4] = 5
            os.kill(os.getpid(), signal.SIGKILL)

    gallery._progress = die
    gallery.keep_up()


def test_builders_that_start_at_once_make_one_gallery(database: Database) -> None:
    vectors = some_vectors(40, 1)
    faces = add(database, vectors)
    answers = SPAWN.Queue()
    builders = [SPAWN.Process(target=search_elsewhere, args=(database.config, vectors[7], answers)) for _ in range(3)]
    for builder in builders:
        builder.start()
    assert [answers.get(timeout=60)[:2] for _ in builders] == [([faces[7]], 40)] * 3
    for builder in builders:
        builder.join()
    assert len(load(database).rows.ids) == 40


def test_searches_hold_while_others_write_and_erase(database: Database) -> None:
    vectors = some_vectors(30, 1)
    faces = add(database, vectors)
    searchers = [
        SPAWN.Process(target=search_for_long, args=(database.config, vectors[n], faces[n], 40)) for n in (0, 1)
    ]
    for searcher in searchers:
        searcher.start()
    for seed in range(10):
        erase(database, add(database, some_vectors(5, 50 + seed)))
    for searcher in searchers:
        searcher.join()
        assert searcher.exitcode == 0
    assert len(load(database)) == 30


@needs_tmpfs
def test_a_builder_killed_half_way_leaves_nothing_that_is_trusted(database: Database) -> None:
    vectors = some_vectors(7, 1)
    faces = add(database, vectors)
    builder = SPAWN.Process(target=write_half_and_die, args=(database.config,))
    builder.start()
    builder.join()
    assert builder.exitcode == -signal.SIGKILL
    assert vectors[0].tobytes() in memory_of(database.config)
    gallery = load(database)
    assert [found(gallery, vector) for vector in vectors] == [[face] for face in faces]
    assert len(gallery) == 7

"""What was erased does not come in again, and a killed scan ends as if it had never been killed."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import workers
from portal import audit, clock, jobs
from portal.config import Config
from portal.db import Database
from portal.errors import StoreUnavailable
from portal.suppression import suppress
from portal.tables import Entry, Erasure, Face, Image, Scan, Store, Template
from tests.fakes import DrawnFaceEncoder, drawn_jpeg
from tests.matching.making import make_account, make_case
from tests.stores.test_scanning import adds_up, counts, fill, pictures, revive, rows


def shut_gate(database: Database, image: Image, blocks: str = "intake") -> None:
    with database.writing() as session:
        account = make_account(session, f"asker-{image.id}")
        erasure = Erasure(
            case_id=make_case(session).id, kind="deletion", plan_digest="", asked_by=account, planned_at=clock.now()
        )
        session.add(erasure)
        session.flush()
        suppress(session, erasure.id, image, blocks)


def test_suppressed_content_is_stopped_under_any_name_and_saved_anew(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan]
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3, seed=5))
    (folder / "other.jpg").write_bytes(drawn_jpeg(3, seed=6))
    scan(okc)
    shut_gate(database, rows(database, Image)[0])
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "c.jpg").write_bytes(drawn_jpeg(3, seed=5, quality=60))
    again = scan(okc)
    assert counts(again) == {"seen": 4, "unchanged": 2, "stopped": 2}
    assert adds_up(again)
    seen = pictures(database)
    assert seen["b.jpg"] == seen["c.jpg"] == ("stopped", "stopped", 0)
    stopped = [image for image in rows(database, Image) if image.state == "stopped"]
    assert [(image.digest, image.near_digest) for image in stopped] == [(None, None)] * 2


def test_a_changed_file_that_is_stopped_loses_its_templates(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan]
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3, seed=5))
    (folder / "b.jpg").write_bytes(drawn_jpeg(4))
    scan(okc)
    shut_gate(database, rows(database, Image)[0])
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    scan(okc)
    assert pictures(database)["b.jpg"] == ("stopped", "stopped", 0)


def test_opt_outs_do_not_stop_the_intake(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan]
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3))
    scan(okc)
    shut_gate(database, rows(database, Image)[0], "datasets")
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    assert counts(scan(okc)) == {"seen": 2, "unchanged": 1, "new": 1, "faces": 1}


def test_the_gate_may_shut_while_a_page_is_being_looked_at(
    database: Database,
    folder: Path,
    okc: Store,
    scan: Callable[[Store], Scan],
    encoder: DrawnFaceEncoder,
) -> None:
    """An erasure that commits between reading a picture and recording it is heeded."""
    (folder / "a.jpg").write_bytes(drawn_jpeg(3, seed=5))
    scan(okc)
    image, real = rows(database, Image)[0], encoder.find
    (folder / "b.jpg").write_bytes(drawn_jpeg(3, seed=5, quality=70))

    def shut_meanwhile(pixels: Any) -> Any:
        shut_gate(database, image)
        return real(pixels)

    encoder.find = shut_meanwhile  # type: ignore[method-assign]
    assert counts(scan(okc)) == {"seen": 2, "unchanged": 1, "stopped": 1}
    assert pictures(database)["b.jpg"] == ("stopped", "stopped", 0)


def test_an_image_erased_while_it_was_looked_at_stays_erased(
    database: Database,
    folder: Path,
    okc: Store,
    scan: Callable[[Store], Scan],
    encoder: DrawnFaceEncoder,
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3))
    scan(okc)
    erased, real = rows(database, Image)[0].id, encoder.find
    (folder / "b.jpg").write_bytes(drawn_jpeg(4))

    def erase_meanwhile(pixels: Any) -> Any:
        with database.writing() as session:
            image = session.get_one(Image, erased)
            session.query(Face).where(Face.image_id == erased).delete()
            image.state, image.key, image.digest, image.version = "erased", f"/erased/{erased}", None, None
        return real(pixels)

    encoder.find = erase_meanwhile  # type: ignore[method-assign]
    done = scan(okc)
    assert counts(done) == {"seen": 2, "new": 1, "unchanged": 1, "faces": 1}
    assert pictures(database)[f"/erased/{erased}"] == ("erased", "searched", 0)


def test_the_log_has_counts_and_no_names_of_files(
    database: Database, folder: Path, okc: Store, scan: Callable[[Store], Scan]
) -> None:
    (folder / "anna-mueller.jpg").write_bytes(drawn_jpeg(3))
    scan(okc)
    with database.reading() as session:
        entries = list(session.scalars(select(Entry).order_by(Entry.position)))
        assert [entry.kind for entry in entries] == ["store-added", "scan-started", "scan-finished"]
        assert b'"faces":1' in entries[-1].body.replace(b" ", b"")
        assert not any(b"anna" in entry.body or b"okc" in entry.body for entry in entries)
        assert audit.fsck(session) == []


def carry_out_in_child(config: Config, scan_id: str) -> None:
    database = Database(config)
    result = workers.carry_out(database, "scanning", scan_id)
    database.close()
    raise SystemExit({"worked": 0, "not-due": 3}.get(result, 1))


def wait_for(told: int, count: int, child: multiprocessing.process.BaseProcess) -> bool:
    """Read so many signs from a child. False when it ended before."""
    for _ in range(count):
        ready = multiprocessing.connection.wait([told, child.sentinel], timeout=60)
        assert ready, "the child does nothing"
        if told not in ready:
            return False
        os.read(told, 1)
    return True


def test_killed_again_and_again_the_end_is_the_same(
    config: Config,
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Callable[[Store], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real processes and real SIGKILL, each a few photographs on, at instants drawn by lot."""
    monkeypatch.setattr("workers.scanning.PAGE_PICTURES", 3)
    fill(folder, 40)
    (folder / "broken.jpg").write_bytes(b"x")
    scan_id, lot, kills = start(okc), random.Random(7), 0
    fork = multiprocessing.get_context("fork")
    real = encoder.find
    looked = fork.Value("i", 0)
    told, tell = os.pipe()

    def count(pixels: Any) -> Any:
        with looked.get_lock():
            looked.value += 1
        os.write(tell, b".")
        return real(pixels)

    encoder.find = count  # type: ignore[method-assign]
    database.close()  # No connection may be shared with a child.
    for _attempt in range(60):
        child = fork.Process(target=carry_out_in_child, args=(config, scan_id))
        child.start()
        if wait_for(told, lot.randint(1, 12), child):
            child.join(lot.uniform(0, 0.03))
        if child.is_alive():
            child.kill()
            kills += 1
        child.join()
        while multiprocessing.connection.wait([told], timeout=0):
            os.read(told, 1)  # What this child did says nothing of the next.
        if child.exitcode == 0:
            break
        revive(database, scan_id)
        database.close()
    os.close(told)
    os.close(tell)
    assert kills >= 2
    assert looked.value <= 40 + 3 * kills, "a kill costs one batch"
    with database.reading() as session:
        done = session.get_one(Scan, scan_id)
        assert (done.state, counts(done)) == ("done", {"seen": 41, "new": 40, "unreadable": 1, "faces": 40})
        assert session.scalar(select(func.count()).select_from(Template)) == 40
        assert session.scalar(select(func.count()).select_from(Entry).where(Entry.kind == "scan-finished")) == 1


def test_eight_troubles_without_progress_wait_for_a_person_who_can_resume(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Callable[[Store], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from portal.stores import scans

    def broken() -> DrawnFaceEncoder:
        raise RuntimeError("the weights are gone")

    fill(folder, 2)
    scan_id = start(okc)
    with monkeypatch.context() as trouble:
        trouble.setattr("workers.encoder.load_encoder", broken)
        for _ in range(jobs.POISON):
            assert workers.carry_out(database, "scanning", scan_id) == "failed"
            revive(database, scan_id)
    with database.writing() as session:
        scan = session.get_one(Scan, scan_id)
        assert scans.progress(scan).stuck
        scans.ask(session, scan, "resume")
    assert workers.carry_out(database, "scanning", scan_id) == "worked"
    assert counts(rows(database, Scan)[0]) == {"seen": 2, "new": 2, "faces": 2}


def test_a_store_that_stays_away_is_waited_for_and_then_scanned(
    database: Database, folder: Path, okc: Store, encoder: DrawnFaceEncoder, start: Callable[[Store], str]
) -> None:
    from portal.stores import scans

    fill(folder, 2)
    folder.rename(folder.with_name("away"))
    scan_id = start(okc)
    for _ in range(jobs.POISON + 1):
        assert workers.carry_out(database, "scanning", scan_id) == "failed"
        revive(database, scan_id)
    with database.reading() as session:
        progress = scans.progress(session.get_one(Scan, scan_id))
        assert not progress.stuck
        assert "is not there" in (progress.problem or "")
    folder.with_name("away").rename(folder)
    assert workers.carry_out(database, "scanning", scan_id) == "worked"
    assert counts(rows(database, Scan)[0]) == {"seen": 2, "new": 2, "faces": 2}


def test_a_store_that_is_away_at_the_start_is_tried_again(
    database: Database, folder: Path, okc: Store, encoder: DrawnFaceEncoder, start: Callable[[Store], str]
) -> None:
    folder.rmdir()
    scan_id = start(okc)
    lease = jobs.claim(database, "scanning", scan_id)
    assert lease is not None
    from workers import scanning

    with pytest.raises(StoreUnavailable):
        scanning.work(lease)

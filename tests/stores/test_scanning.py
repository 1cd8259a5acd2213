"""A store becomes a gallery, whatever happens on the way."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, func, select

import workers
from portal import clock, images, jobs
from portal.db import Database
from portal.errors import LostLease, NotFound
from portal.keys import keys_of
from portal.stores import adding, scans
from portal.stores.folder import Folder
from portal.tables import Encoder, Face, Image, Scan, ScanError, Store, Template
from tests.fakes import DrawnFaceEncoder, draw_photograph, drawn_jpeg, template_of
from workers import scanning
from workers.pacing import Pace

Start = Callable[[Store], str]
CarryOut = Callable[[str], str]
ScanIt = Callable[[Store], Scan]


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number:03}.jpg").write_bytes(drawn_jpeg(number % 24, size=(128, 96)))


def rows(database: Database, table: Any) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def counts(scan: Scan) -> dict[str, int]:
    return {name: value for name in scans.COUNTS if (value := getattr(scan, name))}


def adds_up(scan: Scan) -> bool:
    return scan.seen == scan.new + scan.changed + scan.unchanged + scan.unreadable + scan.stopped


def pictures(database: Database) -> dict[str, tuple[str, str, int]]:
    """key -> state, coverage, number of templates."""
    with database.reading() as session:
        found = select(Image.key, Image.state, Image.coverage, func.count(Template.id))
        joined = found.outerjoin(Face, Face.image_id == Image.id).outerjoin(Template, Template.face_id == Face.id)
        return {key: tuple(rest) for key, *rest in session.execute(joined.group_by(Image.id).order_by(Image.key))}


def revive(database: Database, scan_id: str) -> None:
    """What the sweep finds after a worker was killed: a lease that ran out, or a wait that is over."""
    with database.writing() as session:
        scan = session.get_one(Scan, scan_id)
        scan.lease_until = scan.run_after = clock.now() - timedelta(seconds=1)


def test_a_store_becomes_a_gallery(database: Database, folder: Path, okc: Store, scan: ScanIt) -> None:
    (folder / "two.jpg").write_bytes(drawn_jpeg(3, 7))
    (folder / "below").mkdir()
    (folder / "below" / "one.png").write_bytes(drawn_jpeg(5))
    (folder / "nobody.jpg").write_bytes(drawn_jpeg())
    (folder / "notes.txt").write_text("no picture")
    done = scan(okc)
    assert (done.state, done.work_state, done.expected) == ("done", "done", 4)
    assert counts(done) == {"seen": 4, "new": 3, "unreadable": 1, "faces": 3, "faceless": 1}
    assert adds_up(done)
    assert pictures(database) == {
        "below/one.png": ("live", "searched", 1),
        "nobody.jpg": ("live", "faceless", 0),
        "notes.txt": ("unreadable", "unreadable", 0),
        "two.jpg": ("live", "searched", 2),
    }


def test_templates_are_sealed_for_their_face(database: Database, folder: Path, okc: Store, scan: ScanIt) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3, 7))
    scan(okc)
    with database.reading() as session:
        for person, (face, template) in zip(
            (3, 7), session.execute(select(Face, Template).join(Template).order_by(Face.left)), strict=True
        ):
            plain = keys_of(session).unseal_small(template.sealed, "template", face.id)
            assert np.linalg.norm(np.frombuffer(plain, "<f4") - template_of(person)) < 0.25
            assert plain not in template.sealed
        image = session.scalars(select(Image)).one()
        assert (image.width, image.height, len(image.digest or b""), len(image.near_digest or b"")) == (
            640,
            480,
            32,
            32,
        )


def test_unreadable_files_are_listed_with_a_reason(database: Database, folder: Path, okc: Store, scan: ScanIt) -> None:
    (folder / "=cmd.jpg").write_bytes(drawn_jpeg(3)[:2000])
    (folder / "empty.jpg").write_bytes(b"")
    done = scan(okc)
    assert {(error.key, error.kind) for error in rows(database, ScanError)} == {
        ("=cmd.jpg", "truncated"),
        ("empty.jpg", "empty"),
    }
    with database.reading() as session:
        assert scans.progress(session.get_one(Scan, done.id)).errors == {"empty": 1, "truncated": 1}
        text = scans.errors_csv(session, done)
    assert text.splitlines()[0] == "key,kind,sentence"
    assert text.splitlines()[1].startswith("'=cmd.jpg,truncated,")


def test_faces_that_are_too_small_are_counted_and_still_compared(
    database: Database, folder: Path, okc: Store, scan: ScanIt
) -> None:
    (folder / "small.jpg").write_bytes(images.to_jpeg(draw_photograph(3, face=24)))
    assert counts(scan(okc)) == {"seen": 1, "new": 1, "faces": 1, "too_small": 1}
    assert pictures(database) == {"small.jpg": ("live", "too-small", 1)}


def test_a_second_scan_touches_only_what_changed(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder
) -> None:
    fill(folder, 5)
    (folder / "broken.jpg").write_bytes(b"x")
    scan(okc)
    before = {image.key: image.id for image in rows(database, Image)}
    looked: list[int] = []
    encoder.find = lambda pixels, real=encoder.find: looked.append(1) or real(pixels)  # type: ignore[method-assign]
    (folder / "001.jpg").write_bytes(drawn_jpeg(9, 10))
    (folder / "002.jpg").unlink()
    (folder / "new.jpg").write_bytes(drawn_jpeg(11))
    again = scan(okc)
    assert counts(again) == {
        "seen": 6, "new": 1, "changed": 1, "unchanged": 3, "unreadable": 1, "faces": 3, "gone": 1,
    }  # fmt: skip
    assert adds_up(again)
    assert len(looked) == 2
    after = pictures(database)
    assert after["001.jpg"] == ("live", "searched", 2)
    assert after["002.jpg"] == ("gone", "searched", 0)
    assert {image.key: image.id for image in rows(database, Image)}.items() >= before.items()


def test_what_comes_back_is_new_again(database: Database, folder: Path, okc: Store, scan: ScanIt) -> None:
    fill(folder, 1)
    data = (folder / "000.jpg").read_bytes()
    scan(okc)
    (folder / "000.jpg").unlink()
    assert counts(scan(okc)) == {"gone": 1}
    (folder / "000.jpg").write_bytes(data)
    assert counts(scan(okc)) == {"seen": 1, "new": 1, "faces": 1}
    assert pictures(database) == {"000.jpg": ("live", "searched", 1)}


def test_the_same_bytes_are_encoded_once(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3))
    scan(okc)
    shutil.copy(folder / "a.jpg", folder / "copy.jpg")

    def refuse(pixels: np.ndarray) -> list[Any]:
        raise AssertionError("these bytes were looked at before")

    encoder.find = refuse  # type: ignore[method-assign]
    assert counts(scan(okc)) == {"seen": 2, "new": 1, "unchanged": 1, "faces": 1}
    with database.reading() as session:
        found = session.execute(select(Face, Template).join(Template)).all()
        plain = {keys_of(session).unseal_small(template.sealed, "template", face.id) for face, template in found}
    assert len(found) == 2
    assert len(plain) == 1


def test_the_same_bytes_in_one_scan_are_encoded_once_and_so_are_those_without_a_face(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder
) -> None:
    for number in range(20):
        (folder / f"{number:02}.jpg").write_bytes(drawn_jpeg(3, seed=1) if number % 2 else drawn_jpeg(seed=2))
    looked, real = [], encoder.find
    encoder.find = lambda pixels: (looked.append(1), real(pixels))[1]  # type: ignore[method-assign,func-returns-value]
    done = scan(okc)
    assert counts(done) == {"seen": 20, "new": 20, "faces": 10, "faceless": 10}
    assert (len(looked), done.encoded) == (2, 2)
    shutil.copy(folder / "00.jpg", folder / "30.jpg")
    assert counts(scan(okc)) == {"seen": 21, "new": 1, "unchanged": 20, "faceless": 1}
    assert len(looked) == 2


def test_faces_that_only_the_second_detector_sees_are_kept_apart(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder
) -> None:
    (folder / "a.jpg").write_bytes(drawn_jpeg(3))
    encoder.find_harder, encoder.find = encoder.find, lambda pixels: []  # type: ignore[method-assign]
    assert counts(scan(okc)) == {"seen": 1, "new": 1, "faces": 1, "fallback": 1}
    assert pictures(database) == {"a.jpg": ("live", "fallback", 1)}
    assert [face.fallback for face in rows(database, Face)] == [True]
    shutil.copy(folder / "a.jpg", folder / "b.jpg")
    assert counts(scan(okc)) == {"seen": 2, "new": 1, "unchanged": 1, "faces": 1, "fallback": 1}
    assert [face.fallback for face in rows(database, Face)] == [True, True]


def test_what_could_not_be_used_is_tried_again_alone(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder, carry_out: CarryOut
) -> None:
    fill(folder, 3)
    good = (folder / "001.jpg").read_bytes()
    for name in ("001.jpg", "002.jpg"):
        (folder / name).write_bytes(b"cut")
    assert counts(scan(okc)) == {"seen": 3, "new": 1, "unreadable": 2, "faces": 1}
    (folder / "001.jpg").write_bytes(good)
    (folder / "000.jpg").unlink()
    with database.writing() as session:
        again = scans.retry_errors(session, okc, None).id
    assert carry_out(again) == "worked"
    with database.reading() as session:
        done = session.get_one(Scan, again)
    assert (done.expected, counts(done)) == (2, {"seen": 2, "changed": 1, "unreadable": 1, "faces": 1})
    assert pictures(database)["000.jpg"][0] == "live", "what was not looked for is not called gone"
    assert [error.key for error in rows(database, ScanError) if error.scan_id == again] == ["002.jpg"]
    (folder / "002.jpg").write_bytes(good)
    assert counts(scan(okc)) == {"seen": 2, "unchanged": 1, "changed": 1, "faces": 1, "gone": 1}
    with database.writing() as session, pytest.raises(NotFound, match="could use every file"):
        scans.retry_errors(session, okc, None)


def test_another_encoder_makes_templates_of_its_own(
    database: Database, folder: Path, okc: Store, scan: ScanIt, encoder: DrawnFaceEncoder
) -> None:
    fill(folder, 2)
    (folder / "small.jpg").write_bytes(images.to_jpeg(draw_photograph(3, face=24)))
    scan(okc)
    encoder.version = "2"
    assert counts(scan(okc)) == {"seen": 3, "unchanged": 3, "faces": 3, "too_small": 1}
    second = next(row.id for row in rows(database, Encoder) if row.version == "2")
    assert [template.encoder_id for template in rows(database, Template)] == [second] * 3


def test_a_failure_in_the_middle_of_a_page_loses_at_most_that_page(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 4)
    fill(folder, 22)
    (folder / "011-broken.jpg").write_bytes(b"x")
    scan_id = start(okc)
    real, looked = encoder.find, []

    def fail_now_and_then(pixels: np.ndarray) -> Any:
        looked.append(1)
        if len(looked) % 7 == 0:
            raise MemoryError("no memory left")
        return real(pixels)

    encoder.find = fail_now_and_then  # type: ignore[method-assign]
    results = []
    for _ in range(20):
        results.append(carry_out(scan_id))
        if results[-1] == "worked":
            break
        revive(database, scan_id)
    assert results.count("failed") >= 3
    (done,) = rows(database, Scan)
    assert (done.state, done.problem) == ("done", None)
    assert counts(done) == {"seen": 23, "new": 22, "unreadable": 1, "faces": 22}
    assert len(rows(database, Template)) == 22
    assert len(looked) <= 22 + 4 * results.count("failed")


def test_a_worker_killed_at_any_statement_changes_nothing_in_the_end(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page's record is broken off before each of its inserts, as a kill would: then the lease runs out."""
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 2)
    fill(folder, 6)
    scan_id = start(okc)
    inserts = [0]

    def killed(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if statement.startswith(("INSERT INTO image", "INSERT INTO face", "INSERT INTO template")):
            inserts[0] += 1
            # Images, faces and templates of a page are one insert each: each of the three is broken off once.
            if inserts[0] in (1, 3, 9):
                raise KeyboardInterrupt

    event.listen(database.engine, "before_cursor_execute", killed)
    for pages in (0, 0, 1):
        with pytest.raises(KeyboardInterrupt):
            carry_out(scan_id)
        assert len(rows(database, Template)) == 2 * pages
        revive(database, scan_id)
    assert carry_out(scan_id) == "worked"
    event.remove(database.engine, "before_cursor_execute", killed)
    (done,) = rows(database, Scan)
    assert counts(done) == {"seen": 6, "new": 6, "faces": 6}
    assert len(rows(database, Image)) == len(rows(database, Template)) == 6


def test_a_store_that_vanishes_half_way_is_not_taken_for_empty(
    database: Database,
    folder: Path,
    okc: Store,
    scan: ScanIt,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 4)
    monkeypatch.setattr(scanning, "CHUNK", 4)
    fill(folder, 10)
    scan(okc)
    fill(folder, 12)
    scan_id, real, looked = start(okc), encoder.find, []

    def lose_the_disk(pixels: np.ndarray) -> Any:
        looked.append(1)
        if len(looked) == 6:
            folder.rename(folder.with_name("elsewhere"))
            folder.mkdir()
        return real(pixels)

    encoder.find = lose_the_disk  # type: ignore[method-assign]
    assert carry_out(scan_id) == "failed"
    away = rows(database, Scan)[-1] if rows(database, Scan)[-1].id == scan_id else rows(database, Scan)[0]
    assert (away.state, away.work_state, away.seen, away.gone) == ("running", "due", 8, 0)
    assert "not the one that was added" in away.problem
    assert [picture[0] for picture in pictures(database).values()] == ["live"] * 10
    folder.rmdir()
    folder.with_name("elsewhere").rename(folder)
    revive(database, scan_id)
    assert carry_out(scan_id) == "worked"
    with database.reading() as session:
        done = session.get_one(Scan, scan_id)
    assert (done.state, counts(done)) == ("done", {"seen": 12, "new": 2, "changed": 10, "faces": 12})


def test_pause_resume_and_cancel(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 2)
    fill(folder, 10)
    scan_id, real, wishes = start(okc), encoder.find, {3: "pause", 7: "cancel"}
    looked = [0]

    def wish(pixels: np.ndarray) -> Any:
        looked[0] += 1
        if looked[0] in wishes:
            with database.writing() as session:
                scans.ask(session, session.get_one(Scan, scan_id), wishes[looked[0]])  # type: ignore[arg-type]
        return real(pixels)

    encoder.find = wish  # type: ignore[method-assign]
    assert carry_out(scan_id) == "worked"
    (paused,) = rows(database, Scan)
    assert (paused.state, paused.work_state, paused.seen, paused.wish) == ("paused", "idle", 4, None)
    assert carry_out(scan_id) == "not-due"
    with database.writing() as session:
        scans.ask(session, session.get_one(Scan, scan_id), "resume")
    assert carry_out(scan_id) == "worked"
    (cancelled,) = rows(database, Scan)
    assert (cancelled.state, cancelled.work_state, cancelled.seen) == ("cancelled", "done", 8)
    assert cancelled.finished_at is not None
    assert len(rows(database, Image)) == 8, "what was seen stays, nothing is called gone"
    assert {image.state for image in rows(database, Image)} == {"live"}


def test_a_wish_uttered_while_nobody_worked_is_heeded_first(
    database: Database, folder: Path, okc: Store, encoder: DrawnFaceEncoder, start: Start, carry_out: CarryOut
) -> None:
    fill(folder, 2)
    scan_id = start(okc)
    assert jobs.claim(database, "scanning", scan_id) is not None
    with database.writing() as session:
        scans.ask(session, session.get_one(Scan, scan_id), "pause")
    revive(database, scan_id)
    assert carry_out(scan_id) == "worked"
    assert (rows(database, Scan)[0].state, rows(database, Image)) == ("paused", [])


def test_of_two_scanners_one_works_and_the_slow_one_records_nothing(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is held up in its second page until its lease has run out and another has finished the scan."""
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 2)
    fill(folder, 6)
    scan_id, real = start(okc), encoder.find
    held, go_on = threading.Event(), threading.Event()
    slow = threading.Thread(target=lambda: results.append(carry_out(scan_id)))
    results: list[str] = []
    looked = [0]

    def hold_up(pixels: np.ndarray) -> Any:
        if threading.current_thread() is slow:
            looked[0] += 1
            if looked[0] == 3:
                held.set()
                assert go_on.wait(20)
        return real(pixels)

    encoder.find = hold_up  # type: ignore[method-assign]
    slow.start()
    assert held.wait(20)
    assert carry_out(scan_id) == "not-due"
    revive(database, scan_id)
    assert workers.carry_out(database, "scanning", scan_id) == "worked"
    go_on.set()
    slow.join(20)
    assert results == ["lost"]
    (done,) = rows(database, Scan)
    assert (done.state, counts(done)) == ("done", {"seen": 6, "new": 6, "faces": 6})
    assert len(rows(database, Template)) == 6


def test_files_that_vanish_or_grow_while_the_scan_goes_on_do_not_upset_the_sums(
    database: Database,
    folder: Path,
    okc: Store,
    encoder: DrawnFaceEncoder,
    start: Start,
    carry_out: CarryOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scanning, "PAGE_PICTURES", 1)
    monkeypatch.setattr(scanning, "READ_OBJECTS", 1)
    fill(folder, 10)
    scan_id, real = start(okc), encoder.find

    def meddle(pixels: np.ndarray) -> Any:
        (folder / "008.jpg").unlink(missing_ok=True)
        (folder / "zzz.jpg").write_bytes(drawn_jpeg(1, seed=1))
        return real(pixels)

    encoder.find = meddle  # type: ignore[method-assign]
    assert carry_out(scan_id) == "worked"
    (done,) = rows(database, Scan)
    assert done.state == "done"
    assert adds_up(done)
    assert "008.jpg" not in pictures(database)


def test_a_store_is_read_no_faster_than_its_operator_allows(
    database: Database, folder: Path, okc: Store, scan: ScanIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 40 a second, of 30 photographs the last are read half a second after the first, whatever the machine."""
    fill(folder, 30)
    with database.writing() as session:
        adding.set_pace(session, session.merge(okc), 40)
    read: list[float] = []
    real = Folder.open
    monkeypatch.setattr(Folder, "open", lambda self, key: read.append(time.monotonic()) or real(self, key))
    assert counts(scan(okc))["new"] == 30
    portion = scanning.READ_OBJECTS
    assert read[portion] - read[0] >= portion / 40 - 0.02
    read.clear()
    with database.writing() as session:
        adding.set_pace(session, session.merge(okc), None)
    for number in range(30):
        (folder / f"{number:03}.jpg").touch()
    scan(okc)
    assert len(read) == 30


def test_who_waits_for_the_pace_gives_up_with_the_lease() -> None:
    lost = threading.Event()
    pace = Pace(lost)
    pace.a_second = 1
    pace.take(10_000)
    threading.Timer(0.05, lost.set).start()
    with pytest.raises(LostLease):
        pace.take(1)
    assert (pace.portion(16), Pace(lost).portion(16)) == (1, 16)
